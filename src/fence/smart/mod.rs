//! Disk health: a verdict from smartctl's output or the API's.

mod api;
mod smartctl;

use serde::{Deserialize, Serialize};

pub use api::{ApiDisk, from_api};
pub use smartctl::{STANDBY_EXIT, from_smartctl, is_standby, unknown_bridge};

/// A disk's health, ordered by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Ok,
    /// In standby, and not woken.
    Standby,
    /// The disk does not report its health.
    Unknown,
    Warning,
    Critical,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Standby => "standby",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The protocol of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskKind {
    Ata,
    Nvme,
    Scsi,
    Unknown,
}

/// The source of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Api,
    Fence,
}

/// One disk's health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SmartRow {
    pub node: String,
    pub disk: String,
    pub model: Option<String>,
    pub serial: Option<String>,
    pub kind: DiskKind,
    pub verdict: Verdict,
    pub temperature_c: Option<i64>,
    pub power_on_hours: Option<u64>,
    pub wear_percent: Option<u64>,
    pub reallocated: Option<u64>,
    pub pending: Option<u64>,
    pub media_errors: Option<u64>,
    pub reasons: Vec<String>,
    pub source: Source,
    /// Only with `--full`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// Only with `--full`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub self_tests: Vec<SelfTest>,
}

/// One attribute or counter of a disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribute {
    /// Only ATA attributes have an ID.
    pub id: Option<u64>,
    pub name: String,
    pub value: Option<i64>,
    pub worst: Option<i64>,
    pub threshold: Option<i64>,
    pub raw: String,
    /// `now`, `past` or none.
    pub failed: Option<String>,
}

/// An entry of a disk's self-test log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    pub kind: String,
    pub status: String,
    pub passed: Option<bool>,
    pub at_hours: Option<u64>,
}

/// Collects reasons; the verdict is the worst of them.
#[derive(Debug)]
struct Findings {
    verdict: Verdict,
    reasons: Vec<String>,
}

impl Findings {
    fn new() -> Self {
        Self { verdict: Verdict::Ok, reasons: Vec::new() }
    }

    fn add(&mut self, verdict: Verdict, reason: impl Into<String>) {
        self.verdict = self.verdict.max(verdict);
        self.reasons.push(reason.into());
    }

    /// Adds a counter that should be zero.
    fn count(&mut self, count: Option<u64>, what: &str) {
        if let Some(n @ 1..) = count {
            self.add(Verdict::Warning, format!("{n} {what}"));
        }
    }

    fn wear(&mut self, percent: Option<u64>) {
        if let Some(worn @ 90..) = percent {
            self.add(Verdict::Warning, format!("{worn} % of the rated life used"));
        }
    }

    /// Compares the temperature with the disk's own limits, or with a default for its kind.
    fn temperature(&mut self, now: Option<i64>, warn: Option<i64>, critical: Option<i64>, default: i64) {
        let Some(now) = now else { return };
        if let Some(limit) = critical.filter(|limit| now >= *limit) {
            self.add(Verdict::Critical, format!("{now} °C is at or above the critical limit of {limit} °C"));
        } else if now >= warn.or(critical.map(|c| c - 5)).unwrap_or(default) {
            self.add(Verdict::Warning, format!("{now} °C is hot"));
        }
    }
}

impl SmartRow {
    /// Returns a row without values.
    fn blank(node: &str, disk: &str, source: Source) -> Self {
        Self {
            node: node.to_owned(),
            disk: disk.to_owned(),
            model: None,
            serial: None,
            kind: DiskKind::Unknown,
            verdict: Verdict::Unknown,
            temperature_c: None,
            power_on_hours: None,
            wear_percent: None,
            reallocated: None,
            pending: None,
            media_errors: None,
            reasons: Vec::new(),
            source,
            attributes: Vec::new(),
            self_tests: Vec::new(),
        }
    }

    fn with_findings(mut self, findings: Findings) -> Self {
        self.verdict = findings.verdict;
        self.reasons = findings.reasons;
        self
    }
}
