//! Request bodies: forms and JSON.

use serde_json::Value;

use super::{Bad, Request, decode};

pub(super) fn read(content_type: &str, body: &[u8], request: &mut Request) -> Result<(), Bad> {
    if body.is_empty() {
        return Ok(());
    }
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match kind.as_str() {
        "" | "application/x-www-form-urlencoded" => {
            decode::form(&String::from_utf8_lossy(body), &mut request.params);
            Ok(())
        }
        "application/json" => json(body, request),
        _ => Err(Bad::Explained(506, format!("upload 'Content-Type '{content_type}' not implemented"))),
    }
}

fn json(body: &[u8], request: &mut Request) -> Result<(), Bad> {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Err(Bad::Explained(500, complaint(&String::from_utf8_lossy(body))));
    };
    for (key, value) in object {
        request.params.set(&key, scalar(value));
    }
    Ok(())
}

/// Returns the error of the host's parser: about an invalid key, otherwise about the whole body.
fn complaint(text: &str) -> String {
    let place = "/usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.";
    let inner = text.trim_start().strip_prefix('{').map(str::trim_start);
    let (what, rest) = match inner {
        Some(rest) if !rest.starts_with(['"', '}']) => ("'\"' expected", rest),
        _ => ("malformed JSON string, neither tag, array, object, number, string or atom", text),
    };
    let offset = text.chars().count() - rest.chars().count();
    let before = if rest.is_empty() { "(end of string)" } else { rest };
    format!("{what}, at character offset {offset} (before \"{before}\") at {place}")
}

/// Converts numbers and booleans to text, as in forms.
fn scalar(value: Value) -> Value {
    match value {
        Value::Number(n) => Value::String(n.to_string()),
        Value::Bool(b) => Value::String(u8::from(b).to_string()),
        Value::Array(all) => Value::Array(all.into_iter().map(scalar).collect()),
        other => other,
    }
}
