//! Hardware, what a machine can emulate, and what a scan finds.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/hardware/pci", pci),
    ("GET", "/nodes/{node}/hardware/usb", empty),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu", cpu),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu-flags", cpu_flags),
    ("GET", "/nodes/{node}/capabilities/qemu/machines", machines),
    ("GET", "/nodes/{node}/capabilities/qemu/migration", |_| Ok(json!({ "has-dbus-vmstate": true }).into())),
    ("GET", "/nodes/{node}/scan/cifs", empty),
    ("GET", "/nodes/{node}/scan/iscsi", empty),
    ("GET", "/nodes/{node}/scan/lvm", empty),
    ("GET", "/nodes/{node}/scan/lvmthin", empty),
    ("GET", "/nodes/{node}/scan/pbs", empty),
    ("GET", "/nodes/{node}/scan/nfs", scan_nfs),
    ("GET", "/nodes/{node}/scan/zfs", scan_zfs),
];

fn empty(_: &mut Req<'_>) -> Answer {
    Ok(json!([]).into())
}

fn pci(_: &mut Req<'_>) -> Answer {
    Ok(json!([{
        "id": "0000:01:00.0", "class": "0x020000", "vendor": "0x8086", "vendor_name": "Intel Corporation", "device": "0x1521",
        "device_name": "I350 Gigabit Network Connection", "subsystem_vendor": "0x8086", "subsystem_vendor_name": "Intel Corporation",
        "subsystem_device": "0x0001", "iommugroup": 14,
    }])
    .into())
}

fn cpu(_: &mut Req<'_>) -> Answer {
    let models = [
        ("host", "default"),
        ("kvm64", "default"),
        ("qemu64", "default"),
        ("max", "default"),
        ("x86-64-v2", "default"),
        ("x86-64-v2-AES", "default"),
        ("x86-64-v3", "default"),
        ("x86-64-v4", "default"),
        ("EPYC", "AuthenticAMD"),
        ("EPYC-Milan", "AuthenticAMD"),
        ("EPYC-Genoa", "AuthenticAMD"),
        ("Skylake-Server", "GenuineIntel"),
        ("Icelake-Server", "GenuineIntel"),
        ("SapphireRapids", "GenuineIntel"),
    ];
    let rows = models.map(|(name, vendor)| json!({ "name": name, "vendor": vendor, "custom": 0 }));
    Ok(Value::Array(rows.to_vec()).into())
}

fn cpu_flags(_: &mut Req<'_>) -> Answer {
    let flags = [
        ("aes", "Activate AES instruction set for HW acceleration."),
        ("pdpe1gb", "Allow guest OS to use 1GB size pages, if host HW supports it."),
    ];
    let rows = flags.map(|(name, description)| json!({ "name": name, "description": description, "supported-on": [] }));
    Ok(Value::Array(rows.to_vec()).into())
}

fn machines(_: &mut Req<'_>) -> Answer {
    let versions = [
        ("i440fx", "pc-i440fx-10.1", "10.1"),
        ("q35", "pc-q35-10.1", "10.1"),
        ("i440fx", "pc-i440fx-10.0", "10.0"),
        ("q35", "pc-q35-10.0", "10.0"),
    ];
    let rows = versions.map(|(kind, id, version)| json!({ "id": id, "type": kind, "version": version }));
    Ok(Value::Array(rows.to_vec()).into())
}

fn scan_nfs(req: &mut Req<'_>) -> Answer {
    let server = req.params.text("server");
    Err(Refusal::die(format!("command '/sbin/showmount --no-headers --exports {server}' failed: exit code 1")))
}

fn scan_zfs(_: &mut Req<'_>) -> Answer {
    let command = "zfs list -t filesystem -Hp -o name,avail,used";
    Err(Refusal::die(format!(
        "command '{command}' failed: open3: exec of {command} failed: No such file or directory at /usr/share/perl5/PVE/Cmd.pm line 174."
    )))
}
