//! The pretended `pct create`: the same call that the real one makes, as root on the demo host.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::demo::own;
use crate::interrupt::Interrupt;

/// Makes the container that the words describe, waits for its task, and gives what it logged.
pub(super) fn create(root: &Path, words: &[String]) -> Result<String, String> {
    let state_dir = root.parent().ok_or("the demo host has no state")?;
    let node = std::fs::read_to_string(root.join("proc/sys/kernel/hostname")).map_err(|e| e.to_string())?.trim().to_owned();
    let upid = own::call(state_dir, "POST", &format!("/nodes/{node}/lxc"), params(words)?)?;
    let upid = upid.as_str().ok_or("no task was begun")?.to_owned();
    let task = format!("/nodes/{node}/tasks/{upid}");
    let quiet = Interrupt::never().map_err(|e| e.to_string())?;
    loop {
        let status = own::call(state_dir, "GET", &format!("{task}/status"), Map::new())?;
        if status["status"] != "running" {
            let mut all = Map::new();
            all.insert("limit".into(), json!(0));
            let log = own::call(state_dir, "GET", &format!("{task}/log"), all)?;
            let lines: String = log.as_array().into_iter().flatten().filter_map(|l| l["t"].as_str()).map(|t| format!("{t}\n")).collect();
            return if status["exitstatus"] == "OK" {
                Ok(lines)
            } else {
                Err(status["exitstatus"].as_str().unwrap_or("unknown end").to_owned())
            };
        }
        quiet.wait(Duration::from_millis(50)).map_err(|_| "interrupted")?;
    }
}

/// `create VMID TEMPLATE --key value …` as the parameters of the call. A bare option at the end is the password, which the demo
/// host does not keep; keys are read from their file by the real `pct`, and not at all here.
fn params(words: &[String]) -> Result<Map<String, Value>, String> {
    let [_, vmid, template, options @ ..] = words else { return Err("400 not enough arguments".into()) };
    let mut params = Map::new();
    params.insert("vmid".into(), json!(vmid));
    params.insert("ostemplate".into(), json!(template));
    for pair in options.chunks(2) {
        if let [key, value] = pair
            && let Some(key) = key.strip_prefix("--")
            && key != "ssh-public-keys"
        {
            params.insert(key.to_owned(), json!(value));
        }
    }
    if let Some(storage) = params.get("rootfs").and_then(Value::as_str).and_then(|r| r.split_once(':')).map(|(s, _)| s.to_owned()) {
        params.insert("storage".into(), json!(storage));
    }
    Ok(params)
}
