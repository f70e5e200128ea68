//! Refusals about guests, backups, jobs and nodes.

use felhom::demo::faults::{Fault, Trouble};
use serde_json::json;

use super::Said;
use crate::backup::{add_storage, set};
use crate::support::Host;

const TEMPLATE: &str = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
const NO_QUORUM: &str = r#"{"data":[{"type":"cluster","name":"demo","nodes":2,"quorate":0,"version":2},{"type":"node","name":"pve1","online":1,"local":1},{"type":"node","name":"pve2","online":0}]}"#;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

fn under_ha(host: &Host, guest: &str) {
    let entry = json!({"state": "started"});
    host.with_state(|state| state.ha.resources.insert(guest.into(), entry.as_object().unwrap().clone())).unwrap();
}

pub fn power_and_settings(said: &mut Said) {
    let host = root();
    host.run(["snapshot", "create", "101", "before-update"]).ok();
    set(&host, 110, "mp3", "/srv/data,mp=/data");
    (0..256).for_each(|n| set(&host, 111, &format!("mp{n}"), "local-lvm:vm-111-disk-9,mp=/x,size=1G"));
    set(&host, 102, "unused0", "local-lvm:vm-102-disk-8");
    under_ha(&host, "vm:202");
    set(&host, 201, "agent", "0");
    for words in [
        &["guest", "suspend", "202"][..],
        &["guest", "resume", "202"],
        &["guest", "start", "120"],
        &["guest", "start", "900"],
        &["guest", "stop", "110"],
        &["guest", "stop", "101", "--read-only"],
        &["guest", "delete", "101", "--confirm", "101"],
        &["guest", "delete", "102", "--confirm", "102"],
        &["guest", "delete", "202", "--confirm", "202"],
        &["guest", "delete", "900"],
        &["guest", "delete", "900", "--confirm", "901"],
        &["guest", "clone", "900", "--vmid", "101"],
        &["guest", "clone", "204", "--linked"],
        &["guest", "clone", "110"],
        &["guest", "create", "lxc", TEMPLATE, "--vmid", "101", "--node", "pve1", "--hostname", "x", "--storage", "local-lvm"],
        &["guest", "mountpoint", "add", "102", "--volume", "local-lvm:1", "--path", "/srv/dumps"],
        &["guest", "mountpoint", "add", "102", "--volume", "local-lvm:1", "--path", "/x", "--mp", "mp0"],
        &["guest", "mountpoint", "add", "102", "--volume", "local:1", "--path", "/x"],
        &["guest", "mountpoint", "add", "111", "--volume", "local-lvm:1", "--path", "/y"],
        &["guest", "disk", "attach", "102", "mp0", "--path", "/y"],
        &["guest", "disk", "detach", "102", "rootfs"],
        &["guest", "disk", "detach", "102", "unused0"],
        &["guest", "disk", "delete", "102", "mp0"],
        &["guest", "disk", "resize", "102", "rootfs", "1M"],
        &["guest", "disk", "resize", "102", "unused0", "8G"],
        &["guest", "disk", "move", "102", "rootfs", "nas"],
        &["guest", "disk", "move", "110", "mp3", "nas"],
        &["guest", "disk", "move", "102", "unused0", "nas"],
        &["guest", "disk", "move", "9000", "scsi0", "--to-guest", "202"],
        &["guest", "disk", "move", "203", "scsi0", "--to-guest", "204", "--as", "scsi0"],
        &["guest", "exec", "201", "--", "id"],
        &["guest", "exec", "202", "--", "id"],
        &["guest", "set", "102", "protection=0"],
        &["snapshot", "create", "101", "before-update"],
        &["snapshot", "create", "110", "x1"],
        &["snapshot", "create", "900", "x1"],
        &["snapshot", "create", "201", "pending"],
        &["snapshot", "rollback", "101", "before-update"],
        &["node", "reboot", "pve1"],
    ] {
        said.refused(&host, words);
    }
}

pub fn migrations(said: &mut Said) {
    let host = root();
    said.refused(&host, &["guest", "migrate", "110", "pve3"]);
    host.with_state(|state| state.storages.get_mut("local-lvm").unwrap().config.insert("nodes".into(), "pve1".into())).unwrap();
    said.refused(&host, &["guest", "migrate", "110", "pve3", "--restart"]);
    said.refused(&host, &["node", "drain", "pve1", "--restart", "--force"]);
    host.with_state(|state| state.nodes.get_mut("pve2").unwrap().online = false).unwrap();
    said.refused(&host, &["node", "drain", "pve1", "--to", "pve2"]);
    host.with_state(|state| state.nodes.get_mut("pve3").unwrap().online = false).unwrap();
    host.inject(Fault::new("GET", "/cluster/status", Trouble::Ignored { body: r#"{"data":[]}"#.into() }));
    said.refused(&host, &["node", "drain", "pve1"]);
}

/// The rest of these is in `declared::checks`.
pub fn checks_of_the_host(said: &mut Said) {
    let host = root();
    host.run(["pool", "create", "racks"]).ok();
    for words in [
        &["pool", "add", "racks", "--vms", "999"][..],
        &["storage", "remove", "nas", "--confirm", "nas"],
        &["access", "user", "create", "ops@nosuch"],
        &["access", "user", "delete", "root@pam", "--confirm", "root@pam"],
        &["access", "token", "delete", "root@pam", "demo", "--confirm", "demo"],
        &["access", "realm", "delete", "pve", "--confirm", "pve"],
        &["node", "service", "stop", "pveproxy", "--node", "pve1", "--yes"],
        &["api", "delete", "/cluster/config/nodes/pve3", "--confirm", "pve3"],
    ] {
        said.refused(&host, words);
    }
}

pub fn tags_and_the_gate(said: &mut Said) {
    let host = root();
    set(&host, 110, "tags", "production");
    said.refused(&host, &["guest", "stop", "110", "--yes"]);
    said.refused(&host, &["guest", "tag", "remove", "110", "production"]);
    said.refused(&host, &["node", "reboot", "pve1", "--confirm", "pve1"]);
    said.run(&host.run_in_context("writes = \"deny\"", &["guest", "stop", "204", "--yes"]));
    said.run(&host.run_in_context("managed_tag = \"felhom\"", &["guest", "stop", "204", "--yes"]));
    let denied = Trouble::Status { code: 403, reason: "Permission check failed (/vms/204, VM.Audit)".into() };
    host.inject(Fault::new("GET", "/nodes/pve3/qemu/204/status/current", denied));
    said.refused(&host, &["guest", "stop", "204", "--yes"]);
}

pub fn storages_jobs_and_the_cluster(said: &mut Said) {
    let host = root();
    let protected = host.run(["backup", "list", "--filter", "protected=true", "-o", "id"]).ok().lines()[0].to_owned();
    for id in ["off", "away"] {
        add_storage(&host, id, "dir", "backup");
    }
    host.with_state(|state| {
        state.storages.get_mut("away").unwrap().inactive = true;
        state.storages.get_mut("off").unwrap().config.insert("disable".into(), 1.into());
    })
    .unwrap();
    let iso = host.home.path().join("a.iso");
    std::fs::write(&iso, "x").unwrap();
    let iso = iso.to_str().unwrap();
    host.with_state(|state| {
        let free = state.storages["nas"].clone();
        state.storages.insert("full".into(), felhom::demo::state::Storage { used: free.total, ..free });
    })
    .unwrap();
    host.run(["storage", "upload", "nas", iso]).ok();
    for storage in ["off", "pbs", "full", "nas"] {
        said.refused(&host, &["storage", "upload", storage, iso, "--node", "pve1"]);
    }
    under_ha(&host, "ct:110");
    host.run(["pool", "create", "lab1"]).ok();
    let job = ["backup", "job", "create", "nightly", "--storage", "local", "--schedule", "02:00", "--guest", "110"];
    for words in [
        &job[..],
        &["pool", "create", "lab1"],
        &["backup", "run", "101", "--storage", "local-lvm"],
        &["backup", "run", "101", "--storage", "off"],
        &["backup", "run", "101", "--storage", "away"],
        &["backup", "run", "110", "--storage", "local", "--mode", "stop"],
        &["backup", "delete", &protected],
    ] {
        said.refused(&host, words);
    }
    host.inject(Fault::new("GET", "/cluster/status", Trouble::Ignored { body: NO_QUORUM.into() }));
    let host = host.with_token("felhom@pve!agent");
    said.refused(&host, &["guest", "stop", "101", "--yes"]);
}
