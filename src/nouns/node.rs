//! Nodes: services, network, time and names, packages, disks, hardware, logs.

use super::{Noun, noun};
use crate::api::Method::Delete;
use crate::api::Risk::{Disruptive, Safe};

pub static SERVICE: Noun = noun("node service", "service", "services", "/nodes/{node}/services")
    .key("service")
    .list(&["service", "state:state", "unit-state=UNIT", "desc=DESCRIPTION:flex"])
    .example("felhom node service list --node pve1")
    .show(&["name", "state:state", "active-state", "unit-state", "desc"])
    .below("state")
    .example("felhom node service show chrony --node pve1")
    .action("start", Safe)
    .task("srvstart")
    .example("felhom node service start chrony --node pve1")
    .action("stop", Disruptive)
    .task("srvstop")
    .example("felhom node service stop chrony --node pve1 --yes")
    .action("restart", Disruptive)
    .task("srvrestart")
    .example("felhom node service restart chrony --node pve1 --yes")
    .action("reload", Safe)
    .task("srvreload")
    .example("felhom node service reload chrony --node pve1");

pub static NETWORK: Noun = noun("node network", "network interface", "network interfaces", "/nodes/{node}/network")
    .key("iface")
    .list(&["iface", "type", "active:flag", "autostart:flag", "cidr", "gateway", "bridge_ports=PORTS", "comments:flex"])
    .example("felhom node network list --node pve1")
    .show(&["type", "active:flag", "autostart:flag", "cidr", "gateway", "bridge_ports", "comments"])
    .example("felhom node network show vmbr0 --node pve1")
    .create()
    .example("felhom node network create vmbr9 --type bridge --node pve1 --autostart")
    .set()
    .example("felhom node network set vmbr9 --type bridge --node pve1 --comments 'lab'")
    .delete()
    .example("felhom node network delete vmbr9 --node pve1 --confirm vmbr9")
    .put("apply", Disruptive)
    .task("srvreload")
    .without(&["skip_frr"])
    .about("Apply pending network changes")
    .example("felhom node network apply --node pve1 --yes")
    .post("revert", Safe)
    .by(Delete)
    .on_collection()
    .about("Discard pending network changes")
    .example("felhom node network revert --node pve1");

pub static DNS: Noun = noun("node dns", "DNS setting", "DNS settings", "/nodes/{node}/dns")
    .show(&["search", "dns1", "dns2", "dns3"])
    .about("Show a node's DNS servers")
    .example("felhom node dns show --node pve1")
    .set()
    .about("Set a node's DNS servers")
    .example("felhom node dns set --node pve1 --search example.org --dns1 192.0.2.2");

pub static TIME: Noun = noun("node time", "time setting", "time settings", "/nodes/{node}/time")
    .show(&["timezone", "time:time", "localtime:hidden"])
    .about("Show a node's time and time zone")
    .example("felhom node time show --node pve1")
    .set()
    .about("Set a node's time zone")
    .example("felhom node time set --node pve1 --timezone Europe/Berlin");

pub static CONFIG: Noun = noun("node config", "node option", "node options", "/nodes/{node}/config")
    .show(&["description", "wakeonlan", "startall-onboot-delay", "ballooning-target"])
    .about("Show a node's options")
    .example("felhom node config show --node pve1")
    .set()
    .about("Set a node's options")
    .example("felhom node config set --node pve1 --startall-onboot-delay 10");

pub static UPDATE: Noun = noun("node update", "update", "updates", "/nodes/{node}/apt")
    .other_list("list", &["Package", "OldVersion=INSTALLED", "Version=AVAILABLE", "Origin:wide", "Title:flex"])
    .at("/nodes/{node}/apt/update")
    .example("felhom node update list --node pve1")
    .post("refresh", Safe)
    .at("/nodes/{node}/apt/update")
    .task("aptupdate")
    .about("Refresh the package lists of a node")
    .example("felhom node update refresh --node pve1")
    .other_list("versions", &["Package", "Version", "CurrentState=STATE", "Title:flex", "Origin:wide"])
    .about("List versions of Proxmox packages")
    .example("felhom node update versions --node pve1")
    .text("changelog")
    .args(&["name"])
    .about("Print the changelog of a package")
    .example("felhom node update changelog pve-container --node pve1");

pub static DISK: Noun = noun("node disk", "disk", "disks", "/nodes/{node}/disks")
    .other_list("list", &["devpath=DISK", "type", "size:bytes", "model:flex", "serial", "used", "health:state", "wearout:wide"])
    .example("felhom node disk list --node pve1");

pub static DIRECTORY: Noun = noun("node directory", "mounted directory", "mounted directories", "/nodes/{node}/disks/directory")
    .list(&["path", "device:flex", "type", "options:wide", "unitfile:wide"])
    .example("felhom node directory list --node pve1");

pub static LVMTHIN: Noun = noun("node lvmthin", "LVM thin pool", "LVM thin pools", "/nodes/{node}/disks/lvmthin")
    .list(&["lv", "vg", "lv_size=SIZE:bytes", "used:bytes", "metadata_size:bytes,wide", "metadata_used:bytes,wide"])
    .example("felhom node lvmthin list --node pve1");

pub static HARDWARE: Noun = noun("node hardware", "device", "devices", "/nodes/{node}/hardware")
    .other_list("pci", &["id", "class:wide", "vendor_name=VENDOR:flex", "device_name=DEVICE:flex", "iommugroup=IOMMU"])
    .about("List PCI devices of a node")
    .example("felhom node hardware pci --node pve1")
    .other_list("usb", &["busnum=BUS", "devnum=DEVICE", "vendid=VENDOR", "prodid=PRODUCT", "product=NAME:flex", "speed:wide"])
    .about("List USB devices of a node")
    .example("felhom node hardware usb --node pve1");

pub static CAPABILITIES: Noun = noun("node capabilities", "capability", "capabilities", "/nodes/{node}/capabilities/qemu")
    .other_list("cpu", &["name", "vendor", "custom:flag"])
    .about("List CPU models that VMs can use")
    .example("felhom node capabilities cpu --node pve1")
    .other_list("machines", &["id", "type", "version"])
    .about("List machine types that VMs can use")
    .example("felhom node capabilities machines --node pve1");

pub static HOSTS: Noun = noun("node hosts", "hosts file", "hosts files", "/nodes/{node}/hosts")
    .show(&["data", "digest:hidden"])
    .about("Show a node's /etc/hosts")
    .example("felhom node hosts show --node pve1");

pub static NODE: Noun = noun("node", "node", "nodes", "/nodes/{node}")
    .text("syslog")
    .about("Print the system log of a node")
    .example("felhom node syslog --node pve1 --limit 20")
    .text("journal")
    .about("Print the systemd journal of a node")
    .example("felhom node journal --node pve1 --lastentries 20")
    .text("report")
    .about("Print a node's system report")
    .example("felhom node report --node pve1")
    .other_list("netstat", &["vmid", "dev=DEVICE", "in:bytes", "out:bytes"])
    .about("Show network traffic of the guests on a node")
    .example("felhom node netstat --node pve1")
    .post("wake", Safe)
    .at("/nodes/{node}/wakeonlan")
    .about("Wake a node over the network")
    .example("felhom node wake --node pve2");

pub static SUBSCRIPTION: Noun = noun("node subscription", "subscription", "subscriptions", "/nodes/{node}/subscription")
    .show(&["status:state", "productname", "key", "level", "regdate", "nextduedate", "message"])
    .about("Show a node's subscription")
    .example("felhom node subscription show --node pve1");
