//! `felhom task show`.

use clap::Args;
use serde::Serialize;

use crate::api::Upid;
use crate::api::tasks::{self, Verdict};
use crate::cli::Ctx;
use crate::fault::Result;
use crate::ui::{Cell, Record, units};

use super::list::tone;

/// Show a task
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom task show 'UPID:pve1:0000012C:000364E4:6B0036A8:vzdump:101:felhom@pve!agent:'")]
pub struct Show {
    /// Task ID (UPID)
    #[arg(value_name = "UPID")]
    upid: Upid,
}

#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    upid: Upid,
    node: String,
    #[serde(rename = "type")]
    kind: String,
    id: String,
    user: String,
    status: &'static str,
    exitstatus: Option<String>,
    started_at: String,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let status = session.client()?.get(&tasks::status(&self.upid))?;
        let exit = status.ended().map(str::to_owned);
        let upid = self.upid;
        ctx.out.one(&Shown {
            context: session.context.clone(),
            node: upid.node.clone(),
            kind: upid.kind.clone(),
            id: upid.id.clone(),
            user: upid.user.clone(),
            status: match exit.as_deref().map(Verdict::of) {
                None => "running",
                Some(Verdict::Ok) => "ok",
                Some(Verdict::Warnings(_)) => "warnings",
                Some(Verdict::Failed(_)) => "failed",
            },
            exitstatus: exit,
            started_at: units::rfc3339(i64::try_from(upid.starttime).unwrap_or_default()),
            upid,
        })
    }
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("upid", Cell::text(self.upid.to_string())),
            ("node", Cell::text(&self.node)),
            ("type", Cell::text(&self.kind)),
            ("id", Cell::text(&self.id)),
            ("user", Cell::text(&self.user)),
            ("status", Cell::state(self.status, tone(self.status))),
            ("exitstatus", Cell::maybe(self.exitstatus.clone(), Cell::Text)),
            ("started_at", Cell::Time(i64::try_from(self.upid.starttime).unwrap_or_default())),
        ]
    }

    fn id(&self) -> String {
        self.upid.to_string()
    }
}
