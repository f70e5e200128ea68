//! Destination of output. After a closed pipe, the rest is dropped without an error.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fault::{Fault, Result};

#[derive(Clone)]
pub(super) struct Sink(Arc<Inner>);

struct Inner {
    writer: Mutex<Box<dyn Write + Send>>,
    closed: AtomicBool,
}

impl Sink {
    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Inner { writer: Mutex::new(Box::new(writer)), closed: AtomicBool::new(false) }))
    }

    /// Whether the reader has closed the pipe.
    pub(super) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        match writer.write_all(bytes).and_then(|()| writer.flush()) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::BrokenPipe => {
                self.0.closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(e) => Err(Fault::io("cannot write the output", &e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pipe_is_silent_and_remembered() {
        let (reader, writer) = std::io::pipe().unwrap();
        let sink = Sink::new(writer);
        sink.write(b"read").unwrap();
        assert!(!sink.is_closed());
        drop(reader);
        sink.write(b"x").unwrap();
        assert!(sink.is_closed());
        sink.write(b"y").unwrap();
    }

    #[test]
    fn a_full_disk_is_a_fault() {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let fault = Sink::new(full).write(b"x").unwrap_err();
        assert!(fault.message.starts_with("cannot write the output: "), "{}", fault.message);
    }
}
