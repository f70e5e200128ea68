//! What an operation needs to work on one host: the client, the rules for changes, and somebody who watches.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::fault::{Fault, Result};
use crate::guard::{Journal, Person, Rules, TagRules};
use crate::interrupt::{Interrupt, Signal};
use crate::task::{Waits, Watch};
use crate::transport::Client;

/// Makes the client when it is first needed.
pub type Connect = Box<dyn Fn() -> Result<Client> + Send + Sync>;

/// One run of one verb on one context: its parts, and the client once something was asked.
pub struct Session {
    parts: Parts,
    connect: Connect,
    client: Arc<OnceLock<Client>>,
}

/// What a run works with, whether or not its host has been asked yet.
pub struct Parts {
    /// The context's name.
    pub context: String,
    /// The verb, `guest start`.
    pub verb: String,
    /// The command line, secrets masked.
    pub command: Vec<String>,
    pub rules: Rules,
    /// Which guests refuse what would hurt them.
    pub tags: TagRules,
    /// What the host is recognised by: changes with its CA or pinned certificate.
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

    /// The client's place: filled once something was asked.
    pub fn slot(&self) -> Arc<OnceLock<Client>> {
        Arc::clone(&self.client)
    }

    /// The client, made on first use.
    pub fn client(&self) -> Result<&Client> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = (self.connect)()?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Who the host sees.
    pub fn who(&self) -> &str {
        self.client().map_or("nobody", Client::who)
    }
}

/// The fault of a wait that ended early.
pub fn stopped(signal: Signal, what: &str) -> Fault {
    Fault::new(signal.into(), what)
}
