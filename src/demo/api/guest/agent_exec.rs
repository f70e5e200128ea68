//! Programs and files inside a VM, through its agent.

use serde_json::{Value, json};

use super::agent::available;
use super::agent_shell::{Outcome, run};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::base64;
use crate::demo::state::{Guest, Map, State, map};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/exec", exec),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/exec-status", status),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/file-read", read),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/file-write", write),
];

/// Sections of processes (by VMID and PID) and of written files (by VMID and path).
const PROCESSES: &str = "agent-processes";
const FILES: &str = "agent-files";

/// Directories of every VM.
const FOLDERS: &[&str] = &["", "/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr/local/bin", "/var/lib", "/var/log", "/var/tmp"];

/// Characters that one call can write.
const LONGEST: usize = 61_440;

/// Bytes that one call reads.
const MOST: usize = 16 << 20;

fn key(guest: &Guest, name: &str) -> String {
    format!("{}/{name}", guest.vmid)
}

/// The content of a file, one character per byte.
pub(super) fn content(state: &State, guest: &Guest, path: &str) -> Option<String> {
    let written = state.sections.get(FILES).and_then(|files| files.get(&key(guest, path)));
    if let Some(file) = written {
        return file.get("content").and_then(Value::as_str).map(str::to_owned);
    }
    match path {
        "/etc/hostname" => Some(format!("{}\n", guest.name())),
        _ if path.starts_with("/bin/") => Some("\u{7f}ELF\u{2}\u{1}\u{1}\0".to_owned()),
        "/etc/os-release" => Some("PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nID=debian\nVERSION_ID=\"13\"\n".to_owned()),
        _ => None,
    }
}

fn exec(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let command = match req.params.0.get("command") {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(word)) => vec![word.clone()],
        _ => Vec::new(),
    };
    if command.is_empty() && !req.params.has("input-data") {
        return Err(Refusal::die("command or input-data (or both) required"));
    }
    let Some(outcome) = run(req.state, &guest, &command, req.params.text("input-data")) else {
        let program = command.first().map_or("", String::as_str);
        let why = format!("Failed to execute child process “{program}” (No such file or directory)");
        return Err(Refusal::die(format!("Agent error: Guest agent command failed, error was '{why}'")));
    };
    let processes = req.state.section_mut(PROCESSES);
    let last = processes.keys().filter_map(|key| key.strip_prefix(&format!("{}/", guest.vmid))?.parse::<u32>().ok()).max();
    let pid = last.unwrap_or(480) + 2;
    processes.insert(key(&guest, &pid.to_string()), process(&outcome, req.now_ms));
    Ok(json!({ "pid": pid }).into())
}

/// A process as it is stored: when it ends, and the answer about its end.
fn process(outcome: &Outcome, now_ms: i64) -> Map {
    let mut end = json!({ "exited": 1 });
    match outcome.signal {
        Some(signal) => end["signal"] = signal.into(),
        None => end["exitcode"] = outcome.code.into(),
    }
    for (name, text) in [("out", &outcome.out), ("err", &outcome.err)] {
        if !text.is_empty() {
            end[format!("{name}-data")] = text.as_str().into();
            end[format!("{name}-truncated")] = 0.into();
        }
    }
    map(json!({ "ends": now_ms + (outcome.seconds * 1000.0) as i64, "end": end }))
}

/// The status of a process. The end is reported once.
fn status(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let (id, now) = (key(&guest, req.params.text("pid")), req.now_ms);
    let processes = req.state.section_mut(PROCESSES);
    let Some(process) = processes.get(&id) else { return Err(Refusal::die("Agent error: PID ld does not exist")) };
    if process.get("ends").and_then(Value::as_i64).is_some_and(|ends| ends > now) {
        return Ok(json!({ "exited": 0 }).into());
    }
    let end = processes.remove(&id).and_then(|mut process| process.shift_remove("end")).unwrap_or_default();
    Ok(end.into())
}

fn read(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let file = req.params.text("file");
    if FOLDERS.contains(&file.trim_end_matches('/')) {
        return Err(Refusal::die("Agent error: failed to read file: Is a directory"));
    }
    match content(req.state, &guest, file) {
        Some(content) => {
            let number = |name: &str| req.params.int(name).and_then(|n| usize::try_from(n).ok());
            let (offset, count) = (number("offset").unwrap_or(0), number("count").unwrap_or(MOST));
            let piece: String = content.chars().skip(offset).take(count).collect();
            let read = piece.chars().count();
            let mut answer = json!({ "bytes-read": read, "content": piece });
            if offset + read < content.chars().count() {
                answer["truncated"] = 1.into();
            }
            Ok(answer.into())
        }
        None => Err(Refusal::die(format!("Agent error: failed to open file '{file}' (mode: 'r'): No such file or directory"))),
    }
}

fn write(req: &mut Req<'_>) -> Answer {
    let guest = available(req)?;
    let (file, text) = (req.params.text("file").to_owned(), req.params.text("content"));
    if text.chars().count() > LONGEST {
        return Err(Refusal::param("content", format!("value may only be {LONGEST} characters long")));
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    if !FOLDERS.contains(&folder) {
        return Err(Refusal::die(format!("Agent error: failed to open file '{file}' (mode: 'wb'): No such file or directory")));
    }
    let content = match req.params.bool("encode") {
        Some(false) => base64::decode(text).unwrap_or_default().into_iter().map(char::from).collect(),
        // Perl's encoder takes characters below 256 as bytes.
        _ if text.chars().any(|c| u32::from(c) > 255) => return Err(Refusal::die("Wide character in subroutine entry")),
        _ => text.to_owned(),
    };
    req.state.section_mut(FILES).insert(key(&guest, &file), map(json!({ "content": content })));
    Ok(Reply::null())
}
