//! What a backup's log tells: the archive, the size, what was really done, and why it failed.

use crate::ops::backup::scope::{Consistency, Mode};

/// A backup's log, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The archive's file name, or a snapshot's name on a backup server.
    pub archive: Option<String>,
    /// The mode that it came down to.
    pub mode: Option<Mode>,
    /// The file systems were frozen by the guest's agent; `Some(false)`: that was tried and did not work.
    pub frozen: Option<bool>,
    pub errors: Vec<String>,
    pub warnings: Vec<String>,
}

/// Reads the log of a backup of one guest.
pub fn read<'a>(lines: impl IntoIterator<Item = &'a str>) -> Told {
    let mut told = Told::default();
    for line in lines {
        if let Some(text) = line.strip_prefix("ERROR: ").or_else(|| line.strip_prefix("TASK ERROR: ")) {
            told.errors.push(reason(text).to_owned());
        } else if let Some(text) = line.strip_prefix("WARN: ") {
            told.warnings.push(text.to_owned());
        } else if let Some(text) = line.strip_prefix("INFO: ") {
            info(&mut told, text);
        }
    }
    told
}

fn info(told: &mut Told, text: &str) {
    let quoted = |text: &str| text.split('\'').nth(1).map(str::to_owned);
    if text.starts_with("creating vzdump archive ") {
        told.archive = quoted(text).map(|path| path.rsplit('/').next().unwrap_or_default().to_owned());
    } else if text.starts_with("creating Proxmox Backup Server archive ") {
        told.archive = quoted(text);
    } else if let Some(word) = text.strip_prefix("backup mode: ") {
        told.mode = Mode::of(word.trim());
    } else if text.contains("guest-agent 'fs-freeze'") {
        told.frozen = Some(!text.starts_with("skipping"));
    } else if text.contains("guest-fsfreeze-freeze") && text.contains("failed") {
        told.frozen = Some(false);
    }
}

/// Without what every such line begins with: `Backup of VM 999 failed - …`.
fn reason(text: &str) -> &str {
    match text.split_once(" failed - ") {
        Some((head, reason)) if head.starts_with("Backup of VM ") => reason,
        _ => text,
    }
}

impl Told {
    /// Why the job failed, in the words of its log; `job errors` explains nothing.
    pub fn why(&self) -> Option<String> {
        let mut reasons: Vec<&str> = self.errors.iter().map(String::as_str).filter(|e| *e != "job errors").collect();
        reasons.dedup();
        if reasons.is_empty() { None } else { Some(reasons.join("; ")) }
    }

    /// How consistent the archive is, where the log says more than could be expected.
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
    fn a_good_log() {
        let told = read([
            "INFO: starting new backup job: vzdump 103 --storage local --node pve1 --mode stop",
            "INFO: backup mode: stop",
            "INFO: creating vzdump archive '/var/lib/vz/dump/vzdump-lxc-103-2026_11_20-12_45_36.tar.zst'",
            "TASK OK",
        ]);
        assert_eq!(told.archive.as_deref(), Some("vzdump-lxc-103-2026_11_20-12_45_36.tar.zst"));
        assert_eq!((told.mode, told.why()), (Some(Mode::Stop), None));
    }

    #[test]
    fn job_errors_are_explained() {
        let told = read([
            "ERROR: Backup of VM 999 failed - unable to find VM '999'",
            "INFO: Failed at 2026-11-20 12:01:43",
            "TASK ERROR: job errors",
        ]);
        assert_eq!(told.why().as_deref(), Some("unable to find VM '999'"));
        let told = read(["TASK ERROR: 403 Permission check failed (/vms/102, VM.Backup)"]);
        assert_eq!(told.why().as_deref(), Some("403 Permission check failed (/vms/102, VM.Backup)"));
    }

    #[test]
    fn a_snapshot_on_a_backup_server_and_a_frozen_machine() {
        let told = read([
            "INFO: creating Proxmox Backup Server archive 'vm/201/2026-11-20T12:01:44Z'",
            "INFO: issuing guest-agent 'fs-freeze' command",
        ]);
        assert_eq!(told.archive.as_deref(), Some("vm/201/2026-11-20T12:01:44Z"));
        assert_eq!(told.consistency(Consistency::Crash), Consistency::Fsfreeze);
        let told = read(["INFO: skipping guest-agent 'fs-freeze', agent configured but not running?"]);
        assert_eq!(told.consistency(Consistency::Fsfreeze), Consistency::Crash);
        assert_eq!(told.consistency(Consistency::Stopped), Consistency::Stopped);
    }
}
