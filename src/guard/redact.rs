//! The one place that knows what must not be shown.

use serde_json::Value as Json;

use crate::api::{Request, Value};
use crate::fault::Fault;

/// Keys whose values are secrets, or hold them.
const KEYS: &[&str] = &[
    "password",
    "confirmation-password",
    "cipassword",
    "smbpassword",
    "bind-password",
    "sshkeys",
    "ssh-public-keys",
    "secret",
    "shared-secret",
    "token",
    "token_secret",
    "token-value",
    "tokenvalue",
    "api_token",
    "ticket",
    "vncticket",
    "csrfpreventiontoken",
    "tfa-challenge",
    "otp",
    "totp",
    "recovery",
    "keys",
    "key",
    "private_key",
    "client-key",
    "certificates-key",
    "encryption-key",
    "encryption_key",
    "eab-hmac-key",
    "master-pubkey",
    "keyring",
    // The access data of a DNS provider; another cluster's address with a token; a proxy's with a password.
    "data",
    "target-endpoint",
    "http_proxy",
];

/// Keys that hold a secret below `/access` alone: the code of a second factor.
const ACCESS_KEYS: &[&str] = &["value"];

/// Flags whose values open something.
const FLAGS: &[&str] = &["--totp", "--admin-secret"];

/// Keys that are shown by name, but whose content is code.
const CODE: &[&str] = &["args", "hookscript"];

const MASK: &str = "***";

pub fn sensitive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    KEYS.contains(&key.as_str())
}

/// The same for a parameter of a call.
pub fn sensitive_in(path: &[String], key: &str) -> bool {
    sensitive(key) || (path.first().is_some_and(|area| area == "access") && ACCESS_KEYS.contains(&key))
}

/// The parameter of a request that is a secret, if one is.
pub fn secret_of(request: &Request) -> Option<&str> {
    let secret = |(key, value): &&(String, Value)| matches!(value, Value::Secret(_)) || sensitive_in(&request.path, key);
    request.params.iter().find(secret).map(|(key, _)| key.as_str())
}

/// A guest's configuration value, for showing.
pub fn config_value(key: &str, value: &str) -> String {
    if sensitive(key) { MASK.into() } else { text(value) }
}

/// Does the key hold code that a guest's configuration runs on the host?
pub fn is_code(key: &str) -> bool {
    CODE.contains(&key)
}

/// A parameter's value, for showing.
pub fn param(key: &str, value: &Value) -> String {
    if sensitive(key) { MASK.into() } else { text(&value.shown()) }
}

/// A command line's words, for the journal: what stands behind a flag for secrets is masked, and so are `password=…` and its like.
pub fn words<S: AsRef<str>>(words: &[S]) -> Vec<String> {
    let mut behind = false;
    let access = words.iter().any(|word| word.as_ref().starts_with("/access/"));
    words
        .iter()
        .map(|word| {
            let word = word.as_ref();
            if std::mem::take(&mut behind) {
                return MASK.to_owned();
            }
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            let secret = FLAGS.contains(&key) || sensitive(key.trim_start_matches('-')) || (access && ACCESS_KEYS.contains(&key));
            match value {
                Some(_) if secret => format!("{key}={MASK}"),
                None if secret && key.starts_with("--") => {
                    behind = true;
                    word.to_owned()
                }
                _ => text(word),
            }
        })
        .collect()
}

/// A JSON value with what is sensitive in it masked.
pub fn json(value: Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(
            map.into_iter()
                .map(|(key, value)| {
                    let masked =
                        if sensitive(&key) && !value.is_object() && !value.is_array() { Json::String(MASK.into()) } else { json(value) };
                    (key, masked)
                })
                .collect(),
        ),
        Json::Array(items) => Json::Array(items.into_iter().map(json).collect()),
        Json::String(plain) => Json::String(text(&plain)),
        other => other,
    }
}

/// A text with tickets and token secrets in it masked.
pub fn text(plain: &str) -> String {
    if !plain.contains("PVE:") && !plain.contains("PVEAPIToken") && !plain.contains('!') {
        return plain.to_owned();
    }
    let mut masked = String::with_capacity(plain.len());
    for word in plain.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        masked.push_str(&mask_word(bare));
        masked.push_str(&word[bare.len()..]);
    }
    masked
}

/// A fault with its texts masked: they may repeat what was typed or what a host said.
pub fn fault(mut fault: Fault) -> Fault {
    fault.message = text(&fault.message);
    fault.hint = fault.hint.map(|hint| text(&hint));
    fault.log.iter_mut().for_each(|line| *line = text(line));
    fault.errors.values_mut().for_each(|complaint| *complaint = text(complaint));
    fault
}

fn mask_word(word: &str) -> String {
    if let Some(at) = word.find("PVE:") {
        // A ticket: PVE:user@realm:HEXTIME::signature.
        if word[at..].contains("::") {
            return format!("{}PVE:{MASK}", &word[..at]);
        }
    }
    let mut shown = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = secret_at(rest) {
        shown.push_str(&rest[..at]);
        shown.push_str(MASK);
        rest = &rest[at..];
        rest = &rest[rest.find([',', ';', '&', '\'', '"', '`', ')']).unwrap_or(rest.len())..];
    }
    shown + rest
}

/// Where a token's secret begins: `user@realm!id=uuid`.
fn secret_at(word: &str) -> Option<usize> {
    word.match_indices('!').find_map(|(bang, _)| {
        let (id, secret) = word[bang + 1..].split_once('=')?;
        let named = word[..bang].contains('@') && id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        (named && !secret.is_empty() && !secret.starts_with(MASK)).then(|| word.len() - secret.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_command_line_keeps_no_secret() {
        let masked =
            words(&["felhom", "role", "rotate", "--totp", "123456", "--totp=123456", "api", "post", "/x", "password=geheim", "a=b"]);
        assert_eq!(masked.join(" "), "felhom role rotate --totp *** --totp=*** api post /x password=*** a=b");
        assert_eq!(words(&["--admin-secret", "literal:geheim"]), ["--admin-secret", "***"]);
    }

    #[test]
    fn masks_by_key_and_by_form() {
        assert_eq!(param("cipassword", &Value::from("hunter2")), "***");
        assert_eq!(
            json(json!({"a": {"password": "x"}, "b": ["PVE:root@pam:6B0036A6::abc="]})),
            json!({"a": {"password": "***"}, "b": ["PVE:***"]})
        );
        assert_eq!(text("token felhom@pve!agent=00000000-0000-0000-0000-000000000000 is"), "token felhom@pve!agent=*** is");
        assert_eq!(
            text("apitoken=PVEAPIToken=root@pam!x=1111-2222,host=192.0.2.1,fingerprint=AA:BB"),
            "apitoken=PVEAPIToken=root@pam!x=***,host=192.0.2.1,fingerprint=AA:BB"
        );
        assert_eq!(text("invalid value 'a@pve!b=1111' for"), "invalid value 'a@pve!b=***' for");
        assert_eq!(
            words(&["api", "put", "/access/tfa/a@pve", "value=123456", "totp=otpauth://x"]).join(" "),
            "api put /access/tfa/a@pve value=*** totp=***"
        );
        assert_eq!(words(&["api", "put", "/x", "value=1"]).join(" "), "api put /x value=1");
        assert_eq!(text("UPID:pve1:0:0:0:vzdump:101:felhom@pve!agent:"), "UPID:pve1:0:0:0:vzdump:101:felhom@pve!agent:");
    }
}
