//! Replies and refusals.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::demo::state::Map;

/// A successful answer: data, and the total if the data is one page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    pub data: Value,
    pub total: Option<usize>,
    /// Keys next to `data`.
    pub extra: Vec<(&'static str, Value)>,
}

impl Reply {
    /// `{"data": null}`.
    pub fn null() -> Self {
        Self::default()
    }

    /// Returns one page of a list.
    pub fn page(data: Value, total: usize) -> Self {
        Self { data, total: Some(total), extra: Vec::new() }
    }

    pub fn into_body(self) -> Value {
        let mut body = Map::new();
        body.insert("data".to_owned(), self.data);
        // A total of 0 is false in Perl and omitted.
        if let Some(total) = self.total.filter(|t| *t > 0) {
            body.insert("total".to_owned(), total.into());
        }
        for (key, value) in self.extra {
            body.insert(key.to_owned(), value);
        }
        Value::Object(body)
    }
}

impl From<Value> for Reply {
    fn from(data: Value) -> Self {
        Self { data, ..Self::default() }
    }
}

/// An error: status and message. The first line of the message is the reason phrase.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub status: u16,
    pub message: String,
    pub errors: BTreeMap<String, String>,
    /// Whether the answer has no body, as for requests refused before routing.
    pub bare: bool,
}

pub type Answer = Result<Reply, Refusal>;

impl Refusal {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: BTreeMap::new(), bare: false }
    }

    /// 500, as for `die` in Perl.
    pub fn die(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// 400 about one parameter.
    pub fn param(name: &str, message: impl Into<String>) -> Self {
        Self::params(BTreeMap::from([(name.to_owned(), message.into())]))
    }

    /// 400 about several parameters.
    pub fn params(errors: BTreeMap<String, String>) -> Self {
        Self { errors, ..Self::new(400, "Parameter verification failed.") }
    }

    /// 403 about missing privileges on a path (`A|B`: either of them).
    pub fn denied(path: &str, privileges: &str) -> Self {
        Self::new(403, format!("Permission check failed ({path}, {privileges})"))
    }

    /// 403 with another reason.
    pub fn forbidden(why: impl Into<String>) -> Self {
        Self::new(403, why)
    }

    /// 401 without a body.
    pub fn unauthenticated(reason: &str) -> Self {
        Self { bare: true, ..Self::new(401, reason) }
    }

    /// 501.
    pub fn not_implemented(method: &str, path: &str) -> Self {
        Self::new(501, format!("Method '{method} {path}' not implemented"))
    }

    /// Returns the reason phrase: the first line of the message.
    pub fn reason(&self) -> &str {
        self.message.lines().next().unwrap_or("")
    }

    pub fn body(&self) -> Option<Value> {
        if self.bare {
            return None;
        }
        // Messages of `die` end with a newline; those of the HTTP server do not.
        let end = if matches!(self.status, 404 | 501) { "" } else { "\n" };
        let mut body = json!({ "data": null, "message": format!("{}{end}", self.message) });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        Some(body)
    }
}
