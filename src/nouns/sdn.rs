//! Software-defined networks. What is created here takes effect with `felhom sdn apply`.

use super::{Noun, noun};
use crate::api::Risk::Disruptive;

pub static ZONE: Noun = noun("sdn zone", "zone", "zones", "/cluster/sdn/zones")
    .key("zone")
    .list(&["zone", "type", "bridge", "mtu", "nodes:list", "ipam:wide", "state:state,wide"])
    .example("felhom sdn zone list")
    .show(&["type", "bridge", "tag", "mtu", "nodes:list", "ipam", "dns"])
    .example("felhom sdn zone show lab")
    .create()
    .example("felhom sdn zone create lab --type simple")
    .set()
    .example("felhom sdn zone set lab --mtu 1450")
    .delete()
    .example("felhom sdn zone delete lab --confirm lab");

pub static VNET: Noun = noun("sdn vnet", "VNet", "VNets", "/cluster/sdn/vnets")
    .key("vnet")
    .list(&["vnet", "zone", "tag", "alias:flex", "vlanaware:flag,wide", "state:state,wide"])
    .example("felhom sdn vnet list")
    .show(&["zone", "tag", "alias", "vlanaware:flag"])
    .example("felhom sdn vnet show net1")
    .create()
    .example("felhom sdn vnet create net1 --zone lab --alias 'lab guests'")
    .set()
    .example("felhom sdn vnet set net1 --zone lab --alias 'lab'")
    .delete()
    .example("felhom sdn vnet delete net1 --confirm net1");

pub static SUBNET: Noun = noun("sdn subnet", "subnet", "subnets", "/cluster/sdn/vnets/{vnet}/subnets")
    .key("subnet")
    .list(&["subnet", "cidr", "gateway", "snat:flag", "dnszoneprefix:wide"])
    .example("felhom sdn subnet list net1")
    .show(&["cidr", "gateway", "snat:flag", "zone"])
    .example("felhom sdn subnet show net1 lab-198.51.100.0-24")
    .create()
    .fixed(&[("type", "subnet")])
    .example("felhom sdn subnet create net1 198.51.100.0/24 --gateway 198.51.100.1")
    .set()
    .example("felhom sdn subnet set net1 lab-198.51.100.0-24 --gateway 198.51.100.2")
    .delete()
    .example("felhom sdn subnet delete net1 lab-198.51.100.0-24 --confirm lab-198.51.100.0-24");

pub static CONTROLLER: Noun = noun("sdn controller", "controller", "controllers", "/cluster/sdn/controllers")
    .key("controller")
    .list(&["controller", "type", "asn", "peers:list,flex", "node", "state:state,wide"])
    .example("felhom sdn controller list")
    .show(&["type", "asn", "peers:list", "node"])
    .example("felhom sdn controller show evpn1")
    .create()
    .example("felhom sdn controller create evpn1 --type evpn --asn 65000 --peers 192.0.2.11,192.0.2.12")
    .set()
    .example("felhom sdn controller set evpn1 --asn 65001")
    .delete()
    .example("felhom sdn controller delete evpn1 --confirm evpn1");

pub static IPAM: Noun = noun("sdn ipam", "IPAM", "IPAMs", "/cluster/sdn/ipams")
    .key("ipam")
    .list(&["ipam", "type", "url:flex"])
    .example("felhom sdn ipam list")
    .show(&["type", "url"])
    .example("felhom sdn ipam show pve");

pub static DNS: Noun = noun("sdn dns", "DNS server", "DNS servers", "/cluster/sdn/dns")
    .key("dns")
    .list(&["dns", "type", "url:flex"])
    .example("felhom sdn dns list");

pub static SDN: Noun = noun("sdn", "network", "networks", "/cluster/sdn")
    .other_list("status", &["zone", "status:state"])
    .at("/nodes/{node}/sdn/zones")
    .about("Show the state of the zones on each node")
    .example("felhom sdn status")
    .post("rollback", Disruptive)
    .without(&["lock-token", "release-lock"])
    .about("Discard pending SDN changes")
    .example("felhom sdn rollback --yes");
