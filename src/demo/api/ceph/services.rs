//! Starting, stopping and restarting daemons.

use super::daemons::Kind;
use super::{OSD, is_running, node, ready, text};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::State;
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/ceph/start", |req| command(req, "start")),
    ("POST", "/nodes/{node}/ceph/stop", |req| command(req, "stop")),
    ("POST", "/nodes/{node}/ceph/restart", |req| command(req, "restart")),
    ("POST", "/nodes/{node}/ceph/restart-bulk", restart_osds),
    ("POST", "/cluster/ceph/restart-bulk", restart_all),
];

const SECTIONS: [(&str, &str); 4] = [("mon", "ceph-mon"), ("mgr", "ceph-mgr"), ("mds", "ceph-mds"), ("osd", OSD)];

/// The daemons of a type, or all of them: type, section, name, node.
fn daemons(state: &State, wanted: Option<&str>) -> Vec<(&'static str, &'static str, String, String)> {
    let of = |(word, section): (&'static str, &'static str)| {
        state.section(section).map(move |(name, daemon)| (word, section, name.clone(), text(daemon, "node").to_owned()))
    };
    SECTIONS.into_iter().filter(|(word, _)| wanted.is_none_or(|wanted| wanted == *word)).flat_map(of).collect()
}

fn command(req: &mut Req<'_>, verb: &str) -> Answer {
    ready(req)?;
    let (node, service) = (node(req), req.params.get("service").map(str::to_owned));
    let (kind, id) = match service.as_deref().and_then(|service| service.split_once('.')) {
        Some((kind, id)) if kind != "ceph" => (Some(kind), Some(id)),
        _ => (service.as_deref().filter(|kind| !kind.starts_with("ceph")), None),
    };
    let mine = daemons(req.state, kind).into_iter().filter(|(.., name, host)| *host == node && id.is_none_or(|id| id == name));
    let mut spec = TaskSpec::new(format!("srv{verb}"), service.clone().unwrap_or_else(|| "ceph".to_owned())).takes(1.0);
    let mut found = false;
    for (_, section, name, _) in mine {
        let mut daemon = req.state.sections[section][&name].clone();
        daemon.insert("running".into(), (verb != "stop").into());
        spec = spec.then(Effect::put_section(section, name, daemon));
        found = true;
    }
    if let (false, Some(kind), Some(id)) = (found, kind, id) {
        let unit = format!("ceph-{kind}@{id}");
        let spec = spec.log(format!("Failed to {verb} {unit}.service: Unit {unit}.service not found."));
        return req.start(spec.fail(format!("command '/bin/systemctl {verb} {unit}' failed: exit code 5")));
    }
    req.start(spec.ok())
}

/// Restarts one daemon after another.
fn restart(req: &mut Req<'_>, task: &str, kind: &str, node: Option<&str>) -> Answer {
    let all: Vec<_> = daemons(req.state, Some(kind)).into_iter().filter(|(.., host)| node.is_none_or(|node| node == host)).collect();
    let mut spec = TaskSpec::new("srvrestart", task.to_owned());
    if all.is_empty() {
        return req.start(spec.log(format!("no '{kind}' daemons found, nothing to do")).ok());
    }
    let dry_run = req.params.flag("dry-run");
    for (at, (word, section, name, host)) in all.iter().enumerate() {
        let place = format!("[{}/{}]", at + 1, all.len());
        if dry_run {
            spec = spec.log(format!("{place} would restart {word}.{name} on {host}"));
            continue;
        }
        let mut daemon = req.state.sections[*section][name].clone();
        daemon.insert("running".into(), true.into());
        spec = spec
            .log(format!("{place} restarting {word}.{name} on {host}"))
            .takes(1.0)
            .then(Effect::put_section(section, name.clone(), daemon))
            .log(format!("{place} {word}.{name} is up"));
    }
    req.start(spec.ok())
}

fn restart_osds(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let (node, kind) = (node(req), req.params.text("service-type").to_owned());
    if req.params.flag("resume") {
        let spec = TaskSpec::new("srvrestart", format!("{node}-{kind}"));
        return req.start(spec.fail(format!("no resumable bulk-restart state found for node '{node}'")));
    }
    restart(req, &format!("{node}-{kind}"), &kind, Some(&node))
}

fn restart_all(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let kind = req.params.text("service-type").to_owned();
    restart(req, &format!("cluster-{kind}"), &kind, None)
}

/// Whether a daemon can be stopped or destroyed without losing data or service, and what Ceph says about it.
pub(super) fn is_safe(req: &Req<'_>) -> Result<(bool, String), Refusal> {
    let (service, id, action) = (req.params.text("service"), req.params.text("id"), req.params.text("action"));
    let running = |kind: Kind| super::daemons::running(req.state, kind).len();
    match (service, action) {
        ("osd", "stop") => {
            let up = req.state.section(OSD).filter(|(_, osd)| is_running(osd)).count();
            let text = format!("{{\"ok_to_stop\":{},\"osds\":[{id}]}}", up > 2);
            Ok((up > 2, text))
        }
        ("osd", _) => {
            let osd = super::section(req.state, OSD, id).ok_or_else(|| Refusal::die(format!("no such OSD '{id}'")))?;
            let safe = super::number(osd, "in") == 0;
            let why = if safe {
                format!("OSD(s) {id} are safe to destroy without reducing data durability.")
            } else {
                format!("OSD(s) {id} have 97 pgs currently mapped to them.")
            };
            Ok((safe, why))
        }
        ("mon", "stop") if running(Kind::Mon) > 2 => Ok((true, "quorum should be preserved after stopping".to_owned())),
        ("mon", "stop") => Ok((false, "not enough monitors would be available after stopping mons".to_owned())),
        ("mon", _) => Ok((running(Kind::Mon) > 2, "quorum after removal is checked".to_owned())),
        ("mds", "stop") => {
            let safe = super::daemons::served(req.state, id).is_none() || running(Kind::Mds) > req.state.section(super::FILESYSTEM).count();
            Ok((
                safe,
                if safe { "should be safe to stop".to_owned() } else { "one or more filesystems would be without an MDS".to_owned() },
            ))
        }
        _ => Err(Refusal::die(format!("Service does not support this action: {service}: {action}"))),
    }
}
