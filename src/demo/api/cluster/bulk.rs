//! Bulk actions on guests.

use std::collections::BTreeMap;

use crate::demo::api::guest::cannot_start;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, GuestKind};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/cluster/bulk-action/guest/start", start),
    ("POST", "/cluster/bulk-action/guest/shutdown", shutdown),
    ("POST", "/cluster/bulk-action/guest/suspend", suspend),
    ("POST", "/cluster/bulk-action/guest/migrate", migrate),
    ("POST", "/cluster/ha/status/arm-ha", |_| Ok(Reply::null())),
    ("POST", "/cluster/ha/status/disarm-ha", |_| Ok(Reply::null())),
];

/// Returns the named guests, or all guests if the caller has the privilege on `/`.
fn chosen(req: &Req<'_>, privilege: &str) -> Result<Vec<Guest>, Refusal> {
    let named = req.params.list("vms");
    if named.is_empty() {
        req.check("/", &[privilege])?;
        return Ok(req.state.guests.values().filter(|g| !g.is_template()).cloned().collect());
    }
    named.iter().try_for_each(|id| req.check(&format!("/vms/{id}"), &[privilege]))?;
    Ok(named.iter().filter_map(|id| req.state.guests.get(&id.parse().ok()?)).cloned().collect())
}

/// Returns the first log line.
fn headline(req: &Req<'_>, doing: &str) -> String {
    let named = req.params.list("vms");
    if named.is_empty() { format!("{doing} all guests") } else { format!("{doing} guests: {}", named.join(", ")) }
}

/// The action on one guest: a log line, the guest's task and a warning.
#[derive(Default)]
struct Step {
    line: Option<String>,
    task: Option<TaskSpec>,
    warning: Option<String>,
    failed: bool,
}

/// Starts a task that starts a task for each guest in the user's name.
fn run(req: &mut Req<'_>, kind: &str, headline: String, each: impl Fn(&Guest) -> Step, guests: &[Guest]) -> Answer {
    let user = req.who.name();
    let (mut spec, mut late) = (TaskSpec::new(kind, "").log(headline), Vec::new());
    let (mut warnings, mut failed) = (0, Vec::new());
    for guest in guests {
        let step = each(guest);
        spec = step.line.into_iter().fold(spec, TaskSpec::log);
        let is_over = step.task.is_none();
        if let Some(task) = step.task {
            spec = spec.then(Effect::Start { spec: Box::new(task), node: guest.node.clone(), user: user.clone() }).takes(1.5);
        }
        if let Some(text) = step.warning {
            warnings += 1;
            // The results are known after all tasks have been started.
            if is_over { spec = spec.log(format!("WARN: {text}")) } else { late.push(format!("WARN: {text}")) }
        }
        failed.extend(step.failed.then(|| guest.vmid.to_string()));
    }
    let spec = late.into_iter().fold(spec, TaskSpec::log);
    req.start(match (failed.is_empty(), warnings) {
        (false, _) => spec.fail(format!("Some guests failed to start: {}", failed.join(", "))),
        (true, 0) => spec.ok(),
        (true, count) => spec.warnings(count),
    })
}

fn prefix(guest: &Guest) -> &'static str {
    if guest.kind == GuestKind::Lxc { "vz" } else { "qm" }
}

fn start(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.PowerMgmt")?;
    let reasons: BTreeMap<u32, String> = guests.iter().filter_map(|g| Some((g.vmid, cannot_start(req.state, g)?))).collect();
    let each = |g: &Guest| {
        let (label, vmid) = (g.kind.label(), g.vmid);
        let line = Some(format!("Starting {label} {vmid}"));
        if g.power.is_on() && g.kind == GuestKind::Lxc {
            return Step { line, warning: Some(format!("500 CT {vmid} already running")), failed: true, task: None };
        }
        let task = TaskSpec::new(format!("{}start", prefix(g)), vmid).takes(1.0);
        let running = g.power.is_on().then(|| format!("VM {vmid} already running"));
        match running.as_ref().or_else(|| reasons.get(&vmid)) {
            Some(why) => Step {
                line,
                task: Some(task.fail(why.clone())),
                warning: Some(format!("Starting {label} {vmid} failed: {why}")),
                failed: true,
            },
            None => Step { line, task: Some(task.then(Effect::power_on(vmid)).ok()), ..Step::default() },
        }
    };
    let headline = headline(req, "Starting");
    run(req, "bulk-start", headline, each, &guests)
}

fn shutdown(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.PowerMgmt")?;
    let timeout = req.params.int("timeout").unwrap_or(180);
    let each = |g: &Guest| {
        let (label, vmid) = (g.kind.label(), g.vmid);
        if !g.power.is_on() {
            return Step { warning: Some(format!("Skipping {label} {vmid}, not running.")), ..Step::default() };
        }
        let task = TaskSpec::new(format!("{}shutdown", prefix(g)), vmid).takes(2.0).then(Effect::power_off(vmid)).ok();
        Step { line: Some(format!("Shutting down {label} {vmid} (Timeout = {timeout} seconds)")), task: Some(task), ..Step::default() }
    };
    let headline = headline(req, "Shutting down");
    run(req, "bulk-shutdown", headline, each, &guests)
}

fn suspend(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.PowerMgmt")?;
    let each = |g: &Guest| {
        let pause = Effect::SetPower { vmid: g.vmid, power: crate::demo::state::Power::Paused };
        let task = TaskSpec::new("qmpause", g.vmid).takes(0.5).then(pause).ok();
        match g.power.is_on() && g.kind == GuestKind::Qemu {
            true => Step { line: Some(format!("Suspending VM {}", g.vmid)), task: Some(task), ..Step::default() },
            false => Step::default(),
        }
    };
    let headline = headline(req, "Suspending");
    run(req, "bulk-suspend", headline, each, &guests)
}

fn migrate(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.Migrate")?;
    let target = req.params.get("target-node").or_else(|| req.params.get("target")).unwrap_or_default().to_owned();
    if !req.state.nodes.contains_key(&target) {
        return Err(Refusal::die(format!("no such cluster node '{target}'")));
    }
    let each = |g: &Guest| {
        let kind = if g.kind == GuestKind::Lxc { "vzmigrate" } else { "qmigrate" };
        let task = TaskSpec::new(kind, g.vmid).takes(4.0).then(Effect::MoveGuest { vmid: g.vmid, node: target.clone() }).ok();
        let (label, vmid) = (g.kind.label(), g.vmid);
        match g.node == target {
            true => Step { warning: Some(format!("{label} {vmid} already on {target}, skipping.")), ..Step::default() },
            false => Step { line: Some(format!("Migrating {label} {vmid}")), task: Some(task), ..Step::default() },
        }
    };
    let headline = headline(req, "Migrating").replacen("guests", &format!("guests to {target}"), 1);
    run(req, "bulk-migrate", headline, each, &guests)
}
