//! Masking of secrets by key, call and form.

mod keys;
mod text;

use serde_json::Value as Json;

use crate::api::{Request, Value};
use crate::config::secrets::Source;
use crate::fault::Fault;

pub use keys::{is_public, sensitive, sensitive_at};
pub use text::text;

/// Replaces a secret.
pub const MASK: &str = "***";

/// Returns a configuration value of a guest for display.
pub fn config_value(key: &str, value: &str) -> String {
    if sensitive(key) { MASK.into() } else { text(value) }
}

/// Whether the parameter is a secret. A public key is masked for its length only.
pub fn hides(request: &Request, key: &str, value: &Value) -> bool {
    let secret = matches!(value, Value::Secret(_)) || (sensitive_at(&request.path, key) && !matches!(value, Value::Output(_)));
    secret && !is_public(key)
}

/// Returns a secret parameter of the request, if there is one.
pub fn secret_of(request: &Request) -> Option<&str> {
    request.params.iter().find(|(key, value)| hides(request, key, value)).map(|(key, _)| key.as_str())
}

/// Returns a parameter's value for display.
pub fn param(request: &Request, key: &str, value: &Value) -> String {
    match value {
        // A result of an earlier step is shown by its name.
        Value::Output(_) => value.shown(),
        _ if sensitive_at(&request.path, key) => MASK.into(),
        _ => text(&value.shown()),
    }
}

/// Masks a command line for the journal and staged changes: values of secret options, `password=…` and similar. The source of a secret
/// (file, variable, store) is not masked.
pub fn words<S: AsRef<str>>(words: &[S]) -> Vec<String> {
    // The first word is the program.
    let path: Vec<String> = words
        .iter()
        .skip(1)
        .find_map(|word| word.as_ref().strip_prefix('/'))
        .map(|path| path.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect())
        .unwrap_or_default();
    let mut behind = false;
    words
        .iter()
        .map(|word| {
            let word = word.as_ref();
            if std::mem::take(&mut behind) {
                return source_or_mask(word);
            }
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            let flag = key.strip_prefix("--");
            let secret = flag.map_or_else(|| sensitive_at(&path, key), |flag| flag == "admin-secret" || sensitive(flag));
            match (secret, value, flag) {
                (true, Some(value), Some(_)) => format!("{key}={}", source_or_mask(value)),
                (true, Some(file), None) if file.starts_with('@') => word.to_owned(),
                (true, Some(_), None) => format!("{key}={MASK}"),
                (true, None, Some(_)) => {
                    behind = true;
                    word.to_owned()
                }
                _ => text(word),
            }
        })
        .collect()
}

fn source_or_mask(word: &str) -> String {
    match Source::parse(word) {
        Ok(source) if !matches!(source, Source::Literal(_)) => word.to_owned(),
        _ => MASK.to_owned(),
    }
}

/// Returns the first word (of [`words`]) with a masked value: `--totp`, `cipassword`.
pub fn masked(words: &[String]) -> Option<String> {
    let at = words.iter().position(|word| word.contains(MASK))?;
    let named = if words[at] == MASK { words.get(at.checked_sub(1)?)? } else { &words[at] };
    Some(named.split('=').next().unwrap_or_default().to_owned())
}

/// Masks secrets in a JSON value.
pub fn json(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            // One entry of a list of settings: `{"key": "cipassword", "value": …, "pending": …}`.
            let named = map.get("key").and_then(Json::as_str).is_some_and(sensitive);
            let hides = |key: &str| sensitive(key) || named && matches!(key, "value" | "pending" | "old" | "new");
            Json::Object(map.into_iter().map(|(key, value)| if hides(&key) { (key, hidden(value)) } else { (key, json(value)) }).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(json).collect()),
        Json::String(plain) => Json::String(text(&plain)),
        other => other,
    }
}

/// Masks any value; null and booleans contain no secret.
fn hidden(value: Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(map.into_iter().map(|(key, value)| (key, hidden(value))).collect()),
        Json::Array(items) => Json::Array(items.into_iter().map(hidden).collect()),
        Json::String(_) | Json::Number(_) => Json::String(MASK.into()),
        Json::Bool(_) | Json::Null => value,
    }
}

/// Masks a text in which a host may repeat a request: the request's secrets, and secrets known by form.
pub fn echo(request: &Request, plain: &str) -> String {
    let secrets = request.params.iter().filter(|(key, value)| matches!(value, Value::Secret(_)) || sensitive_at(&request.path, key));
    let sent = secrets.flat_map(|(_, value)| value.wire());
    // Shorter secrets would match in any text.
    let telling = |line: &&str| line.len() >= 4;
    let lines: Vec<String> =
        sent.flat_map(|text| text.lines().map(str::trim).filter(telling).map(str::to_owned).collect::<Vec<_>>()).collect();
    text(&lines.iter().fold(plain.to_owned(), |text, secret| text.replace(secret.as_str(), MASK)))
}

/// Masks a request's fault in the same way.
pub fn echoed(request: &Request, fault: &mut Fault) {
    change(fault, |plain| echo(request, plain));
}

/// Masks the texts of hosts and programs in a fault. Hints are felhom's own.
pub fn fault(fault: &mut Fault) {
    change(fault, text);
}

fn change(fault: &mut Fault, mask: impl Fn(&str) -> String) {
    fault.message = mask(&fault.message);
    fault.reason = fault.reason.take().map(|reason| mask(&reason));
    fault.errors.values_mut().for_each(|complaint| *complaint = mask(complaint));
    fault.log.iter_mut().for_each(|line| *line = mask(line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_command_line_keeps_no_secret() {
        let shown =
            words(&["felhom", "role", "rotate", "--totp", "123456", "--totp=123456", "api", "post", "/x", "password=geheim", "a=b"]);
        assert_eq!(shown.join(" "), "felhom role rotate --totp *** --totp=*** api post /x password=*** a=b");
        assert_eq!(words(&["--admin-secret", "literal:geheim"]), ["--admin-secret", "***"]);
        assert_eq!(words(&["--admin-secret", "geheim", "x"]), ["--admin-secret", "***", "x"]);
        assert_eq!(words(&["api", "put", "/cluster/acme/plugins/cf", "data=Z2VoZWlt"])[3], "data=***");
        assert_eq!(words(&["api", "post", "/nodes/pve1/hosts", "data=127.0.0.1 x"])[3], "data=127.0.0.1 x");
    }

    #[test]
    fn where_a_secret_comes_from_is_kept() {
        for kept in [&["--admin-secret", "file:/root/setup.secret"][..], &["--secret=env:PVE"], &["cipassword=@/root/ci"], &["password=@-"]]
        {
            assert_eq!(words(kept), kept);
            assert_eq!(masked(&words(kept)), None);
        }
        assert_eq!(masked(&words(&["role", "rotate", "--totp", "123456"])).as_deref(), Some("--totp"));
        assert_eq!(masked(&words(&["guest", "set", "201", "sshkeys=ssh-ed25519 AAAA"])).as_deref(), Some("sshkeys"));
    }

    #[test]
    fn masks_by_key_and_by_form() {
        let call = |path: &[&str]| Request::new(crate::api::Method::Post, path.iter().map(|s| (*s).to_owned()).collect());
        assert_eq!(param(&call(&["nodes", "pve1", "qemu"]), "cipassword", &Value::from("hunter2")), "***");
        assert_eq!(param(&call(&["nodes", "pve1", "certificates", "custom"]), "key", &Value::from("x")), "***");
        assert_eq!(
            json(json!({"a": {"password": "x"}, "b": ["PVE:root@pam:6B0036A6::abc="]})),
            json!({"a": {"password": "***"}, "b": ["PVE:***"]})
        );
    }

    #[test]
    fn a_list_of_settings_is_masked_by_their_names() {
        let pending = json!([{"key": "memory", "value": 512, "pending": 1024}, {"key": "cipassword", "value": "a", "pending": "b"}]);
        let shown = json!([{"key": "memory", "value": 512, "pending": 1024}, {"key": "cipassword", "value": "***", "pending": "***"}]);
        assert_eq!(json(pending), shown);
        let tfa = json!({"recovery": ["aaaa-bbbb", "cccc-dddd"], "id": "x", "password": null});
        assert_eq!(json(tfa), json!({"recovery": ["***", "***"], "id": "x", "password": null}));
    }

    #[test]
    fn a_host_that_repeats_a_secret_gives_nothing_away() {
        let mut call = Request::new(crate::api::Method::Post, vec!["access".into(), "domains".into()]);
        call.params =
            vec![("tfa".into(), Value::from("geheim")), ("realm".into(), Value::from("test")), ("password".into(), Value::from("x"))];
        assert_eq!(echo(&call, "tfa.type: value 'geheim' of the realm test, fix it"), "tfa.type: value '***' of the realm test, fix it");
    }

    #[test]
    fn a_fault_is_masked_but_for_our_own_words() {
        let mut said = Fault::other("POST /x: password=geheim is refused").with_hint("cipassword=@FILE reads it from a file");
        said.errors.insert("password".into(), "too short: PVE:root@pam:6B0036A6::abc=".into());
        said.log.push("user felhom@pve!agent=00000000-0000-0000-0000-000000000000".into());
        fault(&mut said);
        assert_eq!(said.message, "POST /x: password=*** is refused");
        assert_eq!(said.errors["password"], "too short: PVE:***");
        assert_eq!(said.log, ["user felhom@pve!agent=***"]);
        assert_eq!(said.hint(), "cipassword=@FILE reads it from a file");
    }
}
