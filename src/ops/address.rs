//! IP addresses of a running guest, as the guest reports them.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::api::{Form, GuestKind, Property, cluster, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan;
use crate::ops::guests::{self, Guest};
use crate::ops::root_only;
use crate::routes::Grant;
use crate::session::{Session, stopped};

/// Default time limit for an address.
const LIMIT: Duration = Duration::from_secs(120);

/// Returns the guest's current addresses that others can reach.
pub fn now(session: &Session, guest: &Guest) -> Result<Vec<String>> {
    guests::with_place(session, guest, |place| match guest.kind {
        GuestKind::Lxc => session.client()?.get_once(&place.interfaces()),
        GuestKind::Qemu => session.client()?.get_once(&place.agent_interfaces()),
    })
    .map(|answer| addresses(&answer))
}

/// Waits for the first address: as long as `--timeout`, by default two minutes.
pub fn wait(session: &Session, guest: &Guest) -> Result<Vec<String>> {
    let limit = session.waits.timeout.unwrap_or(LIMIT);
    let begun = Instant::now();
    let mut pause = Duration::from_millis(250);
    loop {
        let last = match now(session, guest) {
            Ok(found) if !found.is_empty() => return Ok(found),
            Ok(_) => None,
            Err(fault) if matches!(fault.kind, Kind::Denied | Kind::Unauthenticated | Kind::Untrusted) => {
                return Err(fault.while_(format_args!("{} is running, but its address cannot be read", guest.label())));
            }
            Err(fault) => Some(fault),
        };
        if begun.elapsed() >= limit {
            let said = last.map(|fault| format!(" ({})", fault.message)).unwrap_or_default();
            return Err(Fault::other(format!("{} is running, but has no address after {} s{said}", guest.label(), limit.as_secs()))
                .with_hint(match guest.kind {
                    GuestKind::Lxc => "check its network and the DHCP server, or wait longer with --timeout",
                    GuestKind::Qemu => "check that the guest agent runs in it, or wait longer with --timeout",
                }));
        }
        session
            .interrupt
            .wait(pause.min(limit.saturating_sub(begun.elapsed())))
            .map_err(|signal| stopped(signal, &format!("stopped waiting for an address of {}", guest.label())))?;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Checks that the guest can report an address. A VM needs its guest agent for that.
pub fn possible(session: &Session, guest: &Guest) -> Result<()> {
    if guest.kind == GuestKind::Lxc {
        return Ok(());
    }
    let path = format!("/vms/{}", guest.vmid);
    let held = session.client()?.get(&cluster::permissions())?;
    let asks = ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"];
    let may = |privilege: &&str| plan::holds(&held, &Grant { path: path.clone(), privilege: (**privilege).to_owned() });
    if !root_only::is_root(session.who()) && !asks.iter().any(may) {
        let mut fault =
            Fault::new(Kind::Denied, format!("cannot read the address of {}: VM.GuestAgent.Audit on {path} is missing", guest.label()));
        (fault.path, fault.privilege) = (Some(path), Some(asks.join("|")));
        return Err(fault);
    }
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let agent = config.get("agent").and_then(lenient::text).unwrap_or_default();
    if Property::parse(Form::Default("enabled"), &agent).flag("enabled") {
        return Ok(());
    }
    Err(Fault::other(format!("{} has no guest agent configured, so its address is unknown", guest.label()))
        .with_hint(format!("install the agent in it and run `felhom guest set {} agent=1`, or omit --wait-ip", guest.vmid)))
}

/// Parses the addresses of a container's `interfaces` or a guest agent's answer, without loopback and link-local addresses.
pub fn addresses(answer: &Json) -> Vec<String> {
    let list = answer.get("result").unwrap_or(answer);
    let mut found: Vec<IpAddr> = Vec::new();
    for interface in list.as_array().into_iter().flatten() {
        let listed = interface.get("ip-addresses").and_then(Json::as_array).into_iter().flatten();
        let texts = listed
            .filter_map(|address| address.get("ip-address").and_then(Json::as_str))
            .chain(["inet", "inet6"].iter().filter_map(|key| interface.get(*key).and_then(Json::as_str)));
        for text in texts.flat_map(|text| text.split([',', ' '])) {
            let bare = text.split(['/', '%']).next().unwrap_or_default();
            if let Ok(address) = bare.parse::<IpAddr>()
                && reachable(&address)
                && !found.contains(&address)
            {
                found.push(address);
            }
        }
    }
    found.sort_by_key(IpAddr::is_ipv6);
    found.iter().map(IpAddr::to_string).collect()
}

fn reachable(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unspecified() && !v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_reachable_addresses_are_returned() {
        let ct = json!([
            {"name": "lo", "inet": "127.0.0.1/8", "inet6": "::1/128",
             "ip-addresses": [{"ip-address": "127.0.0.1", "prefix": "8"}, {"ip-address": "::1", "prefix": "128"}]},
            {"name": "eth0", "inet": "10.10.10.103/24", "inet6": "fe80::be24:11ff:feee:219b/64",
             "ip-addresses": [{"ip-address": "2001:db8::7", "prefix": "64"}, {"ip-address": "10.10.10.103", "prefix": "24"}]},
        ]);
        assert_eq!(addresses(&ct), ["10.10.10.103", "2001:db8::7"]);
        let vm = json!({"result": [{"name": "eth0", "ip-addresses": [{"ip-address": "192.0.2.9"}, {"ip-address": "169.254.1.1"}]}]});
        assert_eq!(addresses(&vm), ["192.0.2.9"]);
        assert!(addresses(&json!(null)).is_empty());
    }
}
