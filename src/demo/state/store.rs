//! Where the state is kept between requests: in memory, or in one JSON file that several processes share.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::State;
use crate::fault::{Fault, Kind, Result};

/// What a file was when it was read: another process's write changes at least one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    mtime: i64,
    mtime_nsec: i64,
}

#[derive(Debug)]
struct Cached {
    state: State,
    stamp: Option<Stamp>,
}

/// The state, one request at a time.
#[derive(Debug)]
pub struct Store {
    dir: Option<PathBuf>,
    cached: Mutex<Cached>,
}

impl Store {
    /// A state that lives as long as the process.
    pub fn in_memory(state: State) -> Self {
        Self { dir: None, cached: Mutex::new(Cached { state, stamp: None }) }
    }

    /// The state in a directory; `fresh` makes it when there is none yet.
    pub fn open(dir: &Path, fresh: impl FnOnce() -> State) -> Result<Self> {
        crate::config::files::private_dir(dir)?;
        let lock = lock(dir)?;
        let cached = match read(dir)? {
            Some((state, stamp)) => Cached { state, stamp: Some(stamp) },
            None => {
                let state = fresh();
                let stamp = write(dir, &state)?;
                Cached { state, stamp: Some(stamp) }
            }
        };
        drop(lock);
        Ok(Self { dir: Some(dir.to_path_buf()), cached: Mutex::new(cached) })
    }

    /// Runs `work` on the present state, alone; it is written back when `work` says that it changed something.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> (T, bool)) -> Result<T> {
        let mut cached = self.lock_cached();
        let Some(dir) = &self.dir else { return Ok(work(&mut cached.state).0) };
        let _lock = lock(dir)?;
        let stamp = stamp(dir)?;
        if stamp.is_none() || stamp != cached.stamp {
            let (state, stamp) =
                read(dir)?.ok_or_else(|| Fault::new(Kind::NotFound, format!("the demo's state in {} is gone", dir.display())))?;
            *cached = Cached { state, stamp: Some(stamp) };
        }
        let (answer, changed) = work(&mut cached.state);
        if changed {
            cached.stamp = Some(write(dir, &cached.state)?);
        }
        Ok(answer)
    }

    fn lock_cached(&self) -> MutexGuard<'_, Cached> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn state_file(dir: &Path) -> PathBuf {
    dir.join("state.json")
}

/// Held for the length of one request, and freed by the system when a process dies.
fn lock(dir: &Path) -> Result<File> {
    let path = dir.join("state.lock");
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(|e| trouble("open", &path, &e))?;
    file.lock().map_err(|e| trouble("lock", &path, &e))?;
    Ok(file)
}

fn stamp(dir: &Path) -> Result<Option<Stamp>> {
    let path = state_file(dir);
    match fs::metadata(&path) {
        Ok(m) => Ok(Some(Stamp { inode: m.ino(), len: m.len(), mtime: m.mtime(), mtime_nsec: m.mtime_nsec() })),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(trouble("read", &path, &e)),
    }
}

fn read(dir: &Path) -> Result<Option<(State, Stamp)>> {
    let Some(stamp) = stamp(dir)? else { return Ok(None) };
    let path = state_file(dir);
    let text = fs::read(&path).map_err(|e| trouble("read", &path, &e))?;
    let state = serde_json::from_slice(&text).map_err(|e| {
        Fault::new(Kind::Config, format!("the demo's state {} cannot be understood: {e}", path.display()))
            .with_hint("`felhom demo reset` makes a fresh one")
    })?;
    Ok(Some((state, stamp)))
}

/// A new file under another name, then the rename: a reader sees the old or the new state, never a part.
fn write(dir: &Path, state: &State) -> Result<Stamp> {
    let path = state_file(dir);
    let draft = dir.join("state.json.new");
    let text = serde_json::to_vec(state).map_err(|e| Fault::new(Kind::Other, format!("writing the demo's state failed: {e}")))?;
    let mut file =
        File::options().create(true).truncate(true).write(true).mode(0o600).open(&draft).map_err(|e| trouble("write", &draft, &e))?;
    file.write_all(&text).map_err(|e| trouble("write", &draft, &e))?;
    drop(file);
    fs::rename(&draft, &path).map_err(|e| trouble("replace", &path, &e))?;
    stamp(dir)?.ok_or_else(|| Fault::new(Kind::Other, format!("{} vanished while it was written", path.display())))
}

fn trouble(what: &str, path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(Kind::Other, format!("cannot {what} {}: {error}", path.display()))
}
