//! System services of the recorded host and of the demo site.

use serde_json::json;

use crate::demo::state::{Map, map};

/// Name, description, and on the recorded host: active state, state, unit state.
const SERVICES: &[(&str, &str, &str, &str, &str)] = &[
    ("chrony", "chrony.service", "inactive", "dead", "not-found"),
    ("corosync", "corosync.service", "inactive", "dead", "masked"),
    ("cron", "cron.service", "inactive", "dead", "masked"),
    ("ksmtuned", "ksmtuned.service", "inactive", "dead", "not-found"),
    ("lxcfs", "FUSE filesystem for LXC", "inactive", "dead", "enabled"),
    ("postfix", "postfix.service", "inactive", "dead", "not-found"),
    ("proxmox-firewall", "proxmox-firewall.service", "inactive", "dead", "not-found"),
    ("pve-cluster", "The Proxmox VE cluster filesystem", "active", "running", "enabled"),
    ("pve-firewall", "pve-firewall.service", "inactive", "dead", "not-found"),
    ("pve-ha-crm", "PVE Cluster HA Resource Manager Daemon", "inactive", "dead", "disabled"),
    ("pve-ha-lrm", "PVE Local HA Resource Manager Daemon", "inactive", "dead", "disabled"),
    ("pve-lxc-syscalld", "pve-lxc-syscalld.service", "inactive", "dead", "not-found"),
    ("pvedaemon", "PVE API Daemon", "active", "running", "enabled"),
    ("pvefw-logger", "pvefw-logger.service", "inactive", "dead", "not-found"),
    ("pveproxy", "PVE API Proxy Server", "active", "running", "enabled"),
    ("pvescheduler", "Proxmox VE scheduler", "active", "running", "enabled"),
    ("pvestatd", "PVE Status Daemon", "active", "running", "enabled"),
    ("qmeventd", "PVE Qemu Event Daemon", "active", "running", "enabled"),
    ("spiceproxy", "PVE SPICE Proxy Server", "inactive", "dead", "disabled"),
    ("sshd", "sshd.service", "inactive", "dead", "masked"),
    ("syslog", "syslog.service", "inactive", "dead", "not-found"),
    ("systemd-journald", "Journal Service", "inactive", "dead", "enabled"),
    ("systemd-timesyncd", "Network Time Synchronization", "inactive", "dead", "enabled"),
];

fn row(name: &str, text: &str, active: &str, state: &str, unit: &str) -> Map {
    map(json!({ "service": name, "name": name, "desc": text, "active-state": active, "state": state, "unit-state": unit }))
}

/// Returns the services of the recorded host.
pub(super) fn recorded() -> Vec<Map> {
    SERVICES.iter().map(|(name, text, active, state, unit)| row(name, text, active, state, unit)).collect()
}

/// Returns the services of the demo site; only a cluster runs corosync.
pub(super) fn of_site(cluster: bool) -> Vec<Map> {
    let idle =
        |name: &str| matches!(name, "pve-lxc-syscalld" | "ksmtuned" | "syslog" | "systemd-timesyncd") || name == "corosync" && !cluster;
    SERVICES
        .iter()
        .map(|(name, text, ..)| match idle(name) {
            true => row(name, text, "inactive", "dead", "disabled"),
            false => row(name, text, "active", "running", "enabled"),
        })
        .collect()
}
