//! Packages.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Req, Route};
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/apt/update", updates),
    ("POST", "/nodes/{node}/apt/update", refresh),
    ("GET", "/nodes/{node}/apt/versions", versions),
    ("GET", "/nodes/{node}/apt/changelog", |_| Ok(json!("").into())),
];

fn updates(req: &mut Req<'_>) -> Answer {
    Ok(Value::Array(the_node(req).updates.clone()).into())
}

fn refresh(req: &mut Req<'_>) -> Answer {
    let spec = TaskSpec::new("aptupdate", "")
        .log("starting apt-get update")
        .takes(2.0)
        .log("Hit:1 http://deb.debian.org/debian trixie InRelease")
        .takes(1.0)
        .log("Reading package lists...");
    req.start(spec.ok())
}

fn versions(_: &mut Req<'_>) -> Answer {
    let packages = [
        ("ceph-fuse", "18.2.7+ds-1+deb13u1", "FUSE-based client for the Ceph distributed file system", "Debian", false),
        ("corosync", "3.1.9-2+deb13u1", "cluster engine daemon and utilities", "Debian", true),
        ("ifupdown2", "3.0.0-1.3", "Network Interface Management tool", "Debian", true),
        ("libspice-server1", "0.15.2-1+b1", "Implements the server side of the SPICE protocol", "Debian", false),
        ("lvm2", "2.03.31-2", "Linux Logical Volume Manager", "Debian", true),
        ("lxcfs", "6.0.4-1+deb13u1", "FUSE based filesystem for LXC", "Debian", true),
        ("smartmontools", "7.4-3", "control and monitor storage systems using S.M.A.R.T.", "Debian", true),
        ("swtpm", "0.7.1-1.5", "Libtpms-based TPM emulator", "Debian", true),
        ("pve-manager", "9.2.11", "Proxmox Virtual Environment Management Tools", "Proxmox", true),
        ("qemu-server", "9.2.6", "QEMU Server Tools", "Proxmox", true),
        ("pve-container", "6.1.10", "Proxmox VE Container management tool", "Proxmox", true),
        ("libpve-storage-perl", "9.1.7", "Proxmox VE storage management library", "Proxmox", true),
        ("libpve-access-control", "9.1.1", "Proxmox VE access control library", "Proxmox", true),
    ];
    let rows = packages.map(|(name, version, title, origin, installed)| {
        let mut row = json!({
            "Package": name, "Version": version, "Title": title, "Description": title, "Arch": "amd64", "Section": "admin",
            "Priority": "optional", "Origin": origin, "CurrentState": if installed { "Installed" } else { "NotInstalled" },
        });
        if installed {
            row["OldVersion"] = version.into();
        }
        row
    });
    Ok(Value::Array(rows.to_vec()).into())
}
