//! The journal: changes with time, identity and result as JSON lines, each synced before the next step.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::fault::{Fault, Result};

/// Size limit of the journal. One older file is kept.
const MOST: u64 = 16 << 20;

/// One line. The records of a change have the same ID.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "lowercase")]
pub enum Record {
    /// Written before sending.
    Intent {
        id: String,
        time: String,
        context: String,
        /// The identity on the host.
        who: String,
        /// The login name on this machine.
        user: String,
        pid: u32,
        verb: String,
        command: Vec<String>,
        plan: Json,
    },
    /// The host has started a task.
    Upid { id: String, time: String, item: usize, step: String, upid: String },
    /// The result of a target.
    Verdict {
        id: String,
        time: String,
        item: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        upid: Option<String>,
        status: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        duration_s: f64,
    },
    /// Refused or staged: nothing was sent.
    Blocked {
        id: String,
        time: String,
        context: String,
        #[serde(default)]
        who: String,
        user: String,
        pid: u32,
        verb: String,
        command: Vec<String>,
        by: String,
        message: String,
        /// The requests that would have been sent.
        #[serde(default)]
        plan: Json,
    },
}

impl Record {
    pub fn id(&self) -> &str {
        match self {
            Self::Intent { id, .. } | Self::Upid { id, .. } | Self::Verdict { id, .. } | Self::Blocked { id, .. } => id,
        }
    }

    pub fn time(&self) -> &str {
        match self {
            Self::Intent { time, .. } | Self::Upid { time, .. } | Self::Verdict { time, .. } | Self::Blocked { time, .. } => time,
        }
    }
}

/// The open journal of this run.
pub struct Journal {
    path: PathBuf,
    file: Mutex<Option<File>>,
    /// Whether this run has written a record.
    wrote: AtomicBool,
    /// Whether to continue if the journal cannot be written.
    lenient: bool,
}

impl Journal {
    pub fn at(state_dir: &Path, lenient: bool) -> Self {
        Self { path: state_dir.join("journal.jsonl"), file: Mutex::new(None), wrote: AtomicBool::new(false), lenient }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this run has written a record.
    pub fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    /// Appends a record and syncs it. A change must not begin if this fails.
    pub fn write(&self, record: &Record) -> Result<()> {
        self.settled(self.append(record))
    }

    /// Checks that the journal can be written.
    pub fn ready(&self) -> Result<()> {
        self.settled(self.with_file(|_| Ok(())))
    }

    fn settled(&self, done: std::io::Result<()>) -> Result<()> {
        match done {
            Err(_) if self.lenient => Ok(()),
            Err(error) => Err(Fault::io(format!("the journal {} cannot be written, so nothing is changed", self.path.display()), &error)
                .with_hint("allow writing to it, or pass --no-journal")),
            Ok(()) => Ok(()),
        }
    }

    fn append(&self, record: &Record) -> std::io::Result<()> {
        let mut line = plain(&serde_json::to_string(record)?).into_bytes();
        line.push(b'\n');
        self.wrote.store(true, Ordering::Relaxed);
        self.with_file(|file| {
            // One write per line, to a file in append mode: lines of several runs never mix.
            file.write_all(&line)?;
            file.sync_data()
        })
    }

    fn with_file(&self, work: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<()> {
        let mut slot = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let file = match slot.as_mut() {
            Some(file) => file,
            None => slot.insert(self.open()?),
        };
        let done = work(file);
        if done.is_err() {
            // A partial line is completed when the file is opened again.
            *slot = None;
        }
        done
    }

    /// Opens the file for appending, and rotates it if it is large.
    fn open(&self) -> std::io::Result<File> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        crate::config::files::private_dir(dir).map_err(|fault| std::io::Error::other(fault.message))?;
        let large = || std::fs::metadata(&self.path).is_ok_and(|meta| meta.len() > MOST);
        if large() {
            let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(self.path.with_extension("lock"))?;
            flock(&lock, FlockOperation::LockExclusive)?;
            // If several runs get here at once, one rotates the file and the others see a small one.
            if large() {
                std::fs::rename(&self.path, self.path.with_extension("jsonl.1"))?;
            }
        }
        let is_new = !self.path.exists();
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&self.path)?;
        if is_new {
            // Sync the folder, so that the file's name is on disk.
            File::open(dir)?.sync_all()?;
        } else if is_torn(&mut file)? {
            // Ends a line that a power failure cut off, so that the next record has its own line.
            file.write_all(b"\n")?;
        }
        Ok(file)
    }

    /// Returns all records, oldest first. Unreadable lines are skipped.
    pub fn read(&self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for path in [self.path.with_extension("jsonl.1"), self.path.clone()] {
            match File::open(&path) {
                Ok(file) => records.extend(
                    BufReader::new(file).split(b'\n').map_while(std::io::Result::ok).filter_map(|line| serde_json::from_slice(&line).ok()),
                ),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Fault::io(format!("cannot read the journal {}", path.display()), &error)),
            }
        }
        Ok(records)
    }
}

/// Whether the last line has no line feed.
fn is_torn(file: &mut File) -> std::io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0_u8; 1];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Escapes characters that affect the terminal or the reading direction, because people read a journal with `less`.
pub(super) fn plain(json: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c,
                '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
    };
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if harmful(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// Returns the current time as in the journal and JSON.
pub fn now() -> String {
    jiff::Timestamp::now().round(jiff::Unit::Millisecond).unwrap_or_else(|_| jiff::Timestamp::now()).to_string()
}

/// Returns an ID for a change: sortable by time, short enough to type.
pub fn new_id() -> String {
    let now = jiff::Timestamp::now().to_zoned(crate::units::zone());
    let mut random = [0_u8; 2];
    let _ = ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut random);
    format!("{}-{:02x}{:02x}", now.strftime("%Y%m%d-%H%M%S"), random[0], random[1])
}

/// Returns the login name on this machine.
pub fn local_user() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let journal = Journal::at(dir.path(), false);
        journal
            .write(&Record::Upid { id: "a".into(), time: now(), item: 0, step: "start".into(), upid: "UPID:…".into() })
            .expect("written");
        journal
            .write(&Record::Verdict {
                id: "a".into(),
                time: now(),
                item: 0,
                upid: None,
                status: "ok".into(),
                message: None,
                duration_s: 0.5,
            })
            .expect("written");
        let ids: Vec<String> = journal.read().expect("read").iter().map(|r| r.id().to_owned()).collect();
        assert_eq!(ids, ["a", "a"]);
    }

    #[test]
    fn an_unwritable_journal_stops_the_change_unless_told_otherwise() {
        let dir = tempfile::tempdir().expect("a folder");
        let blocked = dir.path().join("file");
        std::fs::write(&blocked, "").expect("a file");
        let record = Record::Upid { id: "a".into(), time: now(), item: 0, step: "s".into(), upid: "u".into() };
        assert!(Journal::at(&blocked, false).write(&record).is_err());
        assert!(Journal::at(&blocked, true).write(&record).is_ok());
    }
}
