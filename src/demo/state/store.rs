//! The store of the state: memory, or one JSON file shared by several processes.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::State;
use crate::fault::{Fault, Kind, Result};

/// Metadata of a file when it was read. A write of another process changes at least one field.
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

/// The state, locked for one request at a time.
#[derive(Debug)]
pub struct Store {
    dir: Option<PathBuf>,
    cached: Mutex<Cached>,
}

impl Store {
    /// Creates a store in memory.
    pub fn in_memory(state: State) -> Self {
        Self { dir: None, cached: Mutex::new(Cached { state, stamp: None }) }
    }

    /// Opens the state in a directory; `fresh` creates it if there is none.
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

    /// Runs `work` on the locked state and writes it back if `work` returns true.
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

/// A file lock for one request, released by the system if the process dies.
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

/// Writes a new file and renames it, so readers never see a partial state.
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
