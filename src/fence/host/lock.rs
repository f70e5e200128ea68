//! A lock against concurrent changes. The kernel releases it when the process ends.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::files;
use super::system::Host;
use crate::fence::protocol::{ErrorKind, HelperError, Word};
use crate::interrupt::Interrupt;

/// Directory of locks and of records that are valid until the next boot.
pub(super) const RUN_DIR: &str = "/run/felhom";
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Acquires the lock of a command's kind, with a time limit. A container creation takes minutes and must not block a mount.
pub(super) fn take(host: &Host<'_>, word: Word) -> Result<Lock, HelperError> {
    let kind = if word == Word::GoldenCreate { "golden" } else { "usb" };
    files::own_dir(host, RUN_DIR)?;
    let path = host.path(&format!("{RUN_DIR}/{kind}.lock"));
    let file = files::open_lock(&path).map_err(|e| HelperError::io("cannot open the lock file", &e))?;
    let quiet = Interrupt::never().map_err(|e| HelperError::io("cannot wait for the lock", &e))?;
    let start = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if start.elapsed() < TIME_LIMIT => {
                let _ = quiet.wait(Duration::from_millis(100));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(HelperError::new(ErrorKind::Busy, format!("another {kind} change by felhom-fence is in progress")));
            }
            Err(e) => return Err(HelperError::io("cannot acquire the lock", &e.into())),
        }
    }
}
