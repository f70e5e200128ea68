//! Deserializers for values whose type varies: Proxmox VE writes some numbers as strings, and booleans as 0 and 1.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Parses a number or a string with a number.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        _ => None,
    }
}

/// Parses an integer or a string with an integer.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

/// Returns a string, or a number as a string.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        _ => None,
    }
}

/// Parses a boolean as Proxmox VE does.
pub fn parse_bool(text: &str) -> bool {
    ["1", "on", "yes", "true"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
}

/// Deserializes a message of the host, with secrets masked.
pub fn redacted<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| crate::redact::text(&text)))
}

/// Deserializes a log line, with secrets masked.
pub fn redacted_line<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(crate::redact::text(&String::deserialize(from)?))
}

/// `#[serde(deserialize_with = "lenient::flag")]`: 0/1, "0"/"1", true/false; absent is false with `default`.
pub fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(integer(&value).is_some_and(|n| n != 0))
}

pub fn u64<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(from)?;
    if value.is_null() {
        return Ok(0);
    }
    number(&value).map(|n| n.max(0.0) as u64).ok_or_else(|| Error::custom(format!("{value} is not a number")))
}

pub fn u32<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    u32::try_from(u64(from)?).map_err(Error::custom)
}

pub fn opt_u64<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(number(&Value::deserialize(from)?).map(|n| n.max(0.0) as u64))
}

pub fn opt_u32<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    Ok(opt_u64(from)?.and_then(|n| u32::try_from(n).ok()))
}

pub fn opt_f64<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(number(&Value::deserialize(from)?))
}

pub fn opt_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(text(&Value::deserialize(from)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sample {
        #[serde(deserialize_with = "u64")]
        size: u64,
        #[serde(default, deserialize_with = "flag")]
        set: bool,
        #[serde(default, deserialize_with = "flag")]
        absent: bool,
        #[serde(default, deserialize_with = "opt_text")]
        name: Option<String>,
    }

    #[test]
    fn reads_either_form() {
        let sample: Sample = serde_json::from_str(r#"{"size":"12","set":"1","name":7}"#).expect("lenient");
        assert_eq!((sample.size, sample.set, sample.absent, sample.name.as_deref()), (12, true, false, Some("7")));
    }
}
