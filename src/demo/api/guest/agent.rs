//! What a guest says of itself: its addresses, and whether an agent answers.

use serde_json::{Value, json};

use super::the_guest;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::state::{Guest, Power};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/lxc/{vmid}/interfaces", interfaces),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/ping", ping),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", agent_interfaces),
];

fn interfaces(req: &mut Req<'_>) -> Answer {
    let guest = the_guest(req)?;
    if !guest.power.is_on() {
        return Ok(Reply::null());
    }
    let mut rows = vec![interface("lo", "00:00:00:00:00:00", &["127.0.0.1/8".to_owned(), "::1/128".to_owned()])];
    for card in cards(&guest) {
        let mut row = interface(&card.name, &card.mac, &card.addresses);
        for address in &card.addresses {
            row[if address.contains(':') { "inet6" } else { "inet" }] = address.clone().into();
        }
        row["hwaddr"] = card.mac.into();
        rows.push(row);
    }
    Ok(Value::Array(rows).into())
}

/// The agent of a virtual machine, or the words in which the host says that there is none.
fn agent(req: &Req<'_>) -> Result<Guest, Refusal> {
    let guest = the_guest(req)?;
    let enabled = guest.config.get("agent").is_some_and(|agent| {
        let text = agent.as_str().map_or_else(|| agent.to_string(), str::to_owned);
        text.split(',').any(|part| part == "1" || part == "enabled=1")
    });
    if !enabled {
        return Err(Refusal::die("No QEMU guest agent configured"));
    }
    if guest.power != Power::Running {
        return Err(Refusal::die(format!("VM {} is not running", guest.vmid)));
    }
    if !guest.agent {
        return Err(Refusal::die("QEMU guest agent is not running"));
    }
    Ok(guest)
}

fn ping(req: &mut Req<'_>) -> Answer {
    agent(req)?;
    Ok(json!({ "result": {} }).into())
}

fn agent_interfaces(req: &mut Req<'_>) -> Answer {
    let guest = agent(req)?;
    let mut rows = vec![interface("lo", "00:00:00:00:00:00", &["127.0.0.1/8".to_owned(), "::1/128".to_owned()])];
    rows.extend(cards(&guest).iter().map(|card| interface(&card.name, &card.mac, &card.addresses)));
    Ok(json!({ "result": rows }).into())
}

fn interface(name: &str, mac: &str, addresses: &[String]) -> Value {
    let addresses: Vec<Value> = addresses
        .iter()
        .map(|address| {
            let (bare, prefix) = address.split_once('/').unwrap_or((address, "32"));
            let kind = if bare.contains(':') { "ipv6" } else { "ipv4" };
            json!({ "ip-address": bare, "ip-address-type": kind, "prefix": prefix })
        })
        .collect();
    json!({ "name": name, "hardware-address": mac, "ip-addresses": addresses })
}

struct Card {
    name: String,
    mac: String,
    addresses: Vec<String>,
}

/// The network cards that a guest has, with the addresses that they got.
fn cards(guest: &Guest) -> Vec<Card> {
    let mut keys: Vec<&String> = guest.config.keys().filter(|key| super::disks::is_net(key)).collect();
    keys.sort();
    keys.iter()
        .enumerate()
        .filter_map(|(index, key)| {
            let text = guest.text(key)?;
            let part = |name: &str| text.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            let mac = part("hwaddr").or_else(|| text.split(',').next()?.split_once('=').map(|(_, mac)| mac)).unwrap_or_default();
            let leased = || format!("192.0.2.{}/24", guest.vmid % 150 + 100);
            let address = match part("ip") {
                Some("dhcp") => Some(leased()),
                Some("manual") => None,
                Some(fixed) => Some(fixed.to_owned()),
                // A machine's own business: it asks for a lease.
                None => (guest.kind == crate::demo::state::GuestKind::Qemu).then(leased),
            };
            Some(Card {
                name: part("name").map_or_else(|| format!("eth{index}"), str::to_owned),
                mac: mac.to_lowercase(),
                addresses: address.into_iter().collect(),
            })
        })
        .collect()
}
