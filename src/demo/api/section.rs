//! Checks of sections in configuration files.

use super::{Refusal, Req};
use crate::api::schema::{self, Kind};
use crate::api::sections::Entry;
pub use crate::api::sections::Options;
use crate::demo::state::Map;
use serde_json::{Value, json};

/// The error about a digest that does not match.
pub const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

impl Options {
    /// Checks a new section: no unknown property, no missing one.
    pub fn check_create(self, kind: &str, sent: &Map) -> Result<(), String> {
        let Some(entries) = self.of(kind) else { return Ok(()) };
        unexpected(&entries, kind, sent)?;
        match entries.iter().find(|entry| entry.required && !sent.contains_key(entry.name)) {
            Some(entry) => Err(format!("missing value for required option '{}'", entry.name)),
            None => Ok(()),
        }
    }

    /// Checks a change of a section: its new values, and the options to delete.
    pub fn check_update(self, kind: &str, sent: &Map, delete: &[String]) -> Result<(), String> {
        let Some(entries) = self.of(kind) else { return Ok(()) };
        unexpected(&entries, kind, sent)?;
        if let Some(entry) = entries.iter().find(|entry| entry.fixed && sent.contains_key(entry.name)) {
            return Err(format!("can't change value of fixed parameter '{}'", entry.name));
        }
        self.check_delete(kind, sent, delete)
    }

    /// Checks the options to delete.
    pub fn check_delete(self, kind: &str, sent: &Map, delete: &[String]) -> Result<(), String> {
        let Some(entries) = self.of(kind) else { return Ok(()) };
        for key in delete {
            let Some(entry) = entries.iter().find(|entry| entry.name == key) else { return Err(format!("no such option '{key}'")) };
            if entry.required {
                return Err(format!("unable to delete required option '{key}'"));
            }
            if entry.fixed {
                return Err(format!("unable to delete fixed option '{key}'"));
            }
            if sent.contains_key(key) {
                return Err(format!("cannot set and delete property '{key}' at the same time!"));
            }
        }
        Ok(())
    }
}

fn unexpected(entries: &[Entry], kind: &str, sent: &Map) -> Result<(), String> {
    let known = |key: &str, value: &Value| if key == "type" { value == kind } else { entries.iter().any(|entry| entry.name == key) };
    match sent.iter().find(|(key, value)| !known(key, value)) {
        Some((key, _)) => Err(format!("unexpected property '{key}'")),
        None => Ok(()),
    }
}

/// Returns the properties in the request, without control parameters. Integers are numbers.
pub fn sent(req: &Req<'_>, steering: &[&str]) -> Map {
    const ALWAYS: &[&str] = &["node", "digest", "delete", "lock-token"];
    let method = schema::find(req.method, req.path).map(|(method, _)| method);
    let value = |key: &str, value: &Value| match method.and_then(|m| m.parameters.property(key)).and_then(|p| p.kind) {
        Some(Kind::Boolean) => u8::from(req.params.flag(key)).into(),
        Some(Kind::Integer) => req.params.int(key).map_or_else(|| value.clone(), |n| json!(n)),
        Some(Kind::Array) if value.is_string() => json!([value]),
        _ => value.clone(),
    };
    let kept = req.params.iter().filter(|(key, _)| !ALWAYS.contains(&key.as_str()) && !steering.contains(&key.as_str()));
    kept.map(|(key, v)| (key.clone(), value(key, v))).collect()
}

/// Refuses a request with the digest of another version.
pub fn check_digest(req: &Req<'_>, digest: &str) -> Result<(), String> {
    match req.params.get("digest") {
        Some(given) if given != digest => Err(MODIFIED.to_owned()),
        _ => Ok(()),
    }
}

/// Returns an error as text inside another error.
pub fn nested(refusal: &Refusal) -> String {
    match refusal.status {
        500 => refusal.message.clone(),
        status => {
            let errors = refusal.errors.iter().map(|(key, why)| format!("\n{key}: {why}"));
            format!("{status} {}{}", refusal.message, errors.collect::<String>())
        }
    }
}

/// Returns a refusal with the failed operation as a prefix.
pub fn failed(what: &str, why: impl AsRef<str>) -> Refusal {
    Refusal::die(if what.is_empty() { why.as_ref().to_owned() } else { format!("{what}: {}", why.as_ref()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options("dir: path!= content nodes; vlan: bridge! tag");

    fn map(text: &str) -> Map {
        text.split_whitespace().map(|key| (key.to_owned(), Value::from("x"))).collect()
    }

    #[test]
    fn a_new_section_needs_its_required_options_and_no_unknown_one() {
        assert_eq!(OPTIONS.check_create("vlan", &map("tag")), Err("missing value for required option 'bridge'".to_owned()));
        assert_eq!(OPTIONS.check_create("dir", &map("path server")), Err("unexpected property 'server'".to_owned()));
        assert_eq!(OPTIONS.check_create("dir", &map("path nodes")), Ok(()));
        assert_eq!(OPTIONS.check_create("other", &map("anything")), Ok(()));
    }

    #[test]
    fn a_changed_section_keeps_its_type_and_its_required_and_fixed_options() {
        let delete = |key: &str| OPTIONS.check_update("dir", &map("content"), &[key.to_owned()]);
        assert_eq!(delete("nosuch"), Err("no such option 'nosuch'".to_owned()));
        assert_eq!(delete("path"), Err("unable to delete required option 'path'".to_owned()));
        assert_eq!(delete("content"), Err("cannot set and delete property 'content' at the same time!".to_owned()));
        assert_eq!(delete("nodes"), Ok(()));
        assert_eq!(OPTIONS.check_update("dir", &map("path"), &[]), Err("can't change value of fixed parameter 'path'".to_owned()));
        let retyped = Map::from_iter([("type".to_owned(), Value::from("vlan"))]);
        assert_eq!(OPTIONS.check_update("dir", &retyped, &[]), Err("unexpected property 'type'".to_owned()));
    }
}
