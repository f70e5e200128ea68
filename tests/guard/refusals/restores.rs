//! Refusals of a restore.

use felhom::demo::faults::{Fault, Trouble};
use serde_json::json;

use super::Said;
use crate::backup::{add_storage, archive, power_on, set};
use crate::support::{Host, eventually};

pub fn over_guests(said: &mut Said) {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    host.forgive("GET /cluster/nextid");
    set(&host, 102, "protection", "1");
    let entry = json!({"state": "started"});
    host.with_state(|state| state.ha.resources.insert("ct:103".into(), entry.as_object().unwrap().clone())).unwrap();
    let over = |vmid: &'static str| ["guest", "restore", "--from", "101", "--vmid", vmid, "--overwrite", "--confirm", vmid];
    said.refused(&host, &["guest", "restore", &volid, "--vmid", "102"]);
    ["102", "103", "201"].iter().for_each(|vmid| said.refused(&host, &over(vmid)));
    power_on(&host, 101);
    said.refused(&host, &over("101"));
    said.refused(&host, &["guest", "restore", "--from", "101", "--start"]);
    // Its address is taken while the restore runs.
    host.with_state(|state| state.guests.get_mut(&101).unwrap().power = felhom::demo::state::Power::Stopped).unwrap();
    host.inject(Fault::new("GET", "/nodes/*/tasks/*/status", Trouble::Slow { ms: 400 }).times(1));
    let run = host.start(["guest", "restore", "--from", "101", "--start"]);
    eventually("the restore is sent", || host.count("POST", "/lxc") == 1);
    power_on(&host, 101);
    said.run(&run.end());
    assert_eq!(host.count("POST", "/start"), 0);

    let host = Host::demo();
    archive(&host, "101");
    said.refused(&host, &["guest", "restore", "--from", "101", "--node", "pve2"]);
    said.refused(&host, &["guest", "restore", "--from", "101", "--vmid", "101", "--overwrite", "--node", "pve2"]);
}

pub fn of_odd_archives(said: &mut Said) {
    let host = Host::baseline();
    set(&host, 101, "hookscript", "local:snippets/x.sh");
    archive(&host, "101");
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.shift_remove("hookscript")).unwrap();
    said.refused(&host, &["guest", "restore", "--from", "101"]);
    set(&host, 103, "mp1", "local-lvm:103/vm-103-disk-2.raw,mp=/mnt/bulk,backup=1");
    set(&host, 103, "mp2", "/srv/bind,mp=/mnt/bind");
    let volid = archive(&host, "103");
    said.refused(&host, &["guest", "restore", &volid]);
    said.refused(&host, &["guest", "restore", &volid, "--without-binds"]);
    add_storage(&host, "thick", "lvm", "rootdir,images");
    host.with_state(|state| {
        let thick = state.storages.get_mut("thick").unwrap();
        (thick.total, thick.used) = (2 << 30, (3 << 30) / 2);
    })
    .unwrap();
    let small = archive(&host, "102");
    said.refused(&host, &["guest", "restore", &small, "--storage", "thick"]);
    host.with_state(|state| {
        let mut odd = state.volume_mut(&small).unwrap().clone();
        odd.volid = "local:backup/old.tar".into();
        odd.subtype = None;
        state.storages.get_mut("local").unwrap().volumes.push(odd);
    })
    .unwrap();
    said.refused(&host, &["guest", "restore", "local:backup/old.tar"]);
}
