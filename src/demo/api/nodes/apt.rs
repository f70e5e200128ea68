//! Packages.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Req, Route};
use crate::demo::state::sha1_hex;
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/apt/update", updates),
    ("POST", "/nodes/{node}/apt/update", refresh),
    ("GET", "/nodes/{node}/apt/versions", versions),
    ("GET", "/nodes/{node}/apt/repositories", repositories),
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
        ("proxmox-ve", "9.2.0", "The Proxmox Virtual Environment"),
        ("pve-manager", "9.2.11", "Proxmox Virtual Environment Management Tools"),
        ("qemu-server", "9.2.6", "QEMU Server Tools"),
        ("pve-container", "6.1.10", "Proxmox VE Container management tool"),
        ("libpve-storage-perl", "9.1.7", "Proxmox VE storage management library"),
        ("libpve-access-control", "9.1.1", "Proxmox VE access control library"),
        ("pve-ha-manager", "5.1.1", "Proxmox VE HA Manager"),
        ("pve-qemu-kvm", "10.1.2-4", "Full virtualization on x86 hardware"),
    ];
    let rows = packages.map(|(name, version, title)| {
        json!({
            "Package": name, "Version": version, "OldVersion": version, "Title": title, "Description": title, "CurrentState": "Installed",
            "Arch": "amd64", "Section": "admin", "Priority": "optional", "Origin": "Proxmox",
        })
    });
    Ok(Value::Array(rows.to_vec()).into())
}

fn repositories(_: &mut Req<'_>) -> Answer {
    let path = "/etc/apt/sources.list.d/debian.sources";
    let entry = json!({
        "Enabled": 1, "FileType": "sources", "Types": ["deb"], "URIs": ["http://deb.debian.org/debian/"],
        "Suites": ["trixie", "trixie-updates"], "Components": ["main", "contrib"],
    });
    let digest: Vec<u8> = sha1_hex(path).bytes().take(32).collect();
    Ok(json!({
        "digest": sha1_hex("repositories"), "errors": [],
        "files": [{ "path": path, "file-type": "sources", "digest": digest, "repositories": [entry] }],
        "infos": [{ "path": path, "index": 0, "kind": "origin", "message": "Debian" }],
        "standard-repos": [
            { "handle": "enterprise", "name": "Enterprise", "description": "The stable repository for subscribers." },
            { "handle": "no-subscription", "name": "No-Subscription", "description": "For testing and use without a subscription." },
            { "handle": "test", "name": "Test", "description": "The latest packages, for test labs." },
        ],
    })
    .into())
}
