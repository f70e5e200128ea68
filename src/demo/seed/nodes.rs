//! The nodes of the demo site.

use std::fmt::Write;

use serde_json::{Value, json};

use super::parts::GIB;
use super::services;
use crate::demo::state::{Map, Node, map, sha1_hex};

/// Returns a node (`pve1`, `pve2`, …) whose figures depend on its number.
pub(super) fn node(id: u32, cluster: bool, now: i64) -> Node {
    let name = format!("pve{id}");
    let ip = format!("192.0.2.{}", 10 + id);
    let small = id.is_multiple_of(3);
    Node {
        id,
        online: true,
        booted: now - i64::from(12 + 9 * id) * 86_400 - 4711,
        cpus: if small { 8 } else { 16 },
        memory: if small { 32 } else { 64 } * GIB,
        disk: 94 * GIB,
        cpu_load: 0.05 + 0.03 * f64::from(id % 4),
        memory_load: 0.35 + 0.08 * f64::from(id % 5),
        disk_load: 0.18 + 0.04 * f64::from(id % 3),
        timezone: "Europe/Budapest".into(),
        dns: map(json!({ "search": "example.org", "dns1": "192.0.2.1" })),
        hosts: format!("127.0.0.1 localhost.localdomain localhost\n{ip} {name}.example.org {name}\n"),
        network: network(&ip),
        services: services::of_site(cluster),
        disks: disks(id, cluster),
        smart: smart(id),
        syslog: syslog(&name),
        updates: updates(),
        name,
        ip,
        ..Node::default()
    }
}

/// Returns a fingerprint derived from a name, for nodes without a server of their own.
pub(super) fn fingerprint(name: &str) -> String {
    let hex = sha1_hex(name) + &sha1_hex(&sha1_hex(name));
    let mut text = String::new();
    for at in (0..64).step_by(2) {
        let _ = write!(text, "{}{}", if at == 0 { "" } else { ":" }, hex[at..at + 2].to_uppercase());
    }
    text
}

fn network(ip: &str) -> Vec<Map> {
    let port = json!({ "iface": "eno1", "type": "eth", "method": "manual", "method6": "manual", "active": 1, "exists": 1, "families": ["inet"], "priority": 3 });
    let bridge = json!({
        "iface": "vmbr0", "type": "bridge", "method": "static", "method6": "manual", "address": ip, "netmask": "24",
        "cidr": format!("{ip}/24"), "gateway": "192.0.2.1", "bridge_ports": "eno1", "bridge_stp": "off", "bridge_fd": "0", "autostart": 1,
        "active": 1, "families": ["inet"], "priority": 4, "comments": "LAN\n",
    });
    let inner = json!({
        "iface": "vmbr1", "type": "bridge", "method": "manual", "method6": "manual", "bridge_ports": "", "bridge_stp": "off",
        "bridge_fd": "0", "autostart": 1, "active": 1, "families": ["inet"], "priority": 5, "comments": "guests only\n",
    });
    vec![map(port), map(bridge), map(inner)]
}

/// Returns the disks of a node. In a cluster, one is an OSD.
fn disks(id: u32, cluster: bool) -> Vec<Map> {
    let disk = |path: &str, kind: &str, model: &str, serial: String, size: u64, more: Value| {
        let mut disk = map(json!({
            "devpath": path, "type": kind, "model": model, "serial": serial, "size": size, "gpt": 1, "health": "PASSED", "wearout": "N/A",
            "rpm": 0, "vendor": "unknown", "wwn": "unknown", "osdid": -1, "osdid-list": null,
        }));
        disk.extend(map(more));
        disk
    };
    let system = json!({ "used": "LVM", "mounted": 1, "wearout": 96 - id });
    let bulk = json!({ "rpm": 7200, "vendor": "ATA", "used": "ZFS", "health": if id == 3 { "FAILED" } else { "PASSED" } });
    let unused = json!({ "used": "", "gpt": 0 });
    let osd = if cluster { json!({ "used": "LVM", "gpt": 0, "osdid": id - 1, "osdid-list": [id - 1] }) } else { unused.clone() };
    vec![
        disk("/dev/nvme0n1", "nvme", "Samsung SSD 980 PRO 1TB", format!("S5GXNX0R{id:06}"), 1_000_204_886_016, system),
        disk("/dev/sda", "hdd", "WDC WD40EFRX-68N32N0", format!("WD-WCC7K{id:06}"), 4_000_787_030_016, bulk),
        disk("/dev/sdb", "ssd", "Micron_5300_MTFDDAK3T8TDT", format!("2129ABC0{id:05}"), 3_840_755_982_336, osd),
        disk("/dev/sdc", "ssd", "Micron_5300_MTFDDAK3T8TDT", format!("2129ABD0{id:05}"), 3_840_755_982_336, unused),
    ]
}

fn smart(id: u32) -> Map {
    let failing = id == 3;
    let text = format!(
        "\nSMART/Health Information (NVMe Log 0x02)\nCritical Warning:                   0x00\nTemperature:                        {} Celsius\nAvailable Spare:                    100%\nAvailable Spare Threshold:          10%\nPercentage Used:                    {}%\nData Units Written:                 31,415,926 [16.0 TB]\nPower On Hours:                     {}\nUnsafe Shutdowns:                   {}\nMedia and Data Integrity Errors:    0\n",
        36 + id,
        4 + id,
        9_000 + 700 * id,
        3 * id
    );
    let attribute = |number: u32, name: &str, value: u32, threshold: u32, raw: &str| {
        let fail = if value <= threshold && threshold > 0 { "FAILING_NOW" } else { "-" };
        json!({
            "id": format!("{number:3}"), "name": name, "flags": "PO--CK", "value": format!("{value:3}"), "worst": format!("{value:3}"),
            "threshold": format!("{threshold:03}"), "raw": raw, "fail": fail, "normalized": value,
        })
    };
    let (reallocated, pending) = if failing { ("1840", "24") } else { ("0", "0") };
    let attributes = [
        attribute(1, "Raw_Read_Error_Rate", 200, 51, "0"),
        attribute(5, "Reallocated_Sector_Ct", if failing { 120 } else { 200 }, 140, reallocated),
        attribute(9, "Power_On_Hours", 61, 0, "28734"),
        attribute(194, "Temperature_Celsius", 113, 0, "34"),
        attribute(197, "Current_Pending_Sector", 200, 0, pending),
        attribute(199, "UDMA_CRC_Error_Count", 200, 0, "0"),
    ];
    let health = if failing { "FAILED" } else { "PASSED" };
    map(json!({
        "/dev/nvme0n1": { "health": "PASSED", "type": "text", "text": text },
        "/dev/sda": { "health": health, "type": "ata", "attributes": attributes },
    }))
}

fn syslog(name: &str) -> Vec<String> {
    [
        "kernel: Linux version 6.17.2-1-pve (build@proxmox) #1 SMP PREEMPT_DYNAMIC",
        "systemd[1]: Reached target multi-user.target - Multi-User System.",
        "pmxcfs[1021]: [status] notice: members: 1/1021, 2/998, 3/1013",
        "pvedaemon[1312]: starting 3 worker(s)",
        "pveproxy[1344]: starting server",
    ]
    .iter()
    .map(|line| format!("Nov 01 06:00:0{} {name} {line}", line.len() % 10))
    .collect()
}

fn updates() -> Vec<Value> {
    let update = |name: &str, old: &str, new: &str, title: &str| {
        json!({
            "Package": name, "OldVersion": old, "Version": new, "Title": title, "Description": title, "Arch": "amd64", "Section": "admin",
            "Priority": "optional", "Origin": "Proxmox",
        })
    };
    vec![
        update("pve-container", "6.1.10", "6.1.11", "Proxmox VE Container management tool"),
        update("qemu-server", "9.2.6", "9.2.7", "QEMU Server Tools"),
    ]
}
