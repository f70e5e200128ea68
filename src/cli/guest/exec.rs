//! `felhom guest exec`.

use std::io::Read;
use std::sync::{Mutex, PoisonError};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, Value as Json, json};

use crate::api::agent::{Exec as Ended, MOST_INPUT};
use crate::cli::{Ctx, complete, results};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Outcome, verdict};
use crate::ops::{agent, guests};
use crate::ui::Format;

/// Run a command inside a VM
///
/// The guest agent runs the command without a shell and without a terminal; for pipes and variables, run `sh -c`. felhom waits for its
/// end, prints its output unchanged, and exits with its exit code, or with 128 plus the signal that ended it. The guest agent keeps at
/// most 16 MiB of output.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest exec 201 -- uname -a\n  felhom guest exec 203 --timeout 5m -- sh -c 'apt-get update; apt-get -y upgrade'\n  felhom guest exec 201 --stdin -- sh <setup.sh"
)]
pub struct Exec {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Pass stdin to the command (at most 64 KiB)
    #[arg(long)]
    stdin: bool,
    /// Command with its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<String>,
}

impl Exec {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        if ctx.global.detach {
            return Err(Fault::usage("--detach: a command's output can be fetched only while felhom waits for it")
                .with_hint("start a service in the guest instead: `systemd-run COMMAND`"));
        }
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        agent::check(&session, &guest, "guest exec")?;
        let input = if self.stdin { Some(stdin()?) } else { None };
        let item = agent::exec(&guest, &self.command, input.as_deref())?;
        let summary = format!("run {} in {}", crate::shell::quote(&self.command[0]), guest.label());
        let ended: Mutex<Option<Ended>> = Mutex::default();
        let outcomes = ctx.outcomes(&session, Change::one(summary, item), |_, done| {
            let pid = done.outputs.get("exec").and_then(|answer| answer.get("pid")).and_then(Json::as_i64).unwrap_or_default();
            let end = agent::wait(&session, &guest, pid)?;
            let extra = result(&end);
            *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
            Ok(extra)
        })?;
        let Some(mut outcomes) = outcomes else { return Ok(()) };
        for fault in outcomes.iter_mut().filter_map(|outcome| outcome.fault.as_mut()) {
            *fault = agent::explain(&guest, fault.clone());
        }
        match ended.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(end) => finish(ctx, &outcomes, &end),
            None => results::emit(&ctx.out, &outcomes).and_then(|()| verdict(&outcomes)),
        }
    }
}

/// Prints the output, or the result as JSON, and returns the command's exit code as an error.
fn finish(ctx: &Ctx, outcomes: &[Outcome], end: &Ended) -> Result<()> {
    if ctx.out.format() == Format::Table && ctx.out.options().columns.is_none() {
        ctx.out.raw(&end.stdout)?;
        ctx.out.raw_error(&end.stderr)?;
    } else {
        results::emit(&ctx.out, outcomes)?;
    }
    for (stream, truncated) in [("stdout", end.stdout_truncated), ("stderr", end.stderr_truncated)] {
        if truncated {
            ctx.out.warn(format!("{stream} of the command was truncated by the guest agent"));
        }
    }
    let code = match (end.signal, end.exitcode) {
        (Some(signal), _) => {
            ctx.out.warn(format!("the command was ended by signal {signal}"));
            u8::try_from(128 + signal).unwrap_or(255)
        }
        (None, code) => u8::try_from(code.unwrap_or_default()).unwrap_or(255),
    };
    if code == 0 {
        return Ok(());
    }
    Err(Fault { exit: Some(code), shown: true, ..Fault::new(Kind::Other, format!("the command exited with {code}")) })
}

fn result(end: &Ended) -> Map<String, Json> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut extra = Map::new();
    extra.insert("exit_code".into(), json!(end.exitcode));
    extra.insert("signal".into(), json!(end.signal));
    extra.insert("stdout".into(), text(&end.stdout).into());
    extra.insert("stderr".into(), text(&end.stderr).into());
    extra.insert("truncated".into(), (end.stdout_truncated || end.stderr_truncated).into());
    extra
}

/// Reads stdin, up to one byte more than a command accepts.
fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MOST_INPUT as u64 + 1;
    std::io::stdin().take(most).read_to_end(&mut bytes).map_err(|error| Fault::io("cannot read standard input", &error))?;
    Ok(bytes)
}
