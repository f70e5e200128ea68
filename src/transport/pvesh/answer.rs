//! Converts output of `pvesh` to the answers and faults of HTTPS.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::api::{Reply, Request, Upid, answer};
use crate::fault::{Fate, Fault, Kind, Result};

/// Parses the exit code, stdout and stderr of a finished `pvesh`.
pub(super) fn read(request: &Request, code: i32, stdout: &str, stderr: &str) -> Result<Reply> {
    if code == 0 {
        return data(request, stdout);
    }
    if code == 127 {
        return Err(Fault::new(Kind::Unreachable, format!("{request}: there is no pvesh on the host"))
            .with_hint("check that it is a Proxmox VE node and that the login is root"));
    }
    Err(refusal(request, stderr))
}

/// Returns the data: the last line, after the output of a task.
fn data(request: &Request, stdout: &str) -> Result<Reply> {
    let last = stdout.trim_end().rsplit('\n').next().unwrap_or_default().trim();
    if last.is_empty() {
        return Ok(Reply::new(None, None));
    }
    if let Ok(raw) = RawValue::from_string(stdout.trim().to_owned()).or_else(|_| RawValue::from_string(last.to_owned())) {
        return Ok(Reply::new(Some(raw), None));
    }
    match last.parse::<Upid>() {
        Ok(found) => Ok(upid(&found)),
        Err(_) => {
            let message = format!("{request}: pvesh printed no JSON but: {}", last.chars().take(200).collect::<String>());
            Err(if request.is_read() { Fault::new(Kind::Host, message) } else { Fate::Unknown.fault(true, message) })
        }
    }
}

pub(super) fn upid(upid: &Upid) -> Reply {
    // A UPID contains no characters that JSON escapes.
    Reply::new(RawValue::from_string(format!("\"{upid}\"")).ok(), None)
}

/// Parses a failed call: the message on stderr, errors of parameters if any, and a usage line at the end.
fn refusal(request: &Request, stderr: &str) -> Fault {
    let lines: Vec<&str> = stderr.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with("pvesh ")).collect();
    let Some(first) = lines.first() else {
        return Fault::new(Kind::Host, format!("{request}: pvesh failed without a message"));
    };
    if first.starts_with("No '") && first.contains("handler defined for") {
        return answer::refusal(request, 501, "", first, BTreeMap::new());
    }
    if let Some(option) = first.strip_prefix("Unknown option: ") {
        let errors = BTreeMap::from([(option.to_owned(), "this host has no such parameter".to_owned())]);
        return answer::refusal(request, 400, "", "Parameter verification failed.", errors);
    }
    let (status, text) = match first.split_once(' ').map(|(code, rest)| (code.parse::<u16>(), rest)) {
        Some((Ok(status @ 400..=599), rest)) => (status, rest),
        _ => (500, *first),
    };
    let errors: BTreeMap<String, String> = if status == 400 {
        lines[1..].iter().filter_map(|line| line.split_once(": ")).map(|(key, why)| (key.to_owned(), why.to_owned())).collect()
    } else {
        BTreeMap::new()
    };
    answer::refusal(request, status, "", text, errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Method;
    use crate::path;

    fn asked() -> Request {
        Request::new(Method::Post, path!["nodes", "pve1", "vzdump"])
    }

    #[test]
    fn the_last_line_is_the_answer() {
        let text =
            "INFO: starting\nINFO: Backup job finished successfully\n\"UPID:pve1:000001A1:00070D69:6B004005:vzdump:102:root@pam:\"\n";
        let upid: Upid = read(&asked(), 0, text, "").and_then(|r| r.read(&asked())).expect("a UPID");
        assert_eq!(upid.id, "102");
        assert_eq!(read(&asked(), 0, "", "").expect("nothing").text(), "null");
        assert_eq!(read(&asked(), 0, "UPID:pve1:000001A1:00070D69:6B004005:vzdump:102:root@pam:\n", "").expect("bare").text().len(), 59);
        assert_eq!(read(&asked(), 0, "{\n \"a\": 1\n}\n", "").expect("over several lines").text(), "{\n \"a\": 1\n}");
    }

    #[test]
    fn refusals_have_the_kinds_that_https_gives() {
        let kind = |code: i32, stderr: &str| read(&asked(), code, "", stderr).expect_err("refused");
        assert_eq!(kind(2, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist").kind, Kind::NotFound);
        assert_eq!(kind(1, "No 'get' handler defined for '/nosuch'").kind, Kind::NotImplemented);
        assert_eq!(kind(255, "create role failed: role 'TmpRole' already exists").kind, Kind::Exists);
        let parameter = kind(
            255,
            "400 Parameter verification failed.\nmemory: type check ('integer') failed - got 'abc'\npvesh set <api_path> [OPTIONS]",
        );
        assert_eq!(
            (parameter.kind, parameter.errors["memory"].as_str()),
            (Kind::BadParameter, "type check ('integer') failed - got 'abc'")
        );
        let token = kind(255, "400 Parameter verification failed.\ntokenid: Token already exists.\npvesh create <api_path>");
        assert_eq!(token.kind, Kind::Exists);
        assert_eq!(kind(255, "Unknown option: nosuch\n400 unable to parse option\npvesh set <api_path>").errors.len(), 1);
        assert_eq!(kind(127, "sh: 1: pvesh: not found").kind, Kind::Unreachable);
    }
}
