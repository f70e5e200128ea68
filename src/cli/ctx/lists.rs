//! Lists read from one context or from several.

use std::thread;

use crate::config::Selection;
use crate::fault::{Fault, Kind, Result};
use crate::guard::redact;
use crate::session::Session;
use crate::ui::Row;

use super::run::Ctx;

impl Ctx {
    /// Reads each context's rows in parallel and shows them as one list. A context that fails is reported on stderr;
    /// the others are still shown.
    pub fn list<T: Row + Send>(&self, read: impl Fn(&Session) -> Result<Vec<T>> + Sync) -> Result<()> {
        self.list_with(read, |rows| if self.several() { self.out.list_of_contexts(&rows) } else { self.out.list(&rows) })
    }

    /// As [`Ctx::list`], with rows that `show` prints.
    pub fn list_with<T: Send>(
        &self,
        read: impl Fn(&Session) -> Result<Vec<T>> + Sync,
        show: impl FnOnce(Vec<T>) -> Result<()>,
    ) -> Result<()> {
        if !self.several() {
            let session = self.session()?;
            let rows = read(&session)?;
            let empty = rows.is_empty();
            show(rows)?;
            if empty && self.out.options().filter.is_empty() {
                self.empty_list_hint(&session);
            }
            return Ok(());
        }
        let selection = if self.global.all_contexts { Selection::All } else { Selection::Names(self.global.contexts.clone()) };
        let sessions: Vec<Session> = self.config()?.select(&selection)?.into_iter().map(|context| self.open(context)).collect();
        let answers: Vec<Result<Vec<T>>> = thread::scope(|scope| {
            let threads: Vec<_> = sessions.iter().map(|session| scope.spawn(|| read(session))).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(Fault::other("a context's answer broke off")))).collect()
        });
        let mut rows = Vec::new();
        let mut faults: Vec<Fault> = Vec::new();
        for (session, answer) in sessions.iter().zip(answers) {
            match answer {
                Ok(some) => rows.extend(some),
                Err(mut fault) => {
                    self.explain(&mut fault, Some(&session.context));
                    redact::fault(&mut fault);
                    self.out.warn(format!("{}: {fault}", session.context));
                    faults.push(fault);
                }
            }
        }
        show(rows)?;
        let Some(first) = faults.first() else { return Ok(()) };
        let alike = faults.len() == sessions.len() && faults.iter().all(|fault| fault.exit_code() == first.exit_code());
        Err(Fault {
            exit: alike.then(|| first.exit_code()),
            ..Fault::new(Kind::Partial, format!("{} of {} contexts could not be asked", faults.len(), sessions.len()))
        })
    }
}
