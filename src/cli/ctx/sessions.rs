//! Sessions on the contexts of a run.

use std::sync::{Arc, Mutex, PoisonError};

use crate::config::env::FROM_ENV;
use crate::config::{Context, Endpoint};
use crate::fault::{Fault, Result};
use crate::guard::TagRules;
use crate::ops::denial::About;
use crate::session::{Connect, Parts, Session};
use crate::transport::Client;
use crate::transport::https::Login;

use super::connect::{connect, https, within_reach};
use super::run::{Ctx, Opened};

impl Ctx {
    /// Refuses endpoints other than this machine in the demo, which contacts no real host.
    pub fn within_reach(&self, endpoints: &[Endpoint]) -> Result<()> {
        within_reach(&self.around, endpoints)
    }

    /// Opens a session on the named context, for changes recorded in the journal.
    pub fn session_on(&self, name: &str) -> Result<Session> {
        match &self.around.fixed {
            Some(context) if context.name == name => Ok(self.open(context.clone())),
            _ if name == FROM_ENV => self.session(),
            _ => Ok(self.open(self.config()?.context(name)?.clone())),
        }
    }

    /// Opens a session on the context of this run.
    pub fn session(&self) -> Result<Session> {
        Ok(self.open(self.context()?))
    }

    /// Opens a session on this context; it connects when it is first used.
    pub fn open(&self, context: Context) -> Session {
        let (around, out, verb) = (self.around.clone(), Arc::clone(&self.out), self.verb.clone());
        let about = self.about(&context);
        let of = context.clone();
        let session = self.session_with(&of, Box::new(move || connect(&context, &around, &out, &verb)));
        let opened = Opened { context: session.context.clone(), about, client: session.slot() };
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(opened);
        session
    }

    /// Opens a session on this context with an administrator's login.
    pub fn open_as(&self, context: &Context, login: Login) -> Result<Session> {
        let https = https(context, &self.around, &self.out, login)?;
        let client = Client::new(Box::new(https), self.verb.clone(), self.around.interrupt.clone());
        let slot = Mutex::new(Some(client));
        let once = move || {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            slot.take().ok_or_else(|| Fault::other("the administrator's connection was taken already"))
        };
        let session = self.session_with(context, Box::new(once));
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        // Where the token itself was asked before, what is denied is about the token.
        if opened.is_empty() {
            let about = About { administrator: true, ..self.about(context) };
            opened.push(Opened { context: session.context.clone(), about, client: session.slot() });
        }
        drop(opened);
        Ok(session)
    }

    /// Opens a session on this context that connects through `connect`.
    pub fn open_through(&self, context: &Context, connect: Arc<dyn Fn() -> Result<Client> + Send + Sync>) -> Session {
        self.session_with(context, Box::new(move || connect()))
    }

    fn session_with(&self, context: &Context, connect: Connect) -> Session {
        let parts = Parts {
            context: context.name.clone(),
            verb: self.verb.clone(),
            command: self.command.clone(),
            rules: self.global.rules(context.writes, self.around.applying.clone()),
            tags: TagRules::of(context),
            identity: identity(context),
            waits: self.global.waits(),
            watch: Arc::new(self.out.progress()),
            person: self.person(),
            journal: Arc::clone(&self.journal),
            interrupt: self.around.interrupt.clone(),
            state_dir: self.around.paths.state.clone(),
        };
        Session::new(parts, connect)
    }
}

/// Identifies a host by its trusted CA or certificates, or else by its address.
fn identity(context: &Context) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    let ca = context.ca_file.as_ref().and_then(|file| std::fs::read(file).ok());
    match &ca {
        Some(pem) => hash.update(pem),
        None => {
            for endpoint in &context.endpoints {
                hash.update(endpoint.fingerprint.map_or_else(|| endpoint.url.to_string(), |f| f.to_string()).as_bytes());
            }
            hash.update(context.ssh.as_ref().map(|ssh| ssh.host.as_str()).unwrap_or_default().as_bytes());
        }
    }
    hash.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
