//! The same done to many guests at once.

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

/// The guests that were named, or all of them for those who have the privilege everywhere.
fn chosen(req: &Req<'_>, privilege: &str) -> Result<Vec<Guest>, Refusal> {
    let named = req.params.list("vms");
    if named.is_empty() {
        req.check("/", &[privilege])?;
        return Ok(req.state.guests.values().filter(|g| !g.is_template()).cloned().collect());
    }
    named.iter().try_for_each(|id| req.check(&format!("/vms/{id}"), &[privilege]))?;
    Ok(named.iter().filter_map(|id| req.state.guests.get(&id.parse().ok()?)).cloned().collect())
}

/// The first line: all guests, or which.
fn headline(req: &Req<'_>, doing: &str) -> String {
    let named = req.params.list("vms");
    if named.is_empty() { format!("{doing} all guests") } else { format!("{doing} guests: {}", named.join(", ")) }
}

/// One task that starts a task for each guest, which the user sees as their own.
fn run(req: &mut Req<'_>, kind: &str, headline: String, each: impl Fn(&Guest) -> Option<(String, TaskSpec)>, guests: &[Guest]) -> Answer {
    let user = req.who.name();
    let mut spec = TaskSpec::new(kind, "").log(headline);
    for guest in guests {
        if let Some((line, task)) = each(guest) {
            let task = Effect::Start { spec: Box::new(task), node: guest.node.clone(), user: user.clone() };
            spec = spec.log(line).then(task).takes(1.5);
        }
    }
    req.start(spec.ok())
}

fn prefix(guest: &Guest) -> &'static str {
    if guest.kind == GuestKind::Lxc { "vz" } else { "qm" }
}

fn start(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.PowerMgmt")?;
    let each = |g: &Guest| {
        let task = TaskSpec::new(format!("{}start", prefix(g)), g.vmid).takes(1.0).then(Effect::power_on(g.vmid)).ok();
        (!g.power.is_on()).then(|| (format!("Starting {} {}", g.kind.label(), g.vmid), task))
    };
    let headline = headline(req, "Starting");
    run(req, "bulk-start", headline, each, &guests)
}

fn shutdown(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.PowerMgmt")?;
    let each = |g: &Guest| {
        let task = TaskSpec::new(format!("{}shutdown", prefix(g)), g.vmid).takes(2.0).then(Effect::power_off(g.vmid)).ok();
        g.power.is_on().then(|| (format!("Shutting down {} {}", g.kind.label(), g.vmid), task))
    };
    let headline = headline(req, "Shutting down");
    run(req, "bulk-shutdown", headline, each, &guests)
}

fn suspend(req: &mut Req<'_>) -> Answer {
    let guests = chosen(req, "VM.PowerMgmt")?;
    let each = |g: &Guest| {
        let pause = Effect::SetPower { vmid: g.vmid, power: crate::demo::state::Power::Paused };
        let task = TaskSpec::new("qmpause", g.vmid).takes(0.5).then(pause).ok();
        (g.power.is_on() && g.kind == GuestKind::Qemu).then(|| (format!("Suspending VM {}", g.vmid), task))
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
        (g.node != target).then(|| (format!("Migrating {} {}", g.kind.label(), g.vmid), task))
    };
    let headline = headline(req, "Migrating");
    run(req, "bulk-migrate", headline, each, &guests)
}
