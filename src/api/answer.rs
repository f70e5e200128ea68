//! Interprets a host's answer as data or a typed fault, in the same way for HTTPS, `pvesh` and task exit statuses.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::api::call::Request;
use crate::fault::{Fate, Fault, Kind, Result};
use crate::redact;

/// The data of a successful answer, unparsed.
#[derive(Debug, Clone)]
pub struct Reply {
    data: Option<Box<RawValue>>,
    /// The total number of rows of a truncated list.
    pub total: Option<u64>,
}

impl Reply {
    pub fn new(data: Option<Box<RawValue>>, total: Option<u64>) -> Self {
        Self { data, total }
    }

    pub fn text(&self) -> &str {
        self.data.as_ref().map_or("null", |raw| raw.get())
    }

    /// Parses the data.
    pub fn read<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        serde_json::from_str(self.text()).map_err(|error| {
            let message = format!("{request}: unexpected answer from the host: {error}");
            if request.is_read() {
                Fault::new(Kind::Host, message).with_hint("run `felhom doctor` to check the host's version; felhom supports Proxmox VE 9")
            } else {
                Fate::Unknown.fault(true, message)
            }
        })
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    errors: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    total: Option<u64>,
}

/// Parses an HTTP answer.
pub fn read(request: &Request, status: u16, reason: &str, body: &[u8]) -> Result<Reply> {
    let envelope: Option<Envelope> = serde_json::from_slice(body).ok();
    if (200..300).contains(&status) {
        let Some(envelope) = envelope else {
            let message = format!("{request}: the host answered {status} with a body that is not JSON");
            return Err(if request.is_read() {
                Fault::new(Kind::Host, message).with_hint("check that the endpoint is a Proxmox VE host and not a proxy")
            } else {
                Fate::Unknown.fault(true, message)
            });
        };
        return Ok(Reply::new(envelope.data, envelope.total));
    }
    let (message, errors) = envelope.map_or((None, BTreeMap::new()), |e| (e.message, e.errors));
    let message = message.map(|m| m.trim().to_owned()).filter(|m| !m.is_empty());
    let text = message.unwrap_or_else(|| if reason.is_empty() { format!("HTTP status {status}") } else { reason.to_owned() });
    let errors = errors.into_iter().map(|(key, value)| (key, clean(&plain(value)))).collect();
    Err(refusal(request, status, &clean(reason), &clean(&text), errors))
}

/// Masks secrets in a message of the host and limits its length, before it reaches terminals, logs and the journal.
fn clean(text: &str) -> String {
    match text.char_indices().nth(2000) {
        Some((end, _)) => format!("{}…", redact::text(&text[..end])),
        None => redact::text(text),
    }
}

fn plain(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// Returns the fault for an unsuccessful answer.
pub fn refusal(request: &Request, status: u16, reason: &str, text: &str, errors: BTreeMap<String, String>) -> Fault {
    let kind = match status {
        401 => Kind::Unauthenticated,
        403 => Kind::Denied,
        501 => Kind::NotImplemented,
        // Errors between cluster nodes. A read can always be repeated.
        595..=599 if request.is_read() => Kind::NodeDown,
        595 => Kind::NodeDown,
        _ if Fate::of_status(status) == Fate::Unknown => Fate::Unknown.fault(!request.is_read(), "").kind,
        _ => errors.values().map(String::as_str).chain([text]).find_map(kind_of_text).unwrap_or(if status == 400 {
            Kind::BadParameter
        } else {
            Kind::Host
        }),
    };
    let mut fault = Fault::new(kind, format!("{request}: {text}"));
    if kind == Kind::NoQuorum {
        fault.message = format!("{request}: the cluster has no quorum");
    }
    let answer = if text.starts_with("HTTP status") { status.to_string() } else { format!("{status} {text}") };
    if (595..=599).contains(&status) {
        let node = request.node().map_or_else(|| "the node".to_owned(), |node| format!("node '{node}'"));
        fault.message = format!("{request}: {node} is not reachable from the host ({answer})");
    } else if Fate::of_status(status) == Fate::Unknown {
        fault.message = format!("{request}: no valid answer ({answer})");
    }
    if text.contains(NO_CEPH) {
        let node = request.node().filter(|node| *node != "localhost");
        let node = node.map_or_else(|| "the node that answers".to_owned(), |node| format!("node '{node}'"));
        fault.message = format!("Ceph is not installed on {node}");
        fault.hint = Some("run `pveceph install` on the node, or name a node that has Ceph with --node".into());
    }
    if kind == Kind::Unauthenticated {
        fault.hint = login_hint(reason).map(Into::into);
    }
    fault.status = Some(status);
    fault.reason = Some(reason.to_owned()).filter(|r| !r.is_empty());
    fault.errors = errors;
    set_denial(&mut fault, text);
    if fault.privilege.is_some() {
        fault.message = format!("{request}: {DENIED}");
    }
    fault
}

/// The message of a permission error; the missing privilege is in a separate line.
pub const DENIED: &str = "permission denied";

/// Returns a hint from the reason phrase of a 401, whose body is empty.
fn login_hint(reason: &str) -> Option<&'static str> {
    let reason = reason.to_ascii_lowercase();
    if reason.contains("no ticket") {
        Some("run `felhom context show` to check the token ID and secret: the host received no credentials")
    } else if reason.contains("csrf") || reason.contains("invalid pve ticket") {
        Some("run the command again: the login has expired")
    } else if reason == "authentication failure" {
        Some("check user, realm, password and second factor; the host does not say which is wrong")
    } else {
        None
    }
}

/// Returns the kind of an error from its text, whatever the status.
pub fn kind_of_text(text: &str) -> Option<Kind> {
    let has = |needle: &str| text.contains(needle);
    if parse_denial(text).is_some() || has("only allowed for root@pam") || has("user != root@pam") || has("Only root can") {
        return Some(Kind::Denied);
    }
    if no_quorum(text) {
        return Some(Kind::NoQuorum);
    }
    if has("detected modified configuration") {
        return Some(Kind::Conflict);
    }
    if has("is locked (") || has("can't lock file") || has("got lock timeout") || has("got lock request timeout") {
        return Some(Kind::Locked);
    }
    if has("already exists") || has("already defined") || has("already used") || has("already in use") {
        return Some(Kind::Exists);
    }
    if has(NO_CEPH) {
        return Some(Kind::NotFound);
    }
    let missing = ["does not exist", "doesn't exist", "no such", "unable to find", "not found", "No such ", "unrecognized pool"];
    missing.iter().any(|needle| has(needle)).then_some(Kind::NotFound)
}

/// The beginning of the host's message where Ceph is not installed.
const NO_CEPH: &str = "binary not installed: /usr/bin/ceph";

/// Whether the message means a lost quorum, which makes the cluster file system read-only.
fn no_quorum(text: &str) -> bool {
    let read_only = text.contains("/etc/pve/") && text.contains(".tmp.") && text.contains("Permission denied");
    text.contains("no quorum") || read_only
}

/// Parses `Permission check failed (/vms/102, VM.Backup)` into path and privilege (alternatives joined by `|`).
pub fn parse_denial(text: &str) -> Option<(String, String)> {
    let inside = text.split("ermission check failed (").nth(1)?;
    let inside = inside.get(..inside.rfind(')')?)?;
    let (path, privilege) = inside.rsplit_once(", ")?;
    (path.starts_with('/') && privilege.contains('.')).then(|| (path.to_owned(), privilege.to_owned()))
}

/// Sets the fault's path and privilege from a denial, for JSON output, hints and `role check`.
pub fn set_denial(fault: &mut Fault, text: &str) {
    if let Some((path, privilege)) = parse_denial(text) {
        fault.path = Some(path);
        fault.privilege = Some(privilege);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::call::Method;

    fn request(method: Method) -> Request {
        Request::new(method, crate::path!["nodes", "pve1", "lxc", 999, "config"])
    }

    fn fault(method: Method, status: u16, reason: &str, body: &str) -> Fault {
        read(&request(method), status, reason, body.as_bytes()).expect_err("a refusal")
    }

    #[test]
    fn a_denial_contains_path_and_privilege() {
        let f = fault(
            Method::Get,
            403,
            "Permission check failed (/vms/101, VM.Config.Disk|VM.Config.CPU)",
            r#"{"data":null,"message":"Permission check failed (/vms/101, VM.Config.Disk|VM.Config.CPU)\n"}"#,
        );
        assert_eq!(
            (f.kind, f.path.as_deref(), f.privilege.as_deref()),
            (Kind::Denied, Some("/vms/101"), Some("VM.Config.Disk|VM.Config.CPU"))
        );
        assert_eq!(
            parse_denial("unable to restore CT 153 - 403 Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"),
            Some(("/sdn/zones/localnetwork/vmbr0".into(), "SDN.Use".into()))
        );
        assert_eq!(parse_denial("Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)"), None);
    }

    #[test]
    fn the_text_of_a_500_decides_its_kind() {
        let kind = |text: &str| fault(Method::Put, 500, text, "").kind;
        assert_eq!(kind("Configuration file 'nodes/pve1/lxc/999.conf' does not exist"), Kind::NotFound);
        assert_eq!(kind("CT is locked (backup)"), Kind::Locked);
        assert_eq!(kind("detected modified configuration - file changed by other user? Try again."), Kind::Conflict);
        assert_eq!(kind("unable to create CT 101 - CT 101 already exists on node 'pve1'"), Kind::Exists);
        assert_eq!(kind("got no worker upid"), Kind::Host);
        assert_eq!(kind("binary not installed: /usr/bin/ceph-mon"), Kind::NotFound);
    }

    #[test]
    fn parameter_errors_are_kept() {
        let f = fault(
            Method::Put,
            400,
            "Parameter verification failed.",
            r#"{"data":null,"errors":{"memory":"type check ('integer') failed - got 'abc'"},"message":"Parameter verification failed.\n"}"#,
        );
        assert_eq!(f.kind, Kind::BadParameter);
        assert_eq!(f.errors["memory"], "type check ('integer') failed - got 'abc'");
    }

    #[test]
    fn an_unreachable_node_is_reported_differently_for_reads_and_writes() {
        assert_eq!(fault(Method::Get, 595, "No route to host", "").kind, Kind::NodeDown);
        assert_eq!(fault(Method::Post, 596, "Connection timed out", "").kind, Kind::Unknown);
        // No connection to the node, so it did not receive the request.
        let refused = fault(Method::Post, 595, "Connection refused", "");
        assert_eq!((refused.kind, refused.exit_code()), (Kind::NodeDown, 9));
        assert!(refused.message.contains("node 'pve1'"), "{}", refused.message);
    }

    #[test]
    fn lost_quorum_is_recognized_in_each_form() {
        for text in [
            "cluster not ready - no quorum?",
            "create user failed: cfs-lock 'file-user_cfg' error: no quorum!",
            "unable to open file '/etc/pve/nodes/pve1/lxc/101.conf.tmp.1125' - Permission denied",
        ] {
            let lost = fault(Method::Put, 500, text, "");
            assert_eq!(lost.kind, Kind::NoQuorum, "{text}");
            assert!(lost.message.ends_with("the cluster has no quorum"), "{}", lost.message);
        }
        assert_eq!(kind_of_text("unable to open file '/etc/network/interfaces.tmp.1' - Permission denied"), None);
    }

    #[test]
    fn gateway_errors_are_lost_answers() {
        for status in [408, 502, 503, 504] {
            assert_eq!(fault(Method::Post, status, "", "").kind, Kind::Unknown, "{status}");
            assert_eq!(fault(Method::Get, status, "", "").kind, Kind::Unreachable, "{status}");
        }
        assert_eq!(fault(Method::Post, 200, "OK", "<html>").kind, Kind::Unknown);
        assert_eq!(fault(Method::Post, 500, "got no worker upid", "").kind, Kind::Host);
    }

    #[test]
    fn a_401_has_a_hint_from_its_reason() {
        assert!(fault(Method::Get, 401, "No ticket", "").hint().contains("no credentials"));
        assert!(fault(Method::Get, 401, "Authentication failed!", "").hint().contains("pveum user token list"));
    }

    #[test]
    fn a_success_that_is_not_json_is_a_fault() {
        assert_eq!(fault(Method::Get, 200, "OK", "<html>").kind, Kind::Host);
    }
}
