//! Hardware, QEMU capabilities and storage scans.

use serde_json::{Value, json};

use super::block_devices::of_node;
use super::{volume_groups, zpools};
use crate::demo::api::{Answer, Refusal, Req, Route, cluster};
use crate::demo::state::text;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/hardware/pci", pci),
    ("GET", "/nodes/{node}/hardware/pci/{pci-id-or-mapping}", |_| Ok(json!([{ "method": "mdev" }]).into())),
    ("GET", "/nodes/{node}/hardware/pci/{pci-id-or-mapping}/mdev", empty),
    ("GET", "/nodes/{node}/hardware/usb", empty),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu", cpu),
    ("GET", "/nodes/{node}/capabilities/qemu/cpu-flags", cpu_flags),
    ("GET", "/nodes/{node}/capabilities/qemu/machines", machines),
    ("GET", "/nodes/{node}/capabilities/qemu/migration", |_| Ok(json!({ "has-dbus-vmstate": true }).into())),
    ("GET", "/nodes/{node}/scan/cifs", empty),
    ("GET", "/nodes/{node}/scan/iscsi", empty),
    ("GET", "/nodes/{node}/scan/lvm", scan_lvm),
    ("GET", "/nodes/{node}/scan/lvmthin", scan_thin),
    ("GET", "/nodes/{node}/scan/pbs", empty),
    ("GET", "/nodes/{node}/scan/nfs", scan_nfs),
    ("GET", "/nodes/{node}/scan/zfs", scan_zfs),
];

fn empty(_: &mut Req<'_>) -> Answer {
    Ok(json!([]).into())
}

fn pci(_: &mut Req<'_>) -> Answer {
    let devices = [
        ("0000:00:01.0", "0xffff00", "0x1045", "Virtio 1.0 balloon"),
        ("0000:00:02.0", "0x018000", "0x1042", "Virtio 1.0 block device"),
        ("0000:00:03.0", "0x020000", "0x1041", "Virtio 1.0 network device"),
        ("0000:00:04.0", "0xffff00", "0x1053", "Virtio 1.0 socket"),
        ("0000:00:05.0", "0xffff00", "0x1044", "Virtio 1.0 RNG"),
    ];
    let rows = devices.map(|(id, class, device, name)| {
        json!({
            "id": id, "class": class, "device": device, "device_name": name, "vendor": "0x1af4", "vendor_name": "Red Hat, Inc.",
            "subsystem_vendor": "0x1af4", "subsystem_vendor_name": "Red Hat, Inc.", "subsystem_device": device, "iommugroup": -1,
        })
    });
    Ok(Value::Array(rows.to_vec()).into())
}

/// CPU models, by vendor.
const CPU_MODELS: &[(&str, &str)] = &[
    (
        "GenuineIntel",
        "486 pentium pentium2 pentium3 coreduo core2duo Conroe Penryn Nehalem Nehalem-IBRS Westmere Westmere-IBRS SandyBridge \
SandyBridge-IBRS IvyBridge IvyBridge-IBRS Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS Broadwell Broadwell-IBRS \
Broadwell-noTSX Broadwell-noTSX-IBRS Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4 Skylake-Server \
Skylake-Server-IBRS Skylake-Server-noTSX-IBRS Skylake-Server-v4 Skylake-Server-v5 Cascadelake-Server Cascadelake-Server-v2 \
Cascadelake-Server-noTSX Cascadelake-Server-v4 Cascadelake-Server-v5 Cooperlake Cooperlake-v2 KnightsMill Icelake-Client \
Icelake-Client-noTSX Icelake-Server Icelake-Server-noTSX Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5 Icelake-Server-v6 \
SapphireRapids SapphireRapids-v2 SapphireRapids-v3 SapphireRapids-v4 GraniteRapids SierraForest ClearwaterForest",
    ),
    (
        "AuthenticAMD",
        "athlon phenom Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 EPYC EPYC-IBPB EPYC-v3 EPYC-v4 EPYC-Rome EPYC-Rome-v2 \
EPYC-Rome-v3 EPYC-Rome-v4 EPYC-Milan EPYC-Milan-v2 EPYC-Milan-v3 EPYC-Genoa EPYC-Genoa-v2",
    ),
    ("default", "host kvm32 kvm64 qemu32 qemu64 max x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4"),
];

fn cpu(req: &mut Req<'_>) -> Answer {
    let of =
        |(vendor, names): &'static (&str, &str)| names.split(' ').map(move |name| json!({ "name": name, "vendor": vendor, "custom": 0 }));
    let visible = |id: &&String| req.may_any(&format!("/mapping/cpu/{id}"), &["Mapping.Modify", "Mapping.Use", "Mapping.Audit"]);
    let custom = req.state.section(cluster::CPU_MODELS).map(|(id, _)| id).filter(visible);
    let custom = custom.map(|id| json!({ "name": format!("custom-{id}"), "vendor": "default", "custom": 1 }));
    Ok(CPU_MODELS.iter().flat_map(of).chain(custom).collect::<Value>().into())
}

fn cpu_flags(_: &mut Req<'_>) -> Answer {
    let flags = [
        ("nested-virt", "Controls nested virtualization, namely 'svm' for AMD CPUs and 'vmx' for Intel CPUs."),
        ("aes", "Activate AES instruction set for HW acceleration."),
        ("amd-no-ssb", "Notifies guest OS that host is not vulnerable for Spectre on AMD CPUs."),
        ("amd-ssbd", "Improves Spectre mitigation performance with AMD CPUs."),
        ("hv-evmcs", "Improve performance for nested virtualization."),
        ("hv-tlbflush", "Improve performance in overcommitted Windows guests."),
        ("ibpb", "Allows improved Spectre mitigation with AMD CPUs."),
        ("md-clear", "Required to let the guest OS know if MDS is mitigated correctly."),
        ("pcid", "Meltdown fix cost reduction on Westmere, Sandy- and IvyBridge Intel CPUs."),
        ("pdpe1gb", "Allow guest OS to use 1GB size pages, if host HW supports it."),
        ("spec-ctrl", "Allows improved Spectre mitigation with Intel CPUs."),
        ("ssbd", "Protection for 'Speculative Store Bypass' for Intel models."),
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

fn scan_lvm(req: &mut Req<'_>) -> Answer {
    Ok(of_node(req, volume_groups::GROUPS).map(|(name, _)| json!({ "vg": name })).collect::<Value>().into())
}

fn scan_thin(req: &mut Req<'_>) -> Answer {
    let vg = req.params.text("vg");
    let rows =
        of_node(req, volume_groups::POOLS).filter(|(_, pool)| text(pool, "vg") == vg).map(|(_, pool)| json!({ "lv": text(pool, "lv") }));
    Ok(rows.collect::<Value>().into())
}

fn scan_zfs(req: &mut Req<'_>) -> Answer {
    if req.state.sections.contains_key(zpools::POOLS) {
        return Ok(of_node(req, zpools::POOLS).map(|(name, _)| json!({ "pool": name })).collect::<Value>().into());
    }
    let command = "zfs list -t filesystem -Hp -o name,avail,used";
    Err(Refusal::die(format!(
        "command '{command}' failed: open3: exec of {command} failed: No such file or directory at /usr/share/perl5/PVE/Cmd.pm line 174."
    )))
}
