//! Commands that root runs on the host itself, without the network, such as the root helper's `pct`.

use std::path::Path;

use serde_json::{Map, Value};

use super::api::Params;
use super::auth::{Credentials, Who};
use super::http::Request;
use super::state::{Clock, State, Store};
use super::{pipeline, tasks};

/// Makes a call as `root@pam`.
pub fn call(state_dir: &Path, method: &str, path: &str, params: Map<String, Value>) -> Result<Value, String> {
    let now_ms = Clock::default().now_ms();
    let store = Store::open(state_dir, State::default).map_err(|e| e.message)?;
    let request = Request {
        method: method.to_owned(),
        path: format!("/api2/json{path}"),
        params: Params(params),
        credentials: Credentials::default(),
        upload: None,
        close: false,
    };
    let answer = store
        .with(|state| {
            tasks::settle(state, now_ms);
            (pipeline::route(state, request, path, &Who::user("root@pam"), now_ms), true)
        })
        .map_err(|e| e.message)?;
    answer.map(|reply| reply.data).map_err(|refusal| {
        let more: String = refusal.errors.iter().map(|(key, why)| format!("{key}: {why}\n")).collect();
        format!("{}\n{more}", refusal.message.trim_end())
    })
}
