//! A session on one context: the client, the rules for changes, the terminal and the progress reports.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::fault::{Fault, Result};
use crate::guard::{Journal, Person, Rules, TagRules};
use crate::interrupt::{Interrupt, Signal};
use crate::task::{Waits, Watch};
use crate::transport::Client;

/// Creates the client on first use.
pub type Connect = Box<dyn Fn() -> Result<Client> + Send + Sync>;

/// One run of one command on one context.
pub struct Session {
    parts: Parts,
    connect: Connect,
    client: Arc<OnceLock<Client>>,
}

/// The parts of a session that exist without a connection.
pub struct Parts {
    /// Name of the context.
    pub context: String,
    /// The command, such as `guest start`.
    pub verb: String,
    /// The command line, with secrets masked.
    pub command: Vec<String>,
    pub rules: Rules,
    /// Tags that protect guests.
    pub tags: TagRules,
    /// Identity of the host: changes with its CA or pinned certificate.
    pub identity: String,
    pub waits: Waits,
    pub watch: Arc<dyn Watch>,
    pub person: Arc<dyn Person>,
    pub journal: Arc<Journal>,
    pub interrupt: Interrupt,
    pub state_dir: PathBuf,
}

impl Deref for Session {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Session {
    pub fn new(parts: Parts, connect: Connect) -> Self {
        Self { parts, connect, client: Arc::default() }
    }

    /// The client, set on first use.
    pub fn slot(&self) -> Arc<OnceLock<Client>> {
        Arc::clone(&self.client)
    }

    /// Returns the client, creating it on first use.
    pub fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = (self.connect)()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Returns the identity on the host.
    pub fn who(&self) -> &str {
        self.client().map_or("nobody", Client::who)
    }
}

/// Returns the fault of a wait that ended early.
pub fn stopped(signal: Signal, what: &str) -> Fault {
    Fault::new(signal.into(), what)
}
