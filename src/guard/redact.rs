//! The one place that knows what must not be shown.

use serde_json::Value as Json;

use crate::api::Value;

/// Keys whose values are secrets, or hold them.
const KEYS: &[&str] = &[
    "password",
    "cipassword",
    "sshkeys",
    "ssh-public-keys",
    "secret",
    "token_secret",
    "ticket",
    "csrfpreventiontoken",
    "encryption-key",
    "encryption_key",
    "master-pubkey",
    "keyring",
    "api_token",
    "token-value",
    "key",
    "private_key",
    "certificates-key",
    "otp",
    "recovery",
    "tfa-challenge",
    "tokenvalue",
    "smbpassword",
    "shared-secret",
    "client-key",
    "bind-password",
];

/// Flags whose values open something.
const FLAGS: &[&str] = &["--totp", "--admin-secret"];

/// Keys that are shown by name, but whose content is code.
const CODE: &[&str] = &["args", "hookscript"];

/// What stands in the place of a secret.
pub const MASK: &str = "***";

pub fn sensitive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    KEYS.contains(&key.as_str())
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

/// A parameter's values as they would be sent, for showing.
pub fn wire(key: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Each(items) if !sensitive(key) => items.iter().map(|item| text(item)).collect(),
        _ => vec![param(key, value)],
    }
}

/// A command line's words, for the journal: what stands behind a flag for secrets is masked, and so are `password=…` and its like.
pub fn words<S: AsRef<str>>(words: &[S]) -> Vec<String> {
    let mut behind = false;
    words
        .iter()
        .map(|word| {
            let word = word.as_ref();
            if std::mem::take(&mut behind) {
                return MASK.to_owned();
            }
            let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
            let secret = FLAGS.contains(&key) || sensitive(key.trim_start_matches('-'));
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

fn mask_word(word: &str) -> String {
    if let Some(at) = word.find("PVE:") {
        // A ticket: PVE:user@realm:HEXTIME::signature.
        if word[at..].contains("::") {
            return format!("{}PVE:{MASK}", &word[..at]);
        }
    }
    // A token with its secret: user@realm!id=uuid.
    if let (Some(bang), Some(equals)) = (word.find('!'), word.find('='))
        && (bang < equals && word[..bang].contains('@') || word.contains("PVEAPIToken="))
    {
        let cut = word.rfind('=').unwrap_or(equals);
        return format!("{}={MASK}", &word[..cut]);
    }
    word.to_owned()
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
        assert_eq!(wire("note", &Value::Secret(crate::secret::Secret::new("geheim"))), ["***"]);
        assert_eq!(wire("key", &Value::Each(vec!["a".into()])), ["***"]);
        assert_eq!(wire("vms", &Value::Each(vec!["101".into(), "102".into()])), ["101", "102"]);
        assert_eq!(
            json(json!({"a": {"password": "x"}, "b": ["PVE:root@pam:6B0036A6::abc="]})),
            json!({"a": {"password": "***"}, "b": ["PVE:***"]})
        );
        assert_eq!(text("token felhom@pve!agent=00000000-0000-0000-0000-000000000000 is"), "token felhom@pve!agent=*** is");
        assert_eq!(text("UPID:pve1:0:0:0:vzdump:101:felhom@pve!agent:"), "UPID:pve1:0:0:0:vzdump:101:felhom@pve!agent:");
    }
}
