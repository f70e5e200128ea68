//! `felhom guest restore`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::json;

use crate::cli::{Ctx, complete, results};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Outcome, verdict};
use crate::ops::address;
use crate::ops::guests;
use crate::ops::power::{self, Action};
use crate::ops::restore::decide::{self, Decision};
use crate::ops::restore::read::{self, IdentityMode, Known, Request};
use crate::ops::restore::{change, verify};
use crate::ops::time;
use crate::session::Session;

/// Restore a guest from a backup
#[derive(Debug, Args)]
#[command(
    long_about = "Restore a guest from a backup\n\nRestores into a new VMID next to existing guests, or over a stopped guest with --overwrite. If another guest already uses one of the backup's MAC addresses, the restored guest gets new ones and is not started with the original's network identity. Before anything is written, felhom lists data the backup does not contain (bind mounts, volumes with backup=0) and settings that affect the host. Afterwards the guest's configuration is compared with the backup.",
    after_help = "Examples:\n  felhom guest restore vzdump-lxc-101-2026_11_20-12_01_44.tar.zst\n  felhom guest restore --from web --vmid 150 --start --wait-ip\n  felhom guest restore --from 101 --at 2026-11-19T22:00 --vmid 101 --overwrite --confirm 101"
)]
pub struct Restore {
    /// Backup to restore [default: choose interactively]
    #[arg(value_name = "BACKUP", conflicts_with = "from")]
    archive: Option<String>,
    /// Use the latest backup of this guest (it may no longer exist)
    #[arg(long, help_heading = "Source", value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    from: Option<String>,
    /// Use the latest backup (implied without --at)
    #[arg(long, help_heading = "Source", requires = "from", conflicts_with = "at")]
    latest: bool,
    /// Use the latest backup at or before this time (2026-11-20T08:00)
    #[arg(long, help_heading = "Source", value_name = "TIME", requires = "from", value_parser = time::at)]
    at: Option<i64>,
    /// VMID of the restored guest [default: next free]
    #[arg(long, help_heading = "Target", value_name = "VMID")]
    vmid: Option<u32>,
    /// Target storage [default: as in the backup]
    #[arg(long, help_heading = "Target", value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: Option<String>,
    /// MAC addresses: auto (new if in use), fresh, keep
    #[arg(long, help_heading = "Target", value_name = "MODE", default_value = "auto")]
    identity: IdentityMode,
    /// Hostname or VM name
    #[arg(long, help_heading = "Target", value_name = "NAME")]
    hostname: Option<String>,
    /// Start the guest, unless its MAC or IP is in use
    #[arg(long)]
    start: bool,
    /// Wait for an IP address and print it
    #[arg(long, requires = "start")]
    wait_ip: bool,
    /// Replace the stopped guest with this VMID; requires --confirm <VMID>
    #[arg(long, help_heading = "Target")]
    overwrite: bool,
    /// Skip bind mounts (tokens cannot restore them)
    #[arg(long)]
    without_binds: bool,
    /// Allow hook scripts, device entries and privileged containers
    #[arg(long)]
    trust_archive: bool,
    /// Target node [default: the backup's node]
    #[arg(long, help_heading = "Target", value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Add the guest to this pool
    #[arg(long, help_heading = "Target", value_name = "POOL")]
    pool: Option<String>,
    /// Bandwidth limit in KiB/s
    #[arg(long, value_name = "KIB")]
    bwlimit: Option<u64>,
}

impl Restore {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let (start, wait_ip) = (self.start, self.wait_ip);
        if start && ctx.global.detach {
            return Err(Fault::usage("--start waits for the restore, --detach does not").with_hint("leave one of them out"));
        }
        let session = ctx.session()?;
        let request = self.request();
        let known = read::read(&session, &request)?;
        let without_binds = leave_out(&session, &known, &request)?;
        let decision = decide::decide(&known, &request, without_binds)?;
        tell(&session, &known, &decision);
        let change = change::change(&known, &request, &decision, session.rules.plan);
        let ended = ctx.outcomes(&session, change, |_, done| verify::verify(&session, &known, &decision, done))?;
        let Some(mut outcomes) = ended else { return Ok(()) };
        for outcome in &mut outcomes {
            verify::explain(&session, &known, outcome);
            if outcome.good() && start {
                begin(ctx, &session, &known, outcome, wait_ip);
            }
            if outcome.good() {
                remind(&session, &decision);
            }
        }
        results::emit(&ctx.out, &outcomes).and_then(|()| verdict(&outcomes))
    }

    fn request(self) -> Request {
        Request {
            archive: self.archive,
            from: self.from,
            at: self.at,
            vmid: self.vmid,
            storage: self.storage,
            identity: self.identity,
            hostname: self.hostname,
            start: self.start,
            overwrite: self.overwrite,
            without_binds: self.without_binds,
            trust_archive: self.trust_archive,
            node: self.node,
            pool: self.pool,
            bwlimit: self.bwlimit,
        }
    }
}

/// Bind mounts go only with somebody's word: the flag's, `--yes`, or a person's.
fn leave_out(session: &Session, known: &Known, request: &Request) -> Result<bool> {
    let binds = decide::binds(known);
    if binds.is_empty() || request.without_binds || session.rules.yes {
        return Ok(!binds.is_empty());
    }
    if !session.person.present() || session.rules.plan {
        return Ok(false);
    }
    let names: Vec<String> = binds.iter().map(|bind| format!("{}: {}", bind.label(), bind.volume)).collect();
    session.person.note(&format!("the archive has bind mounts, which no token can restore: {}", names.join(", ")));
    session.person.yes("Restore it without them?")
}

/// The preview: what was decided, and what to mind.
fn tell(session: &Session, known: &Known, decision: &Decision) {
    if session.rules.plan {
        return;
    }
    verify::lines(known, decision).iter().for_each(|line| session.person.note(line));
    decision.warnings.iter().for_each(|warning| session.person.warn(warning));
    if !decision.root_level.is_empty() {
        session.person.warn(&format!("restored with what reaches the host itself: {}", decision.root_level.join(", ")));
    }
}

/// What is left to do for root.
fn remind(session: &Session, decision: &Decision) {
    for line in &decision.by_root {
        session.person.note(&format!("root puts a bind mount back with: {line}"));
    }
}

/// Starts the restored guest, after another look at who runs. What goes wrong here ends the outcome: it was asked for.
fn begin(ctx: &Ctx, session: &Session, known: &Known, outcome: &mut Outcome, wait_ip: bool) {
    match started(ctx, session, known, wait_ip) {
        Ok(addresses) => {
            outcome.extra.insert("started".into(), json!(true));
            if wait_ip {
                outcome.extra.insert("ip".into(), json!(addresses));
            }
        }
        Err(fault) => outcome.fail(fault.while_(format_args!("{} is restored, but not started", known.vmid))),
    }
}

fn started(ctx: &Ctx, session: &Session, known: &Known, wait_ip: bool) -> Result<Vec<String>> {
    let guest = guests::all(session)?.into_iter().find(|guest| guest.vmid == known.vmid);
    let guest = guest.ok_or_else(|| Fault::new(Kind::NotFound, "it is not in the cluster's list"))?;
    let in_use = verify::in_use(session, &guest)?;
    if !in_use.is_empty() {
        return Err(Fault::refused(format!("its MAC or IP address is in use: {}", in_use.join("; ")))
            .with_hint("change its network, then `felhom guest start`"));
    }
    if wait_ip {
        address::possible(session, &guest)?;
    }
    let prepared = power::prepare(session, &guest, Action::Start, &power::Options::default());
    let before = prepared.before;
    let change = Change::one(format!("start {}", guest.label()), prepared.item);
    let ended = ctx.outcomes(session, change, |_, done| {
        power::verify(session, &guest, Action::Start, before.as_ref(), done).map(|_| serde_json::Map::new())
    })?;
    verdict(&ended.unwrap_or_default())?;
    if !wait_ip {
        return Ok(Vec::new());
    }
    let found = address::wait(session, &guest)?;
    session.person.note(&format!("{}: {}", guest.label(), found.join(", ")));
    Ok(found)
}
