//! Files that root trusts or writes, with checks of owner and mode and atomic replacement.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;

use super::system::Host;
use crate::fence::protocol::HelperError;

/// Whether only the owner can write to it.
fn trusted(meta: &fs::Metadata, owner: u32) -> bool {
    meta.uid() == owner && meta.mode() & 0o022 == 0
}

/// Reads a file that the helper trusts: a regular file of root, not writable by others, in such a directory. Returns `None` if it is
/// missing.
pub(super) fn read_trusted(host: &Host<'_>, absolute: &str) -> Result<Option<String>, HelperError> {
    let path = host.path(absolute);
    let meta = match fs::symlink_metadata(&path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(HelperError::io(format!("cannot read {absolute}"), &e)),
    };
    let parent = path.parent().map(fs::symlink_metadata).transpose().map_err(|e| HelperError::io(format!("cannot read {absolute}"), &e))?;
    if !meta.is_file() || !trusted(&meta, host.owner()) || !parent.is_none_or(|p| p.is_dir() && trusted(&p, host.owner())) {
        return Err(HelperError::refused(format!(
            "{absolute} is not trusted: root must own it and its directory, and nobody else may write to them"
        ))
        .with_hint(format!("check the file, then run `chown root:root {absolute}; chmod 644 {absolute}` on the host")));
    }
    fs::read_to_string(&path).map(Some).map_err(|e| HelperError::io(format!("cannot read {absolute}"), &e))
}

/// Reads a file without checking its owner. Returns `None` if it is missing.
pub(super) fn read(host: &Host<'_>, absolute: &str) -> Result<Option<String>, HelperError> {
    match fs::read(host.path(absolute)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(HelperError::io(format!("cannot read {absolute}"), &e)),
    }
}

/// Replaces a file atomically, also if the power fails. An existing file keeps its mode, owner and extended attributes; a new
/// file gets mode 0644.
pub(super) fn replace(host: &Host<'_>, absolute: &str, text: &str) -> Result<(), HelperError> {
    let path = host.path(absolute);
    let tried = |e: io::Error| HelperError::io(format!("cannot write {absolute}"), &e);
    let dir = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    // A fixed name: the lock prevents concurrent changes, and the next change removes a file left after a power failure.
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

/// Copies owner, mode and extended attributes (including ACLs and SELinux labels) of `old` to the open file `new`.
fn keep_attributes(old: &Path, meta: &fs::Metadata, new: &File) -> io::Result<()> {
    use rustix::buffer::spare_capacity;
    use rustix::fs::{XattrFlags, fsetxattr, lgetxattr, llistxattr};
    // chown clears some mode bits and attributes, so it is first.
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

/// Removes a file if it exists.
pub(super) fn remove(host: &Host<'_>, absolute: &str) -> Result<(), HelperError> {
    match fs::remove_file(host.path(absolute)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(HelperError::io(format!("cannot remove {absolute}"), &e)),
        _ => Ok(()),
    }
}

/// Creates a directory if it is missing, then checks it with [`check_dir`]. Returns whether it was created.
pub(super) fn own_dir(host: &Host<'_>, absolute: &str) -> Result<bool, HelperError> {
    let made = match DirBuilder::new().mode(0o755).create(host.path(absolute)) {
        Ok(()) => true,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
        Err(e) => return Err(HelperError::io(format!("cannot create {absolute}"), &e)),
    };
    check_dir(host, absolute)?;
    Ok(made)
}

/// Checks that an existing path is a directory that only root can write to.
pub(super) fn check_dir(host: &Host<'_>, absolute: &str) -> Result<(), HelperError> {
    let meta = match fs::symlink_metadata(host.path(absolute)) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(HelperError::io(format!("cannot read {absolute}"), &e)),
    };
    if !meta.is_dir() {
        return Err(HelperError::refused(format!("{absolute} is not a real directory")));
    }
    if !trusted(&meta, host.owner()) {
        return Err(HelperError::refused(format!("{absolute} is not owned by root, or others can write to it")));
    }
    Ok(())
}

pub(super) fn is_empty_dir(host: &Host<'_>, absolute: &str) -> Result<bool, HelperError> {
    let mut entries = fs::read_dir(host.path(absolute)).map_err(|e| HelperError::io(format!("cannot list {absolute}"), &e))?;
    Ok(entries.next().is_none())
}

/// Opens a lock file without following a link.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow).open(path)
}

/// A file that only root can read, removed on drop: `pct` reads SSH keys from a file.
#[derive(Debug)]
pub(super) struct TempFile {
    path: std::path::PathBuf,
    /// The path for the program's command line.
    pub(super) absolute: String,
}

impl TempFile {
    pub(super) fn new(host: &Host<'_>, absolute: &str, text: &str) -> Result<Self, HelperError> {
        let path = host.path(absolute);
        let _ = fs::remove_file(&path);
        let write = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())
        };
        write().map_err(|e| HelperError::io(format!("cannot write {absolute}"), &e))?;
        Ok(Self { path, absolute: absolute.to_owned() })
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
