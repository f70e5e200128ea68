//! One change at a time: a lock file that the kernel releases whatever happens to its holder.

use std::fs::File;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::files;
use super::system::Host;
use crate::fence::protocol::{ErrorKind, Trouble, Word};
use crate::interrupt::Interrupt;

/// Where locks and what lasts until the next boot are kept.
pub(super) const RUN_DIR: &str = "/run/felhom";
const PATIENCE: Duration = Duration::from_secs(20);

/// Holds the lock of a word's kind until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Waits a little for the lock: a container takes minutes, and must not hold up a mount.
pub(super) fn take(host: &Host<'_>, word: Word) -> Result<Lock, Trouble> {
    let kind = if word == Word::GoldenCreate { "golden" } else { "usb" };
    files::own_dir(host, RUN_DIR)?;
    let path = host.path(&format!("{RUN_DIR}/{kind}.lock"));
    let file = files::open_lock(&path).map_err(|e| Trouble::io("cannot open the lock file", &e))?;
    let quiet = Interrupt::never().map_err(|e| Trouble::io("cannot wait for the lock", &e))?;
    let start = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if start.elapsed() < PATIENCE => {
                let _ = quiet.wait(Duration::from_millis(100));
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Trouble::new(ErrorKind::Busy, format!("another {kind} change of felhom-fence is under way on the host")));
            }
            Err(e) => return Err(Trouble::io("cannot take the lock", &e.into())),
        }
    }
}
