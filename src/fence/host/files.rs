//! Files that root trusts or writes: owner and mode are looked at, and nothing is ever half written.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::system::Host;
use crate::fence::protocol::Trouble;

/// Whether somebody other than the owner could have put it there.
fn trusted(meta: &fs::Metadata, owner: u32) -> bool {
    meta.uid() == owner && meta.mode() & 0o022 == 0
}

/// Reads a file that is believed: a regular file of the owner, not writable by others, in a directory that is neither.
/// `None` where there is none.
pub(super) fn read_trusted(host: &Host<'_>, absolute: &str) -> Result<Option<String>, Trouble> {
    let path = host.path(absolute);
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Trouble::io(format!("cannot read {absolute}"), &e)),
    };
    let parent = path.parent().map(fs::symlink_metadata).transpose().map_err(|e| Trouble::io(format!("cannot read {absolute}"), &e))?;
    if !meta.is_file() || !trusted(&meta, host.owner()) || !parent.is_none_or(|p| p.is_dir() && trusted(&p, host.owner())) {
        return Err(Trouble::refused(format!(
            "{absolute} is not to be trusted: it or its directory is not root's, or others may write there"
        ))
        .with_hint(format!("`chown root:root {absolute}; chmod 644 {absolute}` on the host, after a look at it")));
    }
    fs::read_to_string(&path).map(Some).map_err(|e| Trouble::io(format!("cannot read {absolute}"), &e))
}

/// Reads a file that is no matter of trust. `None` where there is none.
pub(super) fn read(host: &Host<'_>, absolute: &str) -> Result<Option<String>, Trouble> {
    match fs::read(host.path(absolute)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Trouble::io(format!("cannot read {absolute}"), &e)),
    }
}

/// Puts a file in place whole or not at all, also when the power goes.
pub(super) fn write_atomically(host: &Host<'_>, absolute: &str, text: &str) -> Result<(), Trouble> {
    let path = host.path(absolute);
    let tried = |e: io::Error| Trouble::io(format!("cannot write {absolute}"), &e);
    let dir = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let new = dir.join(format!(".{name}.felhom-{}", std::process::id()));
    let _ = fs::remove_file(&new);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&new);
        tried(e)
    })
}

/// Removes a file; that it is gone already is no failure.
pub(super) fn remove(host: &Host<'_>, absolute: &str) -> Result<(), Trouble> {
    match fs::remove_file(host.path(absolute)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Trouble::io(format!("cannot remove {absolute}"), &e)),
        _ => Ok(()),
    }
}

/// A real directory of root's that nobody else may write to; made where it is missing.
pub(super) fn own_dir(host: &Host<'_>, absolute: &str) -> Result<bool, Trouble> {
    let path = host.path(absolute);
    let made = match DirBuilder::new().mode(0o755).create(&path) {
        Ok(()) => true,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
        Err(e) => return Err(Trouble::io(format!("cannot make {absolute}"), &e)),
    };
    let meta = fs::symlink_metadata(&path).map_err(|e| Trouble::io(format!("cannot look at {absolute}"), &e))?;
    if !meta.is_dir() {
        return Err(Trouble::refused(format!("{absolute} is not a real directory")));
    }
    if !trusted(&meta, host.owner()) {
        return Err(Trouble::refused(format!("{absolute} is not root's own directory, or others may write to it")));
    }
    Ok(made)
}

pub(super) fn is_empty_dir(host: &Host<'_>, absolute: &str) -> Result<bool, Trouble> {
    let mut entries = fs::read_dir(host.path(absolute)).map_err(|e| Trouble::io(format!("cannot look into {absolute}"), &e))?;
    Ok(entries.next().is_none())
}

/// A file to lock; no link is followed to it.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow).open(path)
}

/// A file that only root reads, gone when this is dropped: what `pct` wants to read from a file.
#[derive(Debug)]
pub(super) struct Handed {
    path: std::path::PathBuf,
    /// As the tool is told.
    pub(super) absolute: String,
}

impl Handed {
    pub(super) fn new(host: &Host<'_>, absolute: &str, text: &str) -> Result<Self, Trouble> {
        let path = host.path(absolute);
        let _ = fs::remove_file(&path);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|e| Trouble::io(format!("cannot write {absolute}"), &e))?;
        Ok(Self { path, absolute: absolute.to_owned() })
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
