//! The firewall of the cluster, a node, a guest, a VNet, and of security groups.

use super::{Noun, Scope, noun};
use crate::api::Method::{Delete, Put};
use crate::api::Risk::Disruptive;

const CLUSTER: Scope = Scope { flag: "cluster", path: "/cluster/firewall" };
const NODE: Scope = Scope { flag: "node", path: "/nodes/{node}/firewall" };
const GUEST: Scope = Scope { flag: "guest", path: "/nodes/{node}/{guest}/firewall" };
const VNET: Scope = Scope { flag: "vnet", path: "/cluster/sdn/vnets/{vnet}/firewall" };

/// Where rules are.
const RULES: &[Scope] = &[
    Scope { flag: "cluster", path: "/cluster/firewall/rules" },
    Scope { flag: "node", path: "/nodes/{node}/firewall/rules" },
    Scope { flag: "guest", path: "/nodes/{node}/{guest}/firewall/rules" },
    Scope { flag: "vnet", path: "/cluster/sdn/vnets/{vnet}/firewall/rules" },
    Scope { flag: "group", path: "/cluster/firewall/groups/{group}" },
];

pub static OPTIONS: Noun = noun("firewall options", "firewall option", "firewall options", "{scope}/options")
    .scopes(&[CLUSTER, NODE, GUEST, VNET])
    .show(&["enable:flag", "policy_in", "policy_out", "policy_forward"])
    .about("Show firewall options")
    .example("felhom firewall options show --guest 101")
    .set()
    .risk(Disruptive)
    .about("Set firewall options")
    .example("felhom firewall options set --guest 101 --policy-in DROP");

pub static RULE: Noun = noun("firewall rule", "firewall rule", "firewall rules", "{scope}")
    .key("pos")
    .scopes(RULES)
    .list(&["pos", "enable:flag", "type", "action", "source:flex", "dest:flex", "proto", "dport", "comment:flex"])
    .example("felhom firewall rule list --guest 101")
    .show(&["enable:flag", "type", "action", "macro", "iface", "source", "dest", "proto", "sport", "dport", "log", "comment"])
    .example("felhom firewall rule show 0 --guest 101")
    .create()
    .named("add")
    .without(&["pos"])
    .risk(Disruptive)
    .example("felhom firewall rule add --guest 101 --type in --action ACCEPT --proto tcp --dport 22 --yes")
    .set()
    .without(&["moveto"])
    .risk(Disruptive)
    .example("felhom firewall rule set 0 --guest 101 --comment 'ssh'")
    .action("move", Disruptive)
    .by(Put)
    .on_object()
    .only(&["moveto"])
    .about("Move a firewall rule before another position")
    .example("felhom firewall rule move 0 --guest 101 --moveto 1 --yes")
    .action("enable", Disruptive)
    .by(Put)
    .on_object()
    .only(&["pos"])
    .fixed(&[("enable", "1")])
    .example("felhom firewall rule enable 0 --guest 101 --yes")
    .action("disable", Disruptive)
    .by(Put)
    .on_object()
    .only(&["pos"])
    .fixed(&[("enable", "0")])
    .example("felhom firewall rule disable 0 --guest 101 --yes")
    .action("remove", Disruptive)
    .by(Delete)
    .on_object()
    .example("felhom firewall rule remove 0 --guest 101 --yes");

pub static GROUP: Noun = noun("firewall group", "security group", "security groups", "/cluster/firewall/groups")
    .key("group")
    .list(&["group", "comment:flex"])
    .example("felhom firewall group list")
    .create()
    .without(&["rename"])
    .example("felhom firewall group create webserver --comment 'HTTP and HTTPS'")
    .delete()
    .example("felhom firewall group delete webserver --confirm webserver");

pub static IPSET: Noun = noun("firewall ipset", "IP set", "IP sets", "{scope}/ipset")
    .key("name")
    .scopes(&[CLUSTER, GUEST])
    .list(&["name", "comment:flex"])
    .example("felhom firewall ipset list --cluster")
    .create()
    .without(&["rename"])
    .example("felhom firewall ipset create office --cluster --comment 'office network'")
    .delete()
    .example("felhom firewall ipset delete office --cluster --confirm office --ipset-force");

pub static ENTRY: Noun = noun("firewall ipset entry", "IP set entry", "IP set entries", "{scope}/ipset/{name}")
    .key("cidr")
    .scopes(&[CLUSTER, GUEST])
    .list(&["cidr", "nomatch:flag", "comment:flex"])
    .example("felhom firewall ipset entry list office --cluster")
    .show(&["cidr", "nomatch:flag", "comment"])
    .example("felhom firewall ipset entry show office 192.0.2.64/26 --cluster")
    .create()
    .named("add")
    .risk(Disruptive)
    .example("felhom firewall ipset entry add office 192.0.2.64/26 --cluster --yes")
    .set()
    .example("felhom firewall ipset entry set office 192.0.2.64/26 --cluster --comment 'second floor'")
    .delete()
    .named("remove")
    .risk(Disruptive)
    .example("felhom firewall ipset entry remove office 192.0.2.64/26 --cluster --yes");

pub static ALIAS: Noun = noun("firewall alias", "alias", "aliases", "{scope}/aliases")
    .key("name")
    .scopes(&[CLUSTER, GUEST])
    .list(&["name", "cidr", "comment:flex"])
    .example("felhom firewall alias list --cluster")
    .show(&["cidr", "comment"])
    .example("felhom firewall alias show nas --cluster")
    .create()
    .example("felhom firewall alias create nas --cidr 192.0.2.5 --cluster")
    .set()
    .without(&["rename"])
    .example("felhom firewall alias set nas --cluster --cidr 192.0.2.6")
    .delete()
    .example("felhom firewall alias delete nas --cluster --confirm nas");

pub static REF: Noun = noun("firewall", "firewall", "firewalls", "{scope}")
    .scopes(&[CLUSTER, GUEST])
    .other_list("refs", &["type", "name", "ref", "comment:flex"])
    .about("List aliases and IP sets that rules can use")
    .example("felhom firewall refs --cluster");

pub static LOG: Noun = noun("firewall", "firewall", "firewalls", "{scope}")
    .scopes(&[NODE, GUEST])
    .text("log")
    .about("Print the firewall log")
    .example("felhom firewall log --node pve1");

pub static MACRO: Noun = noun("firewall", "firewall", "firewalls", "/cluster/firewall")
    .other_list("macros", &["macro", "descr=DESCRIPTION:flex"])
    .about("List firewall macros")
    .example("felhom firewall macros");
