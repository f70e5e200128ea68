//! Comparison of answers: status, messages, keys and types, but not figures, times and IDs.

use regex_bites::Regex;
use serde_json::Value;

/// Replaces parts that differ in every run.
pub(super) fn normal(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, word) in [
        (r"UPID:[^ '\x22]*", "UPID"),
        (r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?", "TIME"),
        (r"\d{4}_\d\d_\d\d-\d\d_\d\d_\d\d", "TIME"),
        (r"(?i)[0-9a-f]{2}(:[0-9a-f]{2}){5}", "MAC"),
        (r"SHA256:[A-Za-z0-9+/]+", "KEY"),
        (r"pveupload-[0-9a-f]+", "UPLOAD"),
        (r"/proc/\d+/", "/proc/N/"),
        (r"Total bytes (read|written): .*", "Total bytes $1"),
        (r"archive file size: .*", "archive file size"),
        (r"transferred [0-9.]+[KMG]? bytes in \d+s", "transferred"),
        (r"\(\d\d:\d\d:\d\d\)", "(TIME)"),
        (r"guest is online again after .*", "guest is online again"),
        (r"ssh_host_(rsa|ecdsa|ed25519)_key", "ssh_host_key"),
        (r"value '[^']*' does not look like a valid user name", "value does not look like a valid user name"),
        (r"(Temporary failure in name resolution|Name or service not known)", "not known"),
        (r"\.tmp\.\d+", ".tmp.N"),
        (r"at /usr/share/.*", "at line"),
        (r"^(Number|Total|Literal|Matched|File) ([a-z ]+): .*", "$1 $2"),
        (r"sent \S+ bytes  received .*", "sent"),
        (r"total size is .*", "total size"),
        (r": \d+/(\d+) files .*, \d+/(\d+) blocks", ": $1 files, $2 blocks"),
    ] {
        let regex = Regex::new(pattern).unwrap();
        text = regex.replace_all(&text, word).into_owned();
    }
    if let Some(words) = text.strip_prefix("INFO: starting new backup job: ") {
        // The options have the order of a Perl hash.
        let mut parts: Vec<String> = words.split(" --").map(|part| part.trim().to_owned()).collect();
        parts.sort();
        return parts.join(" --");
    }
    text
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns the key that identifies an entry in both lists.
fn identity(value: &Value) -> Option<String> {
    let keys = [
        "volid", "upid", "vmid", "key", "roleid", "userid", "tokenid", "poolid", "id", "storage", "sid", "iface", "name", "subdir", "node",
        "realm", "group", "groupid", "target", "time", "n", "cmd", "method", "devpath", "rule",
    ];
    let named = keys.iter().find_map(|key| value.get(key).filter(|value| !value.is_object()).map(|value| format!("{key}={value}")))?;
    // The ID of a second factor is random, so its type identifies it.
    let kind = value.get("type").filter(|_| named.starts_with("id=") && named.len() == 41 && value.get("created").is_some());
    Some(kind.map_or(named, |kind| format!("type={kind}")))
}

/// Whether the recorder masked or truncated a value.
fn is_masked(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("<masked>") || text.starts_with("… ") || text.contains('…'))
}

/// Compares messages by text, everything else by keys and types.
pub(super) fn bodies(then: &Value, now: &Value, at: &str, found: &mut Vec<String>) {
    let cut = at.is_empty() && then["_text"].as_str().is_some_and(|text| text.starts_with("{\"data\""));
    if is_masked(then) || cut {
        return;
    }
    if at == ".message" || at.starts_with(".errors.") || at == "._text" {
        let (then, now) = (normal(then.as_str().unwrap_or("")), normal(now.as_str().unwrap_or("")));
        if then.trim_end() != now.trim_end() {
            found.push(format!("{at}: {now:?} instead of {then:?}"));
        }
        return;
    }
    if kind(then) != kind(now) {
        found.push(format!("{at}: {} instead of {} ({now} / {then})", kind(now), kind(then)).chars().take(300).collect());
        return;
    }
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (key, value) in then {
                match now.get(key) {
                    Some(ours) => bodies(value, ours, &format!("{at}.{key}"), found),
                    None => found.push(format!("{at}: lacks {key} ({value})").chars().take(200).collect()),
                }
            }
            for key in now.keys().filter(|key| !then.contains_key(*key)) {
                found.push(format!("{at}: has {key} ({})", now[key]).chars().take(200).collect());
            }
        }
        (Value::Array(then), Value::Array(now)) => lists(then, now, at, found),
        _ => {}
    }
}

fn lists(then: &[Value], now: &[Value], at: &str, found: &mut Vec<String>) {
    if then.is_empty() != now.is_empty() {
        found.push(format!("{at}: {} entries instead of {}", now.len(), then.len()));
        return;
    }
    for (index, value) in then.iter().enumerate().filter(|(_, value)| !is_masked(value)) {
        let same = match identity(value) {
            Some(id) => now.iter().find(|ours| identity(ours).as_ref() == Some(&id)).or_else(|| {
                // Entries with random IDs are compared by position.
                let random = |value: &&Value| identity(value).is_some_and(|id| volatile(&id));
                let earlier = then[..index].iter().filter(random).count();
                volatile(&id).then(|| now.iter().filter(random).nth(earlier))?
            }),
            None => now.get(index),
        };
        match same {
            Some(ours) => bodies(value, ours, &format!("{at}[{index}]"), found),
            None if identity(value).is_some_and(|id| volatile(&id)) => {}
            None => found.push(format!("{at}: lacks the entry {}", identity(value).unwrap_or_default())),
        }
    }
}

/// Whether an ID differs in every run.
fn volatile(id: &str) -> bool {
    ["volid=", "upid=", "time=", "n="].iter().any(|prefix| id.starts_with(prefix)) || id.contains('-') && id.len() > 36
}

pub(super) fn logs(then: &[String], now: &[String], found: &mut Vec<String>) {
    // The recorded host had no fuser.
    let clean =
        |lines: &[String]| lines.iter().filter(|line| !line.contains("exec \"fuser\"")).map(|line| normal(line)).collect::<Vec<_>>();
    let (then, now) = (clean(then), clean(now));
    if then != now {
        for line in then.iter().filter(|line| !now.contains(line)) {
            found.push(format!("log lacks {line:?}"));
        }
        for line in now.iter().filter(|line| !then.contains(line)) {
            found.push(format!("log has {line:?}"));
        }
        if then.len() == now.len() && found.is_empty() {
            found.push("log in another order".to_owned());
        }
    }
}
