//! Property strings: `name=eth0,bridge=vmbr0` and the like, and sizes such as `8G`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::check::{self, Errors};
use super::node::{Kind, Schema};

/// The fields of a property string, as text, in the order in which they stood.
pub type Fields = Map<String, Value>;

/// Reads a property string without checking its values, only its shape. The error is the host's text, with its newline.
pub fn split(fields: &BTreeMap<String, Schema>, text: &str) -> Result<Fields, String> {
    let mut found = Fields::new();
    let mut default_seen: Option<&str> = None;
    for part in text.split(',') {
        if part.trim().is_empty() {
            continue;
        }
        match part.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                if found.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                let mut key = key;
                let mut schema = fields.get(key);
                if let Some(alias) = schema.and_then(|schema| schema.alias.as_deref()) {
                    if let Some(key_alias) = schema.and_then(|schema| schema.key_alias.as_deref()) {
                        if found.contains_key(key_alias) {
                            return Err(format!("key alias '{key_alias}' is already defined\n"));
                        }
                        found.insert(key_alias.to_owned(), key.into());
                    }
                    key = alias;
                    schema = fields.get(key);
                    if found.contains_key(key) {
                        return Err(format!("key '{key}' is already defined (via alias)\n"));
                    }
                }
                found.insert(key.to_owned(), normal(schema, value).into());
            }
            None => {
                if let Some(key) = default_seen {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                let Some((key, schema)) = fields.iter().find(|(_, schema)| schema.default_key) else {
                    return Err("value without key, but schema does not define a default key\n".to_owned());
                };
                if found.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                found.insert(key.clone(), normal(Some(schema), part).into());
                default_seen = Some(key);
            }
            Some(_) => return Err("missing key in comma-separated list property\n".to_owned()),
        }
    }
    Ok(found)
}

/// Reads and checks a property string. The error is the text that follows `invalid format - `.
pub fn parse(fields: &BTreeMap<String, Schema>, text: &str, path: &str) -> Result<Fields, String> {
    let found = split(fields, text)?;
    let mut errors = Errors::default();
    check::fields(path, fields, &found, &mut errors);
    if errors.0.is_empty() {
        return Ok(found);
    }
    let mut message = "format error\n".to_owned();
    for (path, text) in &errors.0 {
        message.push_str(&format!("{path}: {text}\n"));
    }
    Err(message)
}

/// Writes a property string as the host does: the default key first, then what is required, then the rest, by name.
pub fn print(fields: &BTreeMap<String, Schema>, values: &Fields) -> String {
    let mut parts: Vec<String> = Vec::new();
    let rank = |name: &str| match fields.get(name) {
        Some(schema) if schema.default_key || written_as(fields, values, name).is_some() => 0,
        Some(schema) if !schema.optional => 1,
        _ => 2,
    };
    let mut names: Vec<&String> = values.keys().collect();
    names.sort_by_key(|name| (rank(name), name.as_str()));
    for name in names {
        let carried = is_key_alias(fields, name) && values.keys().any(|other| written_as(fields, values, other).is_some());
        if fields.get(name).is_none_or(|schema| schema.alias.is_some()) || carried {
            continue;
        }
        let value = check::scalar(&values[name]);
        if let Some(key) = written_as(fields, values, name) {
            parts.push(format!("{key}={value}"));
        } else if rank(name) == 0 {
            parts.push(value);
        } else {
            parts.push(format!("{name}={value}"));
        }
    }
    parts.join(",")
}

/// `virtio=AA:BB…` is kept as model=virtio and macaddr=AA:BB…; written again under its own key.
fn written_as(fields: &BTreeMap<String, Schema>, values: &Fields, name: &str) -> Option<String> {
    let (_, alias) = fields.iter().find(|(_, schema)| schema.alias.as_deref() == Some(name) && schema.key_alias.is_some())?;
    values.get(alias.key_alias.as_deref()?).map(check::scalar)
}

fn is_key_alias(fields: &BTreeMap<String, Schema>, name: &str) -> bool {
    fields.values().any(|schema| schema.key_alias.as_deref() == Some(name))
}

/// Booleans of a property string are stored as 0 or 1.
fn normal(schema: Option<&Schema>, value: &str) -> String {
    if schema.and_then(|schema| schema.kind) == Some(Kind::Boolean) {
        match boolean(value) {
            Some(true) => return "1".to_owned(),
            Some(false) => return "0".to_owned(),
            None => {}
        }
    }
    value.to_owned()
}

/// A boolean as people write it.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
}

/// The bytes of a size such as `8G`, `512MiB` or `1.5T`.
pub fn size(text: &str) -> Option<u64> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let well_formed = !number.is_empty() && !number.starts_with('.') && !number.ends_with('.') && number.matches('.').count() < 2;
    let number: f64 = if well_formed { number.parse().ok()? } else { return None };
    let power = match unit.strip_suffix("iB").filter(|unit| !unit.is_empty()).unwrap_or(unit) {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    Some((number * 1024f64.powi(power)) as u64)
}

/// A size with the largest unit that divides it.
pub fn size_text(bytes: u64) -> String {
    let mut rest = bytes;
    for unit in ["", "K", "M", "G"] {
        if rest == 0 || !rest.is_multiple_of(1024) {
            return format!("{rest}{unit}");
        }
        rest /= 1024;
    }
    format!("{rest}T")
}
