//! `felhom task log`.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::api::Upid;
use crate::api::tasks::{self, Line};
use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::session::{Session, stopped};
use crate::task::Ended;
use crate::ui::{Format, clean};

/// Show the log of a task
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom task log 'UPID:pve1:0000012C:000364E4:6B0036A8:vzdump:101:felhom@pve!agent:'\n  felhom task log -f \"$(felhom backup run 101 --storage nas --detach)\""
)]
pub struct Log {
    /// Task ID (UPID)
    #[arg(value_name = "UPID")]
    upid: Upid,
    /// Follow until the task ends; its result is the exit code
    #[arg(short, long)]
    follow: bool,
}

/// How many lines one request asks for.
const CHUNK: u64 = 1000;

impl Log {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let mut seen = 0;
        loop {
            // Asked before the log: the lines that come after a stopped state are all there is.
            let ended = if self.follow { ended(&session, &self.upid)? } else { None };
            loop {
                let lines = session.client()?.get(&tasks::log(&self.upid, seen, CHUNK))?;
                let lines: Vec<Line> = lines.into_iter().filter(|line| line.n > seen && !(line.n == 1 && line.t == "no content")).collect();
                seen = lines.last().map_or(seen, |line| line.n);
                emit(ctx, &lines)?;
                if lines.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX) {
                    break;
                }
            }
            match ended {
                _ if !self.follow || ctx.out.is_closed() => return Ok(()),
                Some(ended) => {
                    return ended.fault(session.waits.fail_on_warnings).map_or(Ok(()), |fault| Err(Fault { log: Vec::new(), ..fault }));
                }
                None => {}
            }
            session
                .interrupt
                .wait(Duration::from_millis(500))
                .map_err(|signal| stopped(signal, "stopped following; the task goes on").with_upid(&self.upid))?;
        }
    }
}

fn emit(ctx: &Ctx, lines: &[Line]) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    match ctx.out.format() {
        Format::Table | Format::Id | Format::Csv => {
            // Also where it is no terminal: what is looked for in a log with `grep` comes to one all the same.
            let text: String = lines.iter().map(|line| format!("{}\n", clean::text(&line.t))).collect();
            ctx.out.text(&text)
        }
        _ => ctx.out.value(&json!(lines.iter().map(|line| json!({"n": line.n, "text": line.t})).collect::<Vec<_>>())),
    }
}

fn ended(session: &Session, upid: &Upid) -> Result<Option<Ended>> {
    let status = session.client()?.get(&tasks::status(upid))?;
    let Some(exitstatus) = status.ended().map(str::to_owned) else { return Ok(None) };
    Ok(Some(Ended { upid: upid.clone(), verdict: tasks::Verdict::of(&exitstatus), exitstatus, log: Vec::new(), failures: Vec::new() }))
}
