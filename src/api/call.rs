//! A request to a Proxmox VE host as a value, for transports, plans, journal and routing table.

use std::fmt;
use std::marker::PhantomData;

use crate::api::Attachment;
use crate::secret::Secret;

/// Builds path segments from values that implement `Display`: `path!["nodes", node, "lxc", vmid]`.
#[macro_export]
macro_rules! path {
    ($($segment:expr),* $(,)?) => { vec![$($segment.to_string()),*] };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Method {
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// The `pvesh` command for the method.
    pub fn pvesh(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "create",
            Self::Put => "set",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Num(f64),
    /// Sent as `0` or `1`.
    Flag(bool),
    /// Sent joined by commas.
    List(Vec<String>),
    /// Sent as one parameter per item.
    Each(Vec<String>),
    Secret(Secret),
    /// Sent as the last part of a multipart form.
    File(Attachment),
    /// Filled in from the result of an earlier step of the same change.
    Output(Output),
}

/// A part of an earlier step's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub step: &'static str,
    /// The key in the result, or empty for the whole result.
    pub key: &'static str,
}

impl Value {
    /// Returns the values to send, in order.
    pub fn wire(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Int(n) => vec![n.to_string()],
            Self::Num(n) => vec![n.to_string()],
            Self::Flag(flag) => vec![u8::from(*flag).to_string()],
            Self::List(items) => vec![items.join(",")],
            Self::Each(items) => items.clone(),
            Self::Secret(secret) => vec![secret.reveal().to_owned()],
            Self::File(file) => vec![file.name.clone()],
            Self::Output(_) => Vec::new(),
        }
    }

    /// Returns the value for plans and logs: secrets as `***`, outputs as a description.
    pub fn shown(&self) -> String {
        match self {
            Self::Secret(_) => "***".into(),
            Self::Output(Output { step, key: "" }) => format!("<{step}>"),
            Self::Output(Output { step, key }) => format!("<{key} of {step}>"),
            other => other.wire().join(","),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u32> for Value {
    fn from(n: u32) -> Self {
        Self::Int(i64::from(n))
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Num(n)
    }
}

impl From<Vec<String>> for Value {
    fn from(items: Vec<String>) -> Self {
        Self::List(items)
    }
}

impl From<Secret> for Value {
    fn from(secret: Secret) -> Self {
        Self::Secret(secret)
    }
}

impl From<Attachment> for Value {
    fn from(file: Attachment) -> Self {
        Self::File(file)
    }
}

impl From<Output> for Value {
    fn from(output: Output) -> Self {
        Self::Output(output)
    }
}

/// How long an answer may take, which sets the time limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The host answers from memory.
    Quick,
    /// The host reads disks or asks other nodes or a backup server.
    Slow,
    /// An upload or download, limited only by its progress.
    Transfer,
}

/// A request to the host.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub method: Method,
    /// The path segments; the transport encodes them.
    pub path: Vec<String>,
    pub params: Vec<(String, Value)>,
    pub pace: Pace,
}

impl Request {
    pub fn new(method: Method, path: Vec<String>) -> Self {
        Self { method, path, params: Vec::new(), pace: Pace::Quick }
    }

    /// Returns the path as text, such as `/nodes/pve1/lxc`.
    pub fn path_text(&self) -> String {
        self.path.iter().fold(String::new(), |text, segment| text + "/" + segment)
    }

    /// Returns the node in the path.
    pub fn node(&self) -> Option<&str> {
        match &self.path[..] {
            [nodes, node, ..] if nodes == "nodes" => Some(node),
            _ => None,
        }
    }

    pub fn is_read(&self) -> bool {
        self.method == Method::Get
    }

    /// Returns the file that the request uploads.
    pub fn attachment(&self) -> Option<&Attachment> {
        self.params.iter().find_map(|(_, value)| if let Value::File(file) = value { Some(file) } else { None })
    }

    pub fn param(&self, name: &str) -> Option<&Value> {
        self.params.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path_text())
    }
}

/// A request with the type of its answer.
#[derive(Debug)]
pub struct Call<T> {
    pub request: Request,
    answer: PhantomData<fn() -> T>,
}

impl<T> Clone for Call<T> {
    fn clone(&self) -> Self {
        Self::of(self.request.clone())
    }
}

impl<T> Call<T> {
    pub fn of(request: Request) -> Self {
        Self { request, answer: PhantomData }
    }

    pub fn get(path: Vec<String>) -> Self {
        Self::of(Request::new(Method::Get, path))
    }

    pub fn post(path: Vec<String>) -> Self {
        Self::of(Request::new(Method::Post, path))
    }

    pub fn put(path: Vec<String>) -> Self {
        Self::of(Request::new(Method::Put, path))
    }

    pub fn delete(path: Vec<String>) -> Self {
        Self::of(Request::new(Method::Delete, path))
    }

    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.params.push((name.into(), value.into()));
        self
    }

    /// Adds the parameter if there is a value.
    #[must_use]
    pub fn with_some<V: Into<Value>>(self, name: impl Into<String>, value: Option<V>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds the flag if it is true.
    #[must_use]
    pub fn with_set(self, name: impl Into<String>, flag: bool) -> Self {
        self.with_some(name, flag.then_some(true))
    }

    /// Adds a file to upload.
    #[must_use]
    pub fn with_file(mut self, name: &str, file: Attachment) -> Self {
        self.request.pace = Pace::Transfer;
        self.with(name, file)
    }

    #[must_use]
    pub fn slow(mut self) -> Self {
        self.request.pace = Pace::Slow;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_sent_in_proxmox_format() {
        let call: Call<()> = Call::post(path!["nodes", "pve1", "lxc", 101])
            .with("flag", true)
            .with("ids", vec!["101".to_owned(), "102".into()])
            .with_some("left-out", None::<&str>)
            .with("password", Secret::new("hunter2"));
        assert_eq!(call.request.to_string(), "POST /nodes/pve1/lxc/101");
        let wire: Vec<_> = call.request.params.iter().map(|(k, v)| (k.as_str(), v.wire())).collect();
        assert_eq!(wire, [("flag", vec!["1".into()]), ("ids", vec!["101,102".into()]), ("password", vec!["hunter2".to_owned()])]);
        assert_eq!(call.request.param("password").map(Value::shown), Some("***".into()));
        assert!(!format!("{call:?}").contains("hunter2"));
    }
}
