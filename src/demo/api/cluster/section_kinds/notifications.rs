//! Notification endpoints and matchers.

use serde_json::{Value, json};

use super::{Kind, PLAIN};
use crate::demo::state::Map;

const fn notification(
    path: &'static str,
    built_in: fn() -> Vec<Value>,
    secret: &'static [&'static str],
    taken: &'static str,
    missing: &'static str,
) -> Kind {
    let show: fn(&mut Map, &str, bool) = |row, _, _| _ = row.insert("origin".into(), "user-created".into());
    Kind { path, id: "name", built_in, secret, taken, missing, gone: Some(missing), missing_status: 404, show, ..PLAIN }
}

const fn endpoint(path: &'static str, built_in: fn() -> Vec<Value>, secret: &'static [&'static str]) -> Kind {
    notification(path, built_in, secret, "Could not create endpoint: '{}' already exists", "endpoint '{}' does not exist")
}

pub(super) const KINDS: &[Kind] = &[
    endpoint("/cluster/notifications/endpoints/sendmail", mail_to_root, &[]),
    endpoint("/cluster/notifications/endpoints/gotify", Vec::new, &["token"]),
    endpoint("/cluster/notifications/endpoints/smtp", Vec::new, &["password"]),
    endpoint("/cluster/notifications/endpoints/webhook", Vec::new, &["secret"]),
    notification(
        "/cluster/notifications/matchers",
        default_matcher,
        &[],
        "Could not create matcher: '{}' already exists",
        "matcher '{}' does not exist",
    ),
];

fn mail_to_root() -> Vec<Value> {
    let comment = "Send mails to root@pam's email address";
    vec![json!({ "name": "mail-to-root", "mailto-user": ["root@pam"], "comment": comment, "origin": "builtin" })]
}

fn default_matcher() -> Vec<Value> {
    let comment = "Route all notifications to mail-to-root";
    vec![json!({ "name": "default-matcher", "target": ["mail-to-root"], "mode": "all", "origin": "builtin", "comment": comment })]
}
