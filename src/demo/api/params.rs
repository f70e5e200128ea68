//! The parameters of a request.

use serde_json::Value;

use crate::demo::state::Map;

/// Parameters of path, query and body. Scalars are text, as in Proxmox; a repeated parameter is an array.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(pub Map);

impl Params {
    /// Adds a value. A repeated parameter becomes an array.
    pub fn push(&mut self, key: &str, value: impl Into<String>) {
        let value = Value::String(value.into());
        match self.0.get_mut(key) {
            None => {
                self.0.insert(key.to_owned(), value);
            }
            Some(Value::Array(all)) => all.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
    }

    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.shift_remove(key)
    }

    /// Returns the text of a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        match self.0.get(key)? {
            Value::String(text) => Some(text),
            Value::Array(all) => all.first()?.as_str(),
            _ => None,
        }
    }

    /// Returns the text of a required parameter.
    pub fn text(&self, key: &str) -> &str {
        self.get(key).unwrap_or("")
    }

    pub fn int(&self, key: &str) -> Option<i64> {
        self.get(key)?.trim().parse().ok()
    }

    /// Whether a boolean is set and true.
    pub fn flag(&self, key: &str) -> bool {
        self.bool(key) == Some(true)
    }

    pub fn bool(&self, key: &str) -> Option<bool> {
        let text = self.get(key)?;
        Some(matches!(text.to_ascii_lowercase().as_str(), "1" | "on" | "yes" | "true"))
    }

    /// Returns a list: an array, or text with commas, semicolons or white space.
    pub fn list(&self, key: &str) -> Vec<String> {
        let split = |text: &str| -> Vec<String> {
            text.split([',', ';', ' ', '\0', '\n', '\t']).filter(|s| !s.is_empty()).map(str::to_owned).collect()
        };
        match self.0.get(key) {
            Some(Value::String(text)) => split(text),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).flat_map(split).collect(),
            _ => Vec::new(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.0.iter()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
