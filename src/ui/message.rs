//! Errors and messages as text and as JSON.

use serde_json::{Map, Value, json};

use super::clean;
use super::table::paint;
use crate::fault::{Fault, Side};

/// Returns the JSON error object.
pub(super) fn fault_json(fault: &Fault) -> Value {
    let mut error = Map::new();
    error.insert("kind".to_owned(), fault.kind.word().into());
    error.insert("exit".to_owned(), fault.exit_code().into());
    error.insert("message".to_owned(), fault.message.clone().into());
    error.insert("hint".to_owned(), fault.full_hint().into());
    for (key, value) in [("path", &fault.path), ("privilege", &fault.privilege)] {
        if let Some(value) = value {
            error.insert(key.to_owned(), value.clone().into());
        }
    }
    if let Some(who) = fault.who {
        error.insert("who".to_owned(), side(who).into());
    }
    if let Some(upid) = &fault.upid {
        error.insert("upid".to_owned(), upid.clone().into());
    }
    if !fault.errors.is_empty() {
        error.insert("errors".to_owned(), json!(fault.errors));
    }
    if !fault.log.is_empty() {
        error.insert("log".to_owned(), json!(fault.log));
    }
    json!({ "error": error })
}

/// Returns the error as lines of text.
pub(super) fn fault_text(fault: &Fault, color: bool) -> String {
    let mut out = format!("{} {}\n", label("error:", "1;31", color), indented(&fault.message));
    for (parameter, complaint) in &fault.errors {
        out.push_str(&format!("  {}: {}\n", clean::line(parameter), clean::line(complaint.trim())));
    }
    if let Some(reason) = reason(fault) {
        out.push_str(&format!("  {}\n", clean::line(&reason)));
    }
    let hint = fault.full_hint();
    if let Some(upid) = &fault.upid
        && !fault.message.contains(upid.as_str())
        && !hint.contains(upid.as_str())
    {
        out.push_str(&format!("  task {}\n", clean::line(upid)));
    }
    // The log of a task that failed with a permission error repeats the reason.
    for line in fault.log.iter().filter(|_| fault.lacks.is_none()) {
        let line = clean::line(line.trim_end());
        out.push_str(&format!("  {} {line}\n", label("|", "2", color)));
    }
    out.push_str(&format!("{} {}\n", label("hint:", "36", color), indented(&hint)));
    out
}

/// Returns the line below a permission error: token or user, and the missing privilege.
fn reason(fault: &Fault) -> Option<String> {
    if fault.lacks.is_some() {
        return fault.lacks.clone();
    }
    let (path, privilege) = fault.path.as_ref().zip(fault.privilege.as_ref())?;
    let who = match fault.who {
        Some(Side::Token) => "the token lacks",
        Some(Side::User) => "the token's user lacks",
        Some(Side::Both) => "the token and its user lack",
        Some(Side::Unknown) | None => "the token or its user lacks",
    };
    let said = fault.message.contains(path.as_str()) && fault.message.contains(privilege.as_str());
    (!said).then(|| format!("{who} {privilege} on {path}"))
}

/// Returns `warning: …` with the first word in colour.
pub(super) fn line(word: &str, code: &str, text: &str, color: bool) -> String {
    format!("{} {}\n", label(word, code, color), indented(text))
}

/// Indents all lines after the first, because an unindented line could look like a separate message.
pub(super) fn indented(text: &str) -> String {
    clean::text(text.trim_end()).replace('\n', "\n  ")
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Token => "token",
        Side::User => "user",
        Side::Both => "both",
        Side::Unknown => "unknown",
    }
}

fn label(word: &str, code: &str, color: bool) -> String {
    if color { paint(word, code) } else { word.to_owned() }
}
