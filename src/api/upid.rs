//! Task IDs: `UPID:node:pid:pstart:starttime:type:id:user:`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A parsed UPID. `Display` returns the original text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Upid {
    pub node: String,
    pub pid: u32,
    pub pstart: u64,
    /// Unix seconds.
    pub starttime: u64,
    /// The task type: `vzdump`, `vzstart`, `qmclone`, …
    pub kind: String,
    /// Usually the VMID; empty for tasks without one or with several objects.
    pub id: String,
    /// The user or token that started the task: `root@pam` or `felhom@pve!agent`.
    pub user: String,
}

/// The error for an invalid UPID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidUpid(pub String);

impl fmt::Display for InvalidUpid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a task ID (UPID:node:pid:pstart:starttime:type:id:user:)", self.0)
    }
}

impl std::error::Error for InvalidUpid {}

impl Upid {
    /// Returns the VMID, if the task is about a guest.
    pub fn vmid(&self) -> Option<u32> {
        self.id.parse().ok()
    }
}

impl FromStr for Upid {
    type Err = InvalidUpid;

    fn from_str(text: &str) -> Result<Self, InvalidUpid> {
        let bad = || InvalidUpid(text.chars().take(120).collect());
        let rest = text.strip_prefix("UPID:").ok_or_else(bad)?.strip_suffix(':').ok_or_else(bad)?;
        let parts: Vec<&str> = rest.split(':').collect();
        let [node, pid, pstart, start, kind, id, user] = parts[..] else { return Err(bad()) };
        let name = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_' || b == b'.');
        let hex = |s: &str, min: usize, max: usize| {
            let ok = (min..=max).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
            ok.then(|| u64::from_str_radix(s, 16).ok()).flatten().ok_or_else(bad)
        };
        if !name(node) || kind.is_empty() || user.is_empty() {
            return Err(bad());
        }
        if [kind, id, user].iter().any(|s| s.chars().any(|c| c.is_whitespace() || c.is_control())) {
            return Err(bad());
        }
        Ok(Self {
            node: node.into(),
            pid: u32::try_from(hex(pid, 8, 8)?).map_err(|_| bad())?,
            pstart: hex(pstart, 8, 9)?,
            starttime: hex(start, 8, 8)?,
            kind: kind.into(),
            id: id.into(),
            user: user.into(),
        })
    }
}

impl fmt::Display for Upid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, pid, pstart, starttime, kind, id, user } = self;
        write!(f, "UPID:{node}:{pid:08X}:{pstart:08X}:{starttime:08X}:{kind}:{id}:{user}:")
    }
}

impl From<Upid> for String {
    fn from(upid: Upid) -> Self {
        upid.to_string()
    }
}

impl TryFrom<String> for Upid {
    type Error = InvalidUpid;

    fn try_from(text: String) -> Result<Self, InvalidUpid> {
        text.parse()
    }
}
