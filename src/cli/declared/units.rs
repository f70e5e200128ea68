//! Values as people write them: sizes, durations, dates and lists, for the parameters that mean such.

use crate::api::schema::{Kind, Schema};

/// Unix times.
const TIMES: &[&str] = &["expire", "starttime", "endtime", "since", "until"];
/// Durations in seconds.
const SECONDS: &[&str] = &["timeout", "lockwait-seconds", "downdelay"];

/// The value that the API takes for what a person wrote.
pub(super) fn wire(schema: &Schema, name: &str, text: &str) -> Result<String, String> {
    // The root directory alone is sent as it is.
    if name == "filepath" && text != "/" {
        return Ok(base64(text.as_bytes()));
    }
    let number = matches!(schema.kind, Some(Kind::Integer | Kind::Number));
    if number && text.parse::<f64>().is_err() {
        if TIMES.contains(&name) {
            return date(text);
        }
        if SECONDS.contains(&name) {
            return crate::duration::parse(text).map(|time| time.as_secs().to_string());
        }
    }
    Ok(if schema.is_list() && schema.kind != Some(Kind::Array) {
        crate::api::list::split(text).collect::<Vec<_>>().join(",")
    } else {
        text.to_owned()
    })
}

/// A date or time in Unix seconds; `never` is 0.
fn date(text: &str) -> Result<String, String> {
    if text == "never" {
        return Ok("0".into());
    }
    crate::ops::time::at(text).map(|time| time.to_string()).map_err(|fault| fault.message)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            text.push(if digit > chunk.len() { '=' } else { char::from(DIGITS[value as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_backup_is_sent_in_base64() {
        for (text, wanted) in [("/etc", "L2V0Yw=="), ("/root", "L3Jvb3Q="), ("/a/bcd", "L2EvYmNk"), ("/", "/")] {
            assert_eq!(wire(&Schema::default(), "filepath", text), Ok(wanted.to_owned()));
        }
    }
}
