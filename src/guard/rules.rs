//! Rules for changes, from the context and the command line.

use std::sync::Arc;

use crate::fault::Fault;
use crate::guard::Applying;

/// Why changes are forbidden.
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
    /// Only show a plan.
    pub plan: bool,
    /// Stage the change.
    pub stage: bool,
    /// The staged change to apply.
    pub applying: Option<Arc<Applying>>,
    /// Answer yes to ordinary questions.
    pub yes: bool,
    /// The value of `--confirm`.
    pub confirm: Vec<String>,
    /// Override the protection by tags.
    pub force: bool,
    /// Continue if the journal cannot be written.
    pub no_journal: bool,
}

impl Rules {
    /// Whether nothing but a confirmation is left before the change, so that local preparations may be checked.
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
