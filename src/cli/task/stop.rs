//! `felhom task stop`.

use std::time::Duration;

use clap::Args;
use serde_json::{Map, json};

use crate::api::Upid;
use crate::api::tasks;
use crate::cli::Ctx;
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Item, Step, Target};
use crate::session::stopped;

/// Stop a running task
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom task stop --yes 'UPID:pve1:0000012C:000364E4:6B0036A8:vzdump:101:felhom@pve!agent:'")]
pub struct Stop {
    /// Task ID (UPID)
    #[arg(value_name = "UPID")]
    upid: Upid,
}

impl Stop {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let status = session.client()?.get(&tasks::status(&self.upid))?;
        let target = Target { node: Some(self.upid.node.clone()), vmid: self.upid.vmid(), name: Some(self.upid.kind.clone()), kind: None };
        let item = Item::new("task-stop", target).extra("upid_stopped", self.upid.to_string());
        let item = if status.ended().is_none() {
            item.step(Step::call("stop", tasks::stop(&self.upid)))
                .touches(format!("the running task {}", self.upid))
                .caution("what it worked on is left half done")
        } else {
            item.extra("task_exitstatus", status.exitstatus.unwrap_or_default()).unchanged()
        };
        let change = Change::one(format!("stop the task {} {}", self.upid.kind, self.upid.id), item);
        ctx.carry_out(&session, change, |_, _| {
            // The host answers at once and kills the worker within some seconds: only its end is the end.
            for _ in 0..100 {
                let status = session.client()?.get(&tasks::status(&self.upid))?;
                if status.ended().is_some() {
                    return Ok(Map::from_iter([("task_exitstatus".to_owned(), json!(status.exitstatus))]));
                }
                session
                    .interrupt
                    .wait(Duration::from_millis(100))
                    .map_err(|signal| stopped(signal, "stopped waiting for the task's end"))?;
            }
            Err(Fault::new(Kind::Unfinished, "the task still runs ten seconds after it was told to stop").with_upid(&self.upid))
        })
    }
}
