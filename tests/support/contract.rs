//! Every request of the suite, held against the API schema.

use felhom::demo::Logged;
use felhom::demo::schema::{self, Params};
use serde_json::Value;

/// What a real host would say against these requests; none of it may stand.
pub fn check(requests: &[Logged], forgiven: &[String]) -> Vec<String> {
    let complaint = |request: &Logged| {
        let name = format!("{} {}", request.method, request.path);
        if forgiven.iter().any(|prefix| name.starts_with(prefix)) {
            return None;
        }
        schema::check_request(&request.method, &request.path, &unmasked(&request.params)).err()
    };
    requests.iter().filter_map(complaint).collect()
}

/// The log masks secrets; a password of eight letters takes their place, so that limits of length still hold.
fn unmasked(params: &Params) -> Params {
    let word = |value: &Value| if value == "***" { Value::from("password") } else { value.clone() };
    params.iter().map(|(key, value)| (key.clone(), word(value))).collect()
}

/// Fails the test that sent something wrong, unless it fails already.
pub(super) fn hold(requests: &[Logged], forgiven: &[String]) {
    if std::thread::panicking() {
        return;
    }
    let wrong = check(requests, forgiven);
    assert!(wrong.is_empty(), "requests that a real host would refuse:\n{}", wrong.join("\n"));
}
