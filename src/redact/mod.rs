//! The one place that knows what must not be shown: by its key, by the call that it belongs to, or by its form.

mod keys;
mod text;

use serde_json::Value as Json;

use crate::api::{Request, Value};
use crate::config::secrets::Source;
use crate::fault::Fault;

pub use keys::{is_public, sensitive, sensitive_at};
pub use text::text;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// A guest's configuration value, for showing.
pub fn config_value(key: &str, value: &str) -> String {
    if sensitive(key) { MASK.into() } else { text(value) }
}

/// Is the parameter a secret? A public key is masked because it is long, and is none.
pub fn hides(request: &Request, key: &str, value: &Value) -> bool {
    let secret = matches!(value, Value::Secret(_)) || (sensitive_at(&request.path, key) && !matches!(value, Value::Output(_)));
    secret && !is_public(key)
}

/// The parameter of a request that is a secret, if one is.
pub fn secret_of(request: &Request) -> Option<&str> {
    request.params.iter().find(|(key, value)| hides(request, key, value)).map(|(key, _)| key.as_str())
}

/// A parameter's value, for showing.
pub fn param(request: &Request, key: &str, value: &Value) -> String {
    match value {
        // What an earlier step will give is shown by its name.
        Value::Output(_) => value.shown(),
        _ if sensitive_at(&request.path, key) => MASK.into(),
        _ => text(&value.shown()),
    }
}

/// A command line's words, for the journal and the shelf: what stands behind a flag for secrets is masked, and so are `password=…` and
/// its like. Where a secret comes from (a file, a variable, a store) is no secret.
pub fn words<S: AsRef<str>>(words: &[S]) -> Vec<String> {
    // The first word is the program itself.
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

/// The first of these words (of [`words`]) in which something is masked: `--totp`, `cipassword`.
pub fn masked(words: &[String]) -> Option<String> {
    let at = words.iter().position(|word| word.contains(MASK))?;
    let named = if words[at] == MASK { words.get(at.checked_sub(1)?)? } else { &words[at] };
    Some(named.split('=').next().unwrap_or_default().to_owned())
}

/// A JSON value with what is sensitive in it masked.
pub fn json(value: Json) -> Json {
    match value {
        Json::Object(map) => {
            // One setting in a list of settings: `{"key": "cipassword", "value": …, "pending": …}`.
            let named = map.get("key").and_then(Json::as_str).is_some_and(sensitive);
            let hides = |key: &str| sensitive(key) || named && matches!(key, "value" | "pending" | "old" | "new");
            Json::Object(map.into_iter().map(|(key, value)| if hides(&key) { (key, hidden(value)) } else { (key, json(value)) }).collect())
        }
        Json::Array(items) => Json::Array(items.into_iter().map(json).collect()),
        Json::String(plain) => Json::String(text(&plain)),
        other => other,
    }
}

/// Whatever it holds; what is not there, and a switch, say nothing.
fn hidden(value: Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(map.into_iter().map(|(key, value)| (key, hidden(value))).collect()),
        Json::Array(items) => Json::Array(items.into_iter().map(hidden).collect()),
        Json::String(_) | Json::Number(_) => Json::String(MASK.into()),
        Json::Bool(_) | Json::Null => value,
    }
}

/// A text in which a host may repeat what it was sent: the secrets of the request are masked in it, besides what has their form.
pub fn echo(request: &Request, plain: &str) -> String {
    let secrets = request.params.iter().filter(|(key, value)| matches!(value, Value::Secret(_)) || sensitive_at(&request.path, key));
    let sent = secrets.flat_map(|(_, value)| value.wire());
    // What is shorter would be found in any text.
    let telling = |line: &&str| line.len() >= 4;
    let lines: Vec<String> =
        sent.flat_map(|text| text.lines().map(str::trim).filter(telling).map(str::to_owned).collect::<Vec<_>>()).collect();
    text(&lines.iter().fold(plain.to_owned(), |text, secret| text.replace(secret.as_str(), MASK)))
}

/// A fault of a request, in the same way.
pub fn echoed(request: &Request, fault: &mut Fault) {
    change(fault, |plain| echo(request, plain));
}

/// A fault with what the host or a program said in it masked. The hints are our own words.
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
