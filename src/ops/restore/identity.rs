//! Network identity of a guest: MAC addresses, name, static IP addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, Value as Json};

use crate::api::{Form, GuestKind, Property, lenient};

/// The identity in a guest's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// In upper case, in the order of the network devices.
    pub macs: Vec<String>,
    pub name: Option<String>,
    pub addresses: BTreeSet<IpAddr>,
    /// Bridges of the network devices, with their VLAN tags.
    pub bridges: Vec<(String, Option<String>)>,
}

pub fn of(kind: GuestKind, config: &Map<String, Json>) -> Identity {
    let name_key = if kind == GuestKind::Lxc { "hostname" } else { "name" };
    let mut identity = Identity { name: config.get(name_key).and_then(lenient::text), ..Identity::default() };
    for (key, value) in config {
        let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let (Some(text), true) = (lenient::text(value), letters.len() < key.len()) else { continue };
        match (kind, letters) {
            (_, "net") => {
                let Some(form) = Form::of(kind, key) else { continue };
                let card = Property::parse(form, &text);
                identity.macs.extend(card.get(if kind == GuestKind::Lxc { "hwaddr" } else { "macaddr" }).map(str::to_uppercase));
                identity.bridges.extend(card.get("bridge").map(|bridge| (bridge.to_owned(), card.get("tag").map(str::to_owned))));
                addresses(&card, &mut identity.addresses);
            }
            (GuestKind::Qemu, "ipconfig") => addresses(&Property::parse(Form::Plain, &text), &mut identity.addresses),
            _ => {}
        }
    }
    identity
}

/// Collects static addresses; `dhcp`, `auto` and `manual` are skipped.
fn addresses(card: &Property, found: &mut BTreeSet<IpAddr>) {
    for key in ["ip", "ip6"] {
        let address: Option<IpAddr> = card.get(key).and_then(|text| text.split('/').next()).and_then(|text| text.parse().ok());
        found.extend(address);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn identity(kind: GuestKind, config: Json) -> Identity {
        let Json::Object(config) = config else { unreachable!("an object") };
        of(kind, &config)
    }

    #[test]
    fn identities_of_containers_and_vms() {
        let ct = identity(
            GuestKind::Lxc,
            json!({"hostname": "web", "net0": "name=eth0,bridge=vmbr0,hwaddr=bc:24:11:4d:7b:e5,ip=10.10.10.101/24,ip6=auto,type=veth", "memory": 128,
                   "net1": "name=eth1,bridge=lan,tag=7,hwaddr=BC:24:11:00:00:02,ip=dhcp"}),
        );
        assert_eq!((ct.macs, ct.name.as_deref()), (vec!["BC:24:11:4D:7B:E5".to_owned(), "BC:24:11:00:00:02".into()], Some("web")));
        assert_eq!(ct.addresses, ["10.10.10.101".parse().expect("an address")].into());
        assert_eq!(ct.bridges, [("vmbr0".to_owned(), None), ("lan".into(), Some("7".into()))]);
        let vm = identity(
            GuestKind::Qemu,
            json!({"name": "win", "net0": "virtio=BC:24:11:15:20:44,bridge=vmbr0", "ipconfig0": "ip=192.0.2.9/24,gw=192.0.2.1"}),
        );
        assert_eq!((vm.macs, vm.addresses), (vec!["BC:24:11:15:20:44".to_owned()], ["192.0.2.9".parse().expect("an address")].into()));
    }
}
