//! The simulated `pct create`: makes the same API call as root on the demo host.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::demo::own;
use crate::interrupt::Interrupt;

/// Creates the container, waits for the task, and returns its log.
pub(super) fn create(root: &Path, words: &[String]) -> Result<String, String> {
    let state_dir = root.parent().ok_or("the demo host has no state")?;
    let node = std::fs::read_to_string(root.join("proc/sys/kernel/hostname")).map_err(|e| e.to_string())?.trim().to_owned();
    let upid = own::call(state_dir, "POST", &format!("/nodes/{node}/lxc"), params(words)?)?;
    let upid = upid.as_str().ok_or("no task was started")?.to_owned();
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
                Err(status["exitstatus"].as_str().unwrap_or("unknown exit status").to_owned())
            };
        }
        quiet.wait(Duration::from_millis(50)).map_err(|_| "interrupted")?;
    }
}

/// Converts `create VMID TEMPLATE --key value …` to API parameters. The demo host stores no password (the last option, without a
/// value) and no SSH keys.
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
