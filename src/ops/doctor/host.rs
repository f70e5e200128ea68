//! Connection, certificate, clock and version of the host.

use std::time::Instant;

use super::{Report, Target};
use crate::api::cluster;
use crate::config::{Context, Endpoint, Transport};
use crate::fault::{Fault, Kind};
use crate::ops::context::verified_certificate;
use crate::units;

/// Remaining days of a certificate that are a problem.
const SOON: i64 = 14;
/// Remaining days that are worth a note: Proxmox VE renews its own certificates two weeks before they expire.
const NOTED: i64 = 30;
/// Clock difference in seconds that is a problem for second factors and tickets.
const SKEW: i64 = 60;

/// Checks the endpoints. Returns whether one can be used. Hosts behind a proxy are not checked.
pub fn look(target: &Target<'_>, report: &mut Report) -> bool {
    if target.context.transport != Transport::Https || target.context.proxy.is_some() {
        return true;
    }
    let good = target.context.endpoints.iter().filter(|endpoint| check_endpoint(target, endpoint, report)).count();
    // An unusable single endpoint is reported already; of several endpoints, each is tried.
    good > 0 || target.context.endpoints.len() != 1
}

/// Checks that the host answers this login.
pub fn ask(target: &Target<'_>, report: &mut Report) -> bool {
    let begun = Instant::now();
    let answer = target.session.client().and_then(|client| Ok((client, client.get_once(&cluster::version())?)));
    match answer {
        Ok((client, version)) => {
            report.ok("reach", format!("answers in {} ms", begun.elapsed().as_millis()));
            if target.context.transport == Transport::Https {
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

/// Checks an endpoint and its certificate.
fn check_endpoint(target: &Target<'_>, endpoint: &Endpoint, report: &mut Report) -> bool {
    let authority = endpoint.url.authority();
    let begun = Instant::now();
    let cert = match verified_certificate(target.context, endpoint, target.env, &target.session.interrupt) {
        Ok(cert) => cert,
        Err(fault) => {
            unusable(target, &authority, &fault, report);
            return false;
        }
    };
    report.ok("reach", format!("{authority}: TLS handshake in {} ms", begun.elapsed().as_millis()));
    let pinned = pin(target.context, endpoint);
    let days = cert.days_left(target.now);
    let said = format!("{authority}: {pinned}, {}", units::expiry(cert.not_after, target.now));
    let renew = "run `pvecm updatecerts --force` on the node, or order an ACME certificate";
    match () {
        () if target.context.insecure => {
            report.problem(
                "certificate",
                format!("{authority}: certificate not verified"),
                format!("run `felhom context trust {}` to pin it", target.context.name),
            );
        }
        () if days < SOON => report.problem("certificate", said, renew),
        () if days < NOTED => report.note("certificate", said, renew),
        () => report.ok("certificate", said),
    }
    true
}

fn unusable(target: &Target<'_>, authority: &str, fault: &Fault, report: &mut Report) {
    let several = target.context.endpoints.len() > 1;
    match fault.kind {
        Kind::Untrusted | Kind::Config => report.fault("certificate", fault),
        // One of several endpoints may be down.
        _ if several => report.note("reach", format!("{authority}: {fault}"), "check that node; the next endpoint is used"),
        _ => report.fault("reach", fault),
    }
}

fn pin(context: &Context, endpoint: &Endpoint) -> &'static str {
    match () {
        () if endpoint.fingerprint.is_some() => "pinned by fingerprint (a renewal breaks it)",
        () if context.ca_file.is_some() => "trusted by the pinned CA",
        () if context.system_roots => "trusted by the system's CAs",
        () => "not trusted yet",
    }
}

fn clock(ahead: i64, report: &mut Report) {
    let fix = "check `timedatectl` on both machines: second factors and tickets need the same time";
    match ahead.abs() {
        0..=5 => report.ok("clock", "the clocks agree"),
        6..=SKEW => report.note("clock", format!("the host's clock differs by {ahead} s"), fix),
        _ => report.problem("clock", format!("the host's clock differs by {ahead} s"), fix),
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
