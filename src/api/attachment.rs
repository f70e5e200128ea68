//! A file on this machine as a part of a request.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file that is sent as the last part of a multipart form.
#[derive(Debug, Clone)]
pub struct Attachment {
    pub path: PathBuf,
    /// The name that the host is given.
    pub name: String,
    pub size: u64,
    /// How many bytes were handed to the connection; shared with the progress bar.
    sent: Arc<AtomicU64>,
}

impl Attachment {
    pub fn new(path: PathBuf, name: String, size: u64) -> Self {
        Self { path, name, size, sent: Arc::default() }
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub fn note_sent(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Starts counting again, for another endpoint.
    pub fn rewind(&self) {
        self.sent.store(0, Ordering::Relaxed);
    }

    /// Whether the host cannot have received the whole file.
    pub fn is_incomplete(&self) -> bool {
        self.sent() < self.size
    }
}

impl PartialEq for Attachment {
    fn eq(&self, other: &Self) -> bool {
        (&self.path, &self.name, self.size) == (&other.path, &other.name, other.size)
    }
}
