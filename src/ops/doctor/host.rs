//! Is the host there, is it the right one, and which Proxmox is it?

use std::time::Instant;

use super::{Patient, Report};
use crate::api::cluster;
use crate::config::{Context, Endpoint, Transport};
use crate::fault::{Fault, Kind};
use crate::ops::context::proved;

/// A certificate that ends sooner than this is a problem.
const SOON: i64 = 14;
/// Proxmox renews its own certificates two weeks before their end.
const NOTED: i64 = 30;
/// A clock that is further off spoils second factors and tickets.
const SKEW: i64 = 60;

/// Whether there is somebody to ask. What is behind a proxy is not looked at for itself.
pub fn look(patient: &Patient<'_>, report: &mut Report) -> bool {
    if patient.context.transport != Transport::Https || patient.context.proxy.is_some() {
        return true;
    }
    let good = patient.context.endpoints.iter().filter(|endpoint| seen(patient, endpoint, report)).count();
    // With one endpoint everything is said; several are tried in turn.
    good > 0 || patient.context.endpoints.len() != 1
}

/// Whether the host answers this token.
pub fn ask(patient: &Patient<'_>, report: &mut Report) -> bool {
    let begun = Instant::now();
    let answer = patient.session.client().and_then(|client| Ok((client, client.get_once(&cluster::version())?)));
    match answer {
        Ok((client, version)) => {
            report.ok("reach", format!("answers in {} ms", begun.elapsed().as_millis()));
            if patient.context.transport == Transport::Https {
                let host = i64::try_from(client.host_time()).unwrap_or_default();
                clock(host - jiff::Timestamp::now().as_second(), report);
            }
            this_version(&version.version, report);
            true
        }
        Err(fault) => {
            let area = match fault.kind {
                Kind::Unauthenticated => "login",
                Kind::Untrusted => "certificate",
                Kind::Config => "secret",
                _ => "reach",
            };
            report.fault(area, &fault);
            false
        }
    }
}

/// Whether this endpoint can be used.
fn seen(patient: &Patient<'_>, endpoint: &Endpoint, report: &mut Report) -> bool {
    let authority = endpoint.url.authority();
    let begun = Instant::now();
    let cert = match proved(patient.context, endpoint, patient.env, &patient.session.interrupt) {
        Ok(cert) => cert,
        Err(fault) => {
            trouble(patient, &authority, &fault, report);
            return false;
        }
    };
    report.ok("reach", format!("{authority} shakes hands in {} ms", begun.elapsed().as_millis()));
    let pinned = pin(patient.context, endpoint);
    let days = cert.days_left(patient.now);
    let said = format!("{authority}: {pinned}, {days} days left");
    let renew = "`pvecm updatecerts --force` on the node makes a new one, or its ACME order";
    match () {
        () if patient.context.insecure => {
            report.problem(
                "certificate",
                format!("{authority}: not verified at all"),
                format!("`felhom context trust {}` pins it", patient.context.name),
            );
        }
        () if days < 0 => report.problem("certificate", format!("{authority}: {pinned}, ended {} days ago", -days), renew),
        () if days < SOON => report.problem("certificate", said, renew),
        () if days < NOTED => report.note("certificate", said, renew),
        () => report.ok("certificate", said),
    }
    true
}

fn trouble(patient: &Patient<'_>, authority: &str, fault: &Fault, report: &mut Report) {
    let several = patient.context.endpoints.len() > 1;
    match fault.kind {
        Kind::Untrusted | Kind::Config => report.fault("certificate", fault),
        // One of several may be down without harm.
        _ if several => report.note("reach", format!("{authority}: {fault}"), "the next endpoint is used; look at that node"),
        _ => report.fault("reach", fault),
    }
}

fn pin(context: &Context, endpoint: &Endpoint) -> &'static str {
    match () {
        () if endpoint.fingerprint.is_some() => "this certificate alone is pinned (a renewal breaks it)",
        () if context.ca_file.is_some() => "the cluster's CA is pinned",
        () if context.system_roots => "trusted by this machine's CAs",
        () => "not trusted yet",
    }
}

fn clock(ahead: i64, report: &mut Report) {
    let fix = "`timedatectl` on both machines: second factors and tickets need the same time";
    match ahead.abs() {
        0..=5 => report.ok("clock", "the host's clock and this one agree"),
        6..=SKEW => report.note("clock", format!("the host's clock is {ahead} s off"), fix),
        _ => report.problem("clock", format!("the host's clock is {ahead} s off"), fix),
    }
}

fn this_version(version: &str, report: &mut Report) {
    match version.split('.').next().and_then(|major| major.parse::<u32>().ok()) {
        Some(9) => report.ok("version", format!("Proxmox VE {version}: supported")),
        Some(8) => report.note(
            "version",
            format!("Proxmox VE {version}: works as far as it is like 9"),
            "felhom supports Proxmox VE 9: upgrade when you can",
        ),
        _ => report.problem("version", format!("Proxmox VE {version} is not supported"), "felhom supports Proxmox VE 9"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::doctor::State;

    #[test]
    fn versions_and_clocks() {
        let mut report = Report::default();
        for version in ["9.2.11", "8.4", "7.4"] {
            this_version(version, &mut report);
        }
        for ahead in [3, -30, 3600] {
            clock(ahead, &mut report);
        }
        let states: Vec<State> = report.findings.iter().map(|finding| finding.state).collect();
        use State::{Note, Ok, Problem};
        assert_eq!(states, [Ok, Note, Problem, Ok, Note, Problem]);
    }
}
