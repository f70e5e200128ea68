//! What a run says and records when the host or the guard refuses it.

use std::sync::PoisonError;

use crate::config::Context;
use crate::config::env::FROM_ENV;
use crate::fault::Fault;
use crate::guard::refused_early;
use crate::ops::denial::{self, About};
use crate::routes;
use crate::session::Session;

use super::run::Ctx;

impl Ctx {
    /// Context used to explain permission errors.
    pub fn about(&self, context: &Context) -> About {
        let fixed = self.around.fixed.is_some();
        About {
            context: Some(context.name.clone()).filter(|name| !fixed && name != FROM_ENV),
            program: self.program().into(),
            verb: self.verb.clone(),
            preset: context.preset.clone(),
            administrator: false,
        }
    }

    /// Adds the missing privileges to a permission error, where exactly one session can have met it.
    pub fn explain(&self, fault: &mut Fault, context: Option<&str>) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let mut met = opened.iter().filter(|one| context.is_none_or(|name| one.context == name)).filter(|one| one.client.get().is_some());
        if let (Some(one), None) = (met.next(), met.next())
            && let Some(client) = one.client.get()
        {
            denial::explain(fault, client, &one.about);
        }
    }

    /// Records in the journal that a changing command was refused before it reached a change.
    pub fn write_down(&self, fault: &Fault) {
        let changes = routes::verb(&self.verb).map_or_else(
            || matches!(self.verb.as_str(), "api post" | "api put" | "api delete" | "fence install"),
            |verb| verb.calls.iter().any(|key| !key.starts_with("GET ")),
        );
        if !fault.is_refusal() || fault.shown || self.global.plan.is_some() || !changes || self.journal.wrote() {
            return;
        }
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let context = opened.first().map_or("-", |one| one.context.as_str());
        refused_early(&self.journal, context, "verb", &self.verb, &self.command, fault);
    }

    /// Hints that a list may be empty because the token may see nothing.
    pub(super) fn empty_list_hint(&self, session: &Session) {
        let Ok(client) = session.client() else { return };
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let about = opened.iter().find(|one| one.context == session.context).map(|one| one.about.clone());
        if let Some(hint) = about.and_then(|about| denial::empty_list_hint(client, &about)) {
            self.out.hint(hint);
        }
    }
}
