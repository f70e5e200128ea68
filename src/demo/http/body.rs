//! Request bodies: forms, JSON, and multipart uploads.

use serde_json::Value;

use super::{Bad, Request, decode};
use crate::demo::api::Upload;

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
        "multipart/form-data" if request.method == "POST" && request.path.ends_with("/upload") => multipart(content_type, body, request),
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

fn multipart(content_type: &str, body: &[u8], request: &mut Request) -> Result<(), Bad> {
    let bad = || Bad::Explained(501, "unable to parse multipart form data".to_owned());
    let boundary = content_type.split(';').find_map(|p| p.trim().strip_prefix("boundary=")).ok_or_else(bad)?;
    let mark = format!("--{}", boundary.trim_matches('"')).into_bytes();
    let mut rest = &body[find(body, &mark).ok_or_else(bad)? + mark.len()..];
    // The server accepts the fields in this order only.
    let mut fields = &["content", "checksum-algorithm", "checksum"][..];
    while !rest.starts_with(b"--") {
        let rest_start = rest.strip_prefix(b"\r\n").ok_or_else(bad)?;
        let head_end = find(rest_start, b"\r\n\r\n").ok_or_else(bad)?;
        let head = String::from_utf8_lossy(&rest_start[..head_end]).into_owned();
        let content = &rest_start[head_end + 4..];
        let mut end_mark = b"\r\n".to_vec();
        end_mark.extend_from_slice(&mark);
        let end = find(content, &end_mark).ok_or_else(bad)?;
        let field = |name: &str| head.split(name).nth(1).and_then(|t| t.split('"').next()).map(str::to_owned);
        let name = field(" name=\"").ok_or_else(bad)?;
        if let Some(filename) = field(" filename=\"") {
            // The file has to be the last part.
            request.params.set("filename", filename.clone());
            request.upload = Some(Upload { filename, content: content[..end].to_vec() });
            break;
        }
        let Some(at) = fields.iter().position(|known| *known == name) else {
            return Err(Bad::Refused(400, "Bad Request".to_owned()));
        };
        fields = &fields[at + 1..];
        request.params.push(&name, String::from_utf8_lossy(&content[..end]).into_owned());
        rest = &content[end + end_mark.len()..];
    }
    Ok(())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|b| *b == first) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
