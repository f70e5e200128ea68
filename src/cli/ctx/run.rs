//! One run of one command.

use std::ffi::OsString;
use std::sync::{Arc, Mutex, OnceLock};

use crate::cli::Global;
use crate::cli::person::Terminal;
use crate::config::{Config, Context};
use crate::fault::{Fault, Result};
use crate::guard::{Journal, Person, redact};
use crate::ops::denial::About;
use crate::transport::Client;
use crate::ui::Out;

use super::surroundings::Surroundings;

/// One run of one command.
pub struct Ctx {
    pub out: Arc<Out>,
    pub global: Global,
    pub around: Surroundings,
    pub verb: String,
    /// The command line, secrets masked.
    pub(super) command: Vec<String>,
    /// The command line as typed.
    pub args: Vec<OsString>,
    pub(super) journal: Arc<Journal>,
    /// Sessions opened in this run, for explaining permission errors.
    pub(super) opened: Mutex<Vec<Opened>>,
}

/// A session opened in this run.
pub(super) struct Opened {
    pub context: String,
    pub about: About,
    pub client: Arc<OnceLock<Client>>,
}

impl Ctx {
    pub fn new(global: Global, mut around: Surroundings, verb: String, args: &[OsString]) -> Self {
        around.interrupt = around.interrupt.limited(global.timeout);
        let out = Arc::new(Out::new(global.view()));
        let command = redact::words(&args.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>());
        let journal = Arc::new(Journal::at(&around.paths.state, global.no_journal));
        Self { out, global, around, verb, command, args: args.to_vec(), journal, opened: Mutex::default() }
    }

    pub fn config(&self) -> Result<Config> {
        Config::load(&self.around.paths)
    }

    /// The context of this run.
    pub fn context(&self) -> Result<Context> {
        if self.several() {
            return Err(Fault::usage(format!("`felhom {}` works on one context", self.verb))
                .with_hint("name one context with -c: --contexts and --all-contexts are for commands that read"));
        }
        match &self.around.fixed {
            Some(context) => Ok(context.clone()),
            None => self.config()?.resolve(&self.around.env, self.global.context.as_deref()),
        }
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether this run reads from several contexts.
    pub fn several(&self) -> bool {
        self.global.all_contexts || !self.global.contexts.is_empty()
    }

    /// Returns the prompts of the terminal.
    pub fn person(&self) -> Arc<dyn Person> {
        Arc::new(Terminal::new(Arc::clone(&self.out)))
    }

    /// The program name in hints.
    pub(super) fn program(&self) -> &'static str {
        if self.around.fixed.is_some() { "felhom demo" } else { "felhom" }
    }

    /// Returns whether a change of this machine is only to be shown. It takes effect at once, so it cannot be staged.
    pub fn planned_here(&self) -> Result<bool> {
        if self.global.stage {
            return Err(Fault::usage(format!("--stage: `felhom {}` changes only this machine, and that is not staged", self.verb))
                .with_hint("leave --stage out; --plan shows what would be done"));
        }
        Ok(self.global.plan.is_some())
    }
}
