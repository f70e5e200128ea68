//! The API schema of Proxmox VE 9.2 in reduced form: only names, types, limits and permission expressions.
//! A method's line is parsed when it is first used, so the table costs nothing at start-up.

mod check;
mod formats;
mod node;
mod pattern;
pub mod property;
mod table;
mod viewer;

pub use check::{Params, verify, verify_value};
pub use formats::{in_network, ip_version, port_list};
pub use node::{Format, Kind, Permissions, Schema};
pub use table::{Method, Typed, find, method, methods, template};
pub use viewer::apidoc;

use serde_json::Value;

/// Would a real host take this request? For contract tests: the path, the method and every parameter are checked.
pub fn check_request(verb: &str, path: &str, params: &Params) -> Result<(), String> {
    let Some((method, from_path)) = find(verb, path) else {
        return Err(format!("no such method: {verb} {path}"));
    };
    let mut all = params.clone();
    for (name, value) in from_path {
        all.insert(name, Value::String(value));
    }
    verify(method, &mut all).map_err(|errors| {
        let list: Vec<String> = errors.iter().map(|(name, text)| format!("{name}: {}", text.trim_end())).collect();
        format!("{verb} {path}: {}", list.join("; "))
    })
}

#[cfg(test)]
mod tests;
