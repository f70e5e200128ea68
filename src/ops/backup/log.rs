//! Parses backup logs: the backup's name, the actual mode, and errors.

use crate::ops::backup::scope::{Consistency, Mode};

/// A parsed backup log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParsedLog {
    /// File name of the backup, or snapshot name on a Proxmox Backup Server.
    pub archive: Option<String>,
    /// The actual mode.
    pub mode: Option<Mode>,
    /// Whether the guest agent froze the file systems; `Some(false)` if it failed.
    pub frozen: Option<bool>,
    pub errors: Vec<String>,
    pub warnings: Vec<String>,
}

/// Parses the log of one guest's backup.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> ParsedLog {
    let mut parsed = ParsedLog::default();
    for line in lines {
        if let Some(text) = line.strip_prefix("ERROR: ").or_else(|| line.strip_prefix("TASK ERROR: ")) {
            parsed.errors.push(reason(text).to_owned());
        } else if let Some(text) = line.strip_prefix("WARN: ") {
            parsed.warnings.push(text.to_owned());
        } else if let Some(text) = line.strip_prefix("INFO: ") {
            info(&mut parsed, text);
        }
    }
    parsed
}

fn info(parsed: &mut ParsedLog, text: &str) {
    let quoted = |text: &str| text.split('\'').nth(1).map(str::to_owned);
    if text.starts_with("creating vzdump archive ") {
        parsed.archive = quoted(text).map(|path| path.rsplit('/').next().unwrap_or_default().to_owned());
    } else if text.starts_with("creating Proxmox Backup Server archive ") {
        parsed.archive = quoted(text);
    } else if let Some(word) = text.strip_prefix("backup mode: ") {
        parsed.mode = Mode::of(word.trim());
    } else if text.contains("guest-agent 'fs-freeze'") {
        parsed.frozen = Some(!text.starts_with("skipping"));
    } else if text.contains("guest-fsfreeze-freeze") && text.contains("failed") {
        parsed.frozen = Some(false);
    }
}

/// Returns a line without its common prefix `Backup of VM 999 failed - `.
fn reason(text: &str) -> &str {
    match text.split_once(" failed - ") {
        Some((head, reason)) if head.starts_with("Backup of VM ") => reason,
        _ => text,
    }
}

impl ParsedLog {
    /// Returns the errors in the log, without `job errors`, which explains nothing.
    pub fn why(&self) -> Option<String> {
        let mut reasons: Vec<&str> = self.errors.iter().map(String::as_str).filter(|e| *e != "job errors").collect();
        reasons.dedup();
        if reasons.is_empty() { None } else { Some(reasons.join("; ")) }
    }

    /// Returns the consistency of the backup: as expected, unless the log says otherwise.
    pub fn consistency(&self, expected: Consistency) -> Consistency {
        match (expected, self.frozen) {
            (Consistency::Crash, Some(true)) => Consistency::Fsfreeze,
            (Consistency::Fsfreeze, Some(false)) => Consistency::Crash,
            (as_expected, _) => as_expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successful_log() {
        let parsed = read([
            "INFO: starting new backup job: vzdump 103 --storage local --node pve1 --mode stop",
            "INFO: backup mode: stop",
            "INFO: creating vzdump archive '/var/lib/vz/dump/vzdump-lxc-103-2026_11_20-12_45_36.tar.zst'",
            "TASK OK",
        ]);
        assert_eq!(parsed.archive.as_deref(), Some("vzdump-lxc-103-2026_11_20-12_45_36.tar.zst"));
        assert_eq!((parsed.mode, parsed.why()), (Some(Mode::Stop), None));
    }

    #[test]
    fn errors_are_explained() {
        let parsed = read([
            "ERROR: Backup of VM 999 failed - unable to find VM '999'",
            "INFO: Failed at 2026-11-20 12:01:43",
            "TASK ERROR: job errors",
        ]);
        assert_eq!(parsed.why().as_deref(), Some("unable to find VM '999'"));
        let parsed = read(["TASK ERROR: 403 Permission check failed (/vms/102, VM.Backup)"]);
        assert_eq!(parsed.why().as_deref(), Some("403 Permission check failed (/vms/102, VM.Backup)"));
    }

    #[test]
    fn backup_servers_and_frozen_file_systems() {
        let parsed = read([
            "INFO: creating Proxmox Backup Server archive 'vm/201/2026-11-20T12:01:44Z'",
            "INFO: issuing guest-agent 'fs-freeze' command",
        ]);
        assert_eq!(parsed.archive.as_deref(), Some("vm/201/2026-11-20T12:01:44Z"));
        assert_eq!(parsed.consistency(Consistency::Crash), Consistency::Fsfreeze);
        let parsed = read(["INFO: skipping guest-agent 'fs-freeze', agent configured but not running?"]);
        assert_eq!(parsed.consistency(Consistency::Fsfreeze), Consistency::Crash);
        assert_eq!(parsed.consistency(Consistency::Stopped), Consistency::Stopped);
    }
}
