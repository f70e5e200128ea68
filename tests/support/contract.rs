//! Every request of the suite, held against the API schema.

use felhom::api::schema::{self, Params};
use felhom::demo::Logged;
use serde_json::Value;

/// What a real host would say against these requests; none of it may stand.
pub fn check(requests: &[Logged], forgiven: &[String]) -> Vec<String> {
    let complaint = |request: &Logged| {
        let name = format!("{} {}", request.method, request.path);
        if forgiven.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        schema::check_request(&request.method, &request.path, &unmasked(request)).err()
    };
    requests.iter().filter_map(complaint).collect()
}

/// The log masks secrets; a value of the same form replaces them: a subscription, a private key, or a password of eight letters.
fn unmasked(request: &Logged) -> Params {
    let plain = |key: &str| match key {
        "key" if request.path.ends_with("/subscription") => "pve1c-0123456789",
        "key" => "-----BEGIN PRIVATE KEY-----",
        _ => "password",
    };
    let word = |key: &str, value: &Value| if value == "***" { Value::from(plain(key)) } else { value.clone() };
    request.params.iter().map(|(key, value)| (key.clone(), word(key, value))).collect()
}

/// Fails the test that sent something wrong, unless it fails already.
pub(super) fn hold(requests: &[Logged], forgiven: &[String]) {
    if std::thread::panicking() {
        return;
    }
    let wrong = check(requests, forgiven);
    assert!(wrong.is_empty(), "requests that a real host would refuse:\n{}", wrong.join("\n"));
}
