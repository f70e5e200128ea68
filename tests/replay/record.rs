//! Lines of a transcript.

use serde_json::{Map, Value};

/// How an upload was sent.
pub(super) struct Multipart {
    pub size: usize,
    pub file_first: bool,
    pub chunked: bool,
}

impl Multipart {
    fn parse(value: &Map<String, Value>) -> Self {
        Self {
            size: usize::try_from(value["size"].as_u64().unwrap_or(0)).unwrap(),
            file_first: value["order"] == "file-first",
            chunked: value["chunked"] == true,
        }
    }
}

pub(super) struct Record {
    pub who: Option<String>,
    pub method: String,
    pub path: String,
    pub params: Map<String, Value>,
    pub raw_body: Option<String>,
    pub multipart: Option<Multipart>,
    pub headers: Map<String, Value>,
    pub unencoded: bool,
    pub status: u16,
    pub reason: String,
    pub body: Value,
    pub exit: Option<String>,
    pub log: Vec<String>,
    pub skipped: bool,
    /// The node that the request was sent to.
    pub asked: String,
}

impl Record {
    pub(super) fn parse(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap_or("").to_owned();
        let map = |key: &str| value[key].as_object().cloned().unwrap_or_default();
        let reads = value.get("template").is_some();
        let mut params = map("params");
        params.extend(map("query"));
        Self {
            who: if reads { Some("root@pam!rig".into()) } else { value["as"].as_str().map(str::to_owned) },
            method: if reads { "GET".into() } else { text("method") },
            path: text("path"),
            params,
            raw_body: value["raw_body"].as_str().map(str::to_owned),
            multipart: value["multipart"].as_object().map(Multipart::parse),
            headers: map("headers"),
            unencoded: value["sent_unencoded"] == true,
            status: u16::try_from(value["status"].as_u64().unwrap_or(0)).unwrap(),
            reason: text("reason"),
            body: value["body"].clone(),
            exit: value["task_status"]["exitstatus"].as_str().map(str::to_owned),
            log: value["task_log"].as_array().into_iter().flatten().filter_map(|line| Some(line.as_str()?.to_owned())).collect(),
            asked: text("node_asked"),
            skipped: value.get("skipped").is_some_and(|why| !why.is_null()) || value["status"].as_u64().unwrap_or(0) == 0,
        }
    }
}
