//! `felhom task wait`.

use clap::Args;

use serde::Serialize;

use crate::api::Upid;
use crate::api::tasks::Verdict;
use crate::cli::Ctx;
use crate::fault::{Fault, Kind, Result};
use crate::task::{Watched, wait_all};
use crate::ui::{Cell, Column, Row};

use super::list::tone;

/// Wait until tasks end
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom task wait 'UPID:pve1:0000012C:000364E4:6B0036A8:vzdump:101:felhom@pve!agent:'\n  felhom task list --running -o id | xargs -r felhom task wait --timeout 1h"
)]
pub struct Wait {
    /// Task IDs (UPIDs)
    #[arg(value_name = "UPID", required = true)]
    upids: Vec<Upid>,
}

#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    upid: String,
    #[serde(rename = "type")]
    kind: String,
    id: String,
    status: &'static str,
    exitstatus: Option<String>,
    #[serde(skip)]
    message: Option<String>,
}

impl Wait {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let tasks: Vec<Watched> = self
            .upids
            .iter()
            .map(|upid| Watched { upid: upid.clone(), label: format!("{} {}", upid.kind, upid.id), expected: None })
            .collect();
        let ends = wait_all(session.client()?, tasks, &session.waits, session.watch.as_ref(), &session.interrupt);
        let mut faults = Vec::new();
        let mut rows = Vec::new();
        for (upid, end) in self.upids.iter().zip(ends) {
            let (status, exitstatus, fault) = match end {
                Ok(ended) => {
                    let word = match ended.verdict {
                        Verdict::Ok => "ok",
                        Verdict::Warnings(_) => "warnings",
                        Verdict::Failed(_) => "failed",
                    };
                    (word, Some(ended.exitstatus.clone()), ended.fault(session.waits.fail_on_warnings))
                }
                Err(fault) => ("unknown", None, Some(fault)),
            };
            let message = fault.as_ref().map(|fault| fault.message.clone());
            rows.push(Shown {
                context: session.context.clone(),
                upid: upid.to_string(),
                kind: upid.kind.clone(),
                id: upid.id.clone(),
                status,
                exitstatus,
                message,
            });
            faults.extend(fault);
        }
        ctx.out.list(&rows)?;
        match &faults[..] {
            [] => Ok(()),
            [only] if self.upids.len() == 1 => Err(only.clone()),
            [first, ..] => {
                let alike = faults.len() == self.upids.len() && faults.iter().all(|f| f.exit_code() == first.exit_code());
                let partial = Fault::new(Kind::Partial, format!("{} of {} tasks did not end well", faults.len(), self.upids.len()));
                Err(Fault { exit: alike.then(|| first.exit_code()), ..partial })
            }
        }
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("type", |t: &Self| Cell::text(&t.kind)),
            Column::new("id", |t: &Self| Cell::text(&t.id)),
            Column::new("status", |t: &Self| Cell::state(t.status, tone(t.status))),
            Column::new("exitstatus", |t: &Self| Cell::maybe(t.exitstatus.clone().or_else(|| t.message.clone()), Cell::Text)).flex(),
            Column::new("upid", |t: &Self| Cell::text(&t.upid)).wide(),
            Column::new("context", |t: &Self| Cell::text(&t.context)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.upid.clone()
    }

    fn noun() -> &'static str {
        "tasks"
    }
}
