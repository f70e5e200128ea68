//! What the context and the command line say about changes.

use std::sync::Arc;

use crate::fault::Fault;
use crate::guard::Applying;

/// What stands in the way of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// `--read-only` or `FELHOM_READ_ONLY=1`.
    ReadOnly,
    /// `writes = "deny"` in the context.
    Deny,
}

/// The rules of this run.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub gate: Option<Gate>,
    /// Show what would be done, and do nothing.
    pub plan: bool,
    /// Keep the plan as a pending change instead of doing it.
    pub stage: bool,
    /// The staged change that this run applies.
    pub applying: Option<Arc<Applying>>,
    /// Answers ordinary questions with yes.
    pub yes: bool,
    /// The typed confirmation, given beforehand.
    pub confirm: Vec<String>,
    /// Passes the tag guards, once.
    pub force: bool,
    /// Go on where the journal cannot be written.
    pub no_journal: bool,
}

impl Rules {
    /// Nothing but the person stands between a change and the host: what must be ready by then may be tried out on this machine.
    pub fn carries_out(&self) -> bool {
        self.gate.is_none() && !self.plan && (!self.stage || self.applying.is_some())
    }
}

impl Gate {
    pub fn word(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::Deny => "deny",
        }
    }

    pub(super) fn fault(self, context: &str) -> Fault {
        match self {
            Self::ReadOnly => Fault::refused("read-only mode: --read-only or FELHOM_READ_ONLY=1 is set")
                .with_hint("unset FELHOM_READ_ONLY or leave --read-only out; --plan shows what would be done"),
            Self::Deny => Fault::refused(format!("read-only mode: the context '{context}' has writes = \"deny\""))
                .with_hint(format!("set writes = \"allow\" with `felhom context edit {context}`; --plan shows what would be done")),
        }
    }
}
