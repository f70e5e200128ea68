//! Perl's patterns, matched against the whole value.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use regex_bites::Regex;

/// What Perl writes when it prints a compiled pattern, in the dialect of our engine.
fn translate(pattern: &str) -> String {
    let pattern = pattern.replace("(?^:", "(?:").replace("(?^u:", "(?:").replace("(?^i:", "(?i:").replace("{,", "{0,");
    // A hyphen between two classes is a plain hyphen in Perl and an error here.
    pattern.replace(r"[\(\)-_.\w\d\s]", r"[\(\)\-_.\w\d\s]").replace(r"\_", "_").replace(r"\0", r"\x00")
}

/// Does the whole value match? A pattern that cannot be compiled (a test proves there is none) refuses nothing.
pub(super) fn matches(pattern: &str, value: &str) -> bool {
    static CACHE: OnceLock<Mutex<HashMap<String, Option<Regex>>>> = OnceLock::new();
    let cache = CACHE.get_or_init(Mutex::default);
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    let regex = cache.entry(pattern.to_owned()).or_insert_with(|| compile(pattern));
    regex.as_ref().is_none_or(|regex| regex.is_match(value))
}

pub(super) fn compile(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{})$", translate(pattern))).ok()
}
