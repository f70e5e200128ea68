//! Private files: written atomically, one writer at a time.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::fault::{Fault, Kind, Result};
use crate::interrupt::{Interrupt, Signal};

/// Refuses files that another user could have written, because felhom trusts their content.
pub fn trusted(path: &Path, meta: &std::fs::Metadata) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    let mut fix = Vec::new();
    if ![me, 0].contains(&meta.uid()) {
        fix.push(format!("chown {me} {}", path.display()));
    }
    if meta.mode() & 0o022 != 0 {
        fix.push(format!("chmod go-w {}", path.display()));
    }
    if fix.is_empty() {
        return Ok(());
    }
    let why = if ![me, 0].contains(&meta.uid()) {
        format!("belongs to uid {}", meta.uid())
    } else {
        format!("can be written by others (mode {:04o})", meta.mode() & 0o7777)
    };
    Err(Fault::config(format!("{} {why}: not used", path.display()))
        .with_hint(format!("run `{}` after checking its content", fix.join(" && "))))
}

/// Creates a private folder with its parents.
pub fn private_dir(dir: &Path) -> Result<()> {
    let make = || -> io::Result<std::fs::Metadata> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        std::fs::metadata(dir)
    };
    let tried = |e: io::Error| Fault::config(format!("cannot create the folder {}: {e}", dir.display()));
    let meta = make().map_err(tried)?;
    let me = rustix::process::geteuid().as_raw();
    if ![me, 0].contains(&meta.uid()) {
        return Err(Fault::config(format!("the folder {} belongs to uid {}", dir.display(), meta.uid()))
            .with_hint(format!("run `chown -R {me} {}` after checking its content", dir.display())));
    }
    // Restrict the mode of an existing folder.
    if meta.mode() & 0o077 != 0 && meta.uid() == me {
        std::fs::set_permissions(dir, PermissionsExt::from_mode(0o700)).map_err(tried)?;
    }
    Ok(())
}

/// Writes a file atomically: a temporary file, synced and renamed. Follows symbolic links, so that a configuration in a dotfiles
/// folder stays there.
pub fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let target = std::fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let Some(dir) = target.parent() else { return Err(Fault::config(format!("{} is not a file", file.display()))) };
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = dir.join(format!(".{name}.{}.new", std::process::id()));
    let write = || -> io::Result<()> {
        remove_left_over(dir, &name);
        let mut handle = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        handle.write_all(bytes)?;
        handle.sync_all()?;
        std::fs::rename(&temporary, &target)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| {
        let _ = std::fs::remove_file(&temporary);
        Fault::config(format!("cannot write {}: {e}", file.display()))
    })
}

/// Removes temporary files of killed runs: `.config.toml.PID.new` of a process that no longer exists, or of this one.
fn remove_left_over(dir: &Path, name: &str) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in entries {
        let file = entry.file_name().to_string_lossy().into_owned();
        let pid =
            file.strip_prefix(&format!(".{name}.")).and_then(|rest| rest.strip_suffix(".new")).and_then(|pid| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| pid == std::process::id() || !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A lock on a file, released when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for another felhom that changes the same file.
    pub fn take(file: &Path, limit: Duration, interrupt: &Interrupt) -> Result<Self> {
        let fault = |e: &dyn std::fmt::Display| Fault::config(format!("cannot lock {}: {e}", file.display()));
        let handle = std::fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(file).map_err(|e| fault(&e))?;
        let until = Instant::now() + limit;
        loop {
            match flock(&handle, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: handle }),
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(e) => return Err(fault(&e)),
            }
            if Instant::now() >= until {
                return Err(Fault::new(Kind::Conflict, format!("another felhom has locked {} for {} s", file.display(), limit.as_secs()))
                    .with_hint("wait for it to end, then try again"));
            }
            interrupt.wait(Duration::from_millis(20)).map_err(interrupted)?;
        }
    }
}

pub(super) fn interrupted(signal: Signal) -> Fault {
    let what = match signal {
        Signal::Interrupt => "interrupted",
        Signal::Terminate => "terminated",
        Signal::Deadline => "stopped at the time limit of --timeout",
    };
    Fault::new(signal.into(), what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("it is there").mode() & 0o777
    }

    #[test]
    fn replaces_whole_and_for_the_owner_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("a/b");
        private_dir(&folder).expect("a folder");
        assert_eq!((mode(&folder), mode(&dir.path().join("a"))), (0o700, 0o700));
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("a mode");
        private_dir(&folder).expect("a folder");
        assert_eq!(mode(&folder), 0o700);

        let file = folder.join("config.toml");
        std::fs::write(&file, "old").expect("a file");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("a mode");
        replace(&file, b"new").expect("it is replaced");
        assert_eq!((std::fs::read_to_string(&file).expect("a file").as_str(), mode(&file)), ("new", 0o600));
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1, "nothing is left beside it");

        let link = dir.path().join("link.toml");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        replace(&link, b"newer").expect("it is replaced");
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&file).expect("a file"), "newer");
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let quiet = Interrupt::never().expect("a socket pair");
        let file = dir.path().join("lock");
        let first = Lock::take(&file, Duration::ZERO, &quiet).expect("it is free");
        let fault = Lock::take(&file, Duration::from_millis(30), &quiet).expect_err("it is held");
        assert_eq!(fault.kind, Kind::Conflict);
        drop(first);
        Lock::take(&file, Duration::ZERO, &quiet).expect("it is free again");
    }
}
