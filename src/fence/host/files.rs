//! Files that root trusts or writes: owner and mode are checked, and a file is replaced atomically.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
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

/// Writes a file completely or not at all, even on a power cut. An existing file keeps its mode, owner and extended attributes; a new
/// file gets mode 0644.
pub(super) fn replace(host: &Host<'_>, absolute: &str, text: &str) -> Result<(), Trouble> {
    let path = host.path(absolute);
    let tried = |e: io::Error| Trouble::io(format!("cannot write {absolute}"), &e);
    let dir = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // One fixed name: changes hold the lock, and the next one cleans up after a power cut.
    let new = dir.join(format!(".{name}.felhom-new"));
    let _ = fs::remove_file(&new);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => keep_attributes(&path, &meta, &file)?,
            Ok(_) => return Err(io::Error::other("it is not a regular file")),
            Err(e) if e.kind() == io::ErrorKind::NotFound => file.set_permissions(Permissions::from_mode(0o644))?,
            Err(e) => return Err(e),
        }
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&new);
        tried(e)
    })
}

/// Copies owner, mode and extended attributes (with them ACLs and SELinux labels) of `old` to the open file `new`.
fn keep_attributes(old: &Path, meta: &fs::Metadata, new: &File) -> io::Result<()> {
    use rustix::buffer::spare_capacity;
    use rustix::fs::{XattrFlags, fsetxattr, lgetxattr, llistxattr};
    // chown clears some mode bits and attributes, so it comes first.
    std::os::unix::fs::fchown(new, Some(meta.uid()), Some(meta.gid()))?;
    new.set_permissions(meta.permissions())?;
    let mut names = Vec::with_capacity(64 << 10);
    match llistxattr(old, spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(rustix::io::Errno::NOTSUP) => return Ok(()),
        Err(e) => return Err(e.into()),
    }
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(64 << 10);
        lgetxattr(old, name, spare_capacity(&mut value))?;
        fsetxattr(new, name, &value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Removes a file; that it is gone already is no failure.
pub(super) fn remove(host: &Host<'_>, absolute: &str) -> Result<(), Trouble> {
    match fs::remove_file(host.path(absolute)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Trouble::io(format!("cannot remove {absolute}"), &e)),
        _ => Ok(()),
    }
}

/// Creates a directory if it is missing, and checks it as [`check_dir`] does. Returns whether it was created.
pub(super) fn own_dir(host: &Host<'_>, absolute: &str) -> Result<bool, Trouble> {
    let made = match DirBuilder::new().mode(0o755).create(host.path(absolute)) {
        Ok(()) => true,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
        Err(e) => return Err(Trouble::io(format!("cannot create {absolute}"), &e)),
    };
    check_dir(host, absolute)?;
    Ok(made)
}

/// An existing path must be a real directory of root that nobody else can write to.
pub(super) fn check_dir(host: &Host<'_>, absolute: &str) -> Result<(), Trouble> {
    let meta = match fs::symlink_metadata(host.path(absolute)) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Trouble::io(format!("cannot read {absolute}"), &e)),
    };
    if !meta.is_dir() {
        return Err(Trouble::refused(format!("{absolute} is not a real directory")));
    }
    if !trusted(&meta, host.owner()) {
        return Err(Trouble::refused(format!("{absolute} does not belong to root, or others can write to it")));
    }
    Ok(())
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
