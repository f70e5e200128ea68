//! Refusals, permission errors and failed tasks, with their exit codes.

use felhom::demo::Options;
use felhom::demo::faults::{Fault, Trouble};
use serde_json::json;

use crate::backup::{add_storage, archive, grant, set, text};
use crate::support::{Host, demo_options};

const TOKEN: &str = "felhom@pve!rig";

#[test]
fn a_vmid_in_use() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    let run = host.run(["guest", "restore", &volid, "--vmid", "102", "-o", "json"]).fails(3);
    assert_eq!(run.error()["kind"], "refused");
    assert!(text(&run.error(), "hint").contains("--overwrite --confirm 102"), "{run}");
    assert_eq!(host.count("POST", "/lxc"), 0);
    host.forgive("GET /cluster/nextid");
}

#[test]
fn a_vmid_used_by_an_invisible_guest() {
    let host = Host::baseline();
    archive(&host, "101");
    grant(&host, "/vms/101", TOKEN, &["VM.Audit", "VM.Backup"]);
    grant(&host, "/storage", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    let host = host.with_token(TOKEN);
    let run = host.run(["guest", "restore", "--from", "101", "--vmid", "102", "-o", "json"]).fails(3);
    assert_eq!(run.error()["kind"], "refused", "{run}");
}

#[test]
fn a_missing_backup() {
    let host = Host::baseline();
    host.run(["guest", "restore", "local:backup/vzdump-lxc-101-2020_01_01-00_00_00.tar.zst"]).fails(5).says("felhom backup list");
    host.run(["guest", "restore"]).fails(2).says("felhom backup list -o id");
}

#[test]
fn an_unusable_or_full_storage() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    host.run(["guest", "restore", &volid, "--storage", "local"]).fails(3).says("does not allow rootdir").says("dirct, local-lvm");
    host.run(["guest", "restore", &volid, "--storage", "nosuch"]).fails(5);
    add_storage(&host, "thick", "lvm", "rootdir,images");
    host.with_state(|state| {
        let thick = state.storages.get_mut("thick").unwrap();
        (thick.total, thick.used) = (2 << 30, (3 << 30) / 2);
    })
    .unwrap();
    host.run(["guest", "restore", &volid, "--storage", "thick"]).fails(3).says("512 MiB free").says("at least 1 GiB");
    assert_eq!(host.count("POST", "/lxc"), 0, "nothing was sent");
}

#[test]
fn missing_privileges_are_reported_before_anything_is_sent() {
    let host = Host::baseline();
    archive(&host, "101");
    grant(&host, "/vms", TOKEN, &["VM.Audit", "VM.Backup", "VM.Allocate", "VM.Config.Network"]);
    grant(&host, "/storage", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    let host = host.with_token(TOKEN);
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]).fails(4);
    assert_eq!((text(&run.error(), "path"), text(&run.error(), "privilege")), ("/sdn/zones/localnetwork/vmbr0", "SDN.Use"));
    assert!(run.stderr.contains("no request was sent"));
    assert_eq!(host.count("POST", "/lxc"), 0);
    grant(&host, "/sdn", TOKEN, &["SDN.Use"]);
    host.run(["guest", "restore", "--from", "101"]).ok();
}

#[test]
fn a_permission_error_in_the_task() {
    let host = Host::baseline();
    // Not a bridge of the node: only the host knows its SDN zone.
    set(&host, 101, "net0", "name=eth0,bridge=lab,hwaddr=BC:24:11:4D:7B:E5,ip=dhcp,type=veth");
    archive(&host, "101");
    grant(&host, "/vms", TOKEN, &["VM.Audit", "VM.Backup", "VM.Allocate", "VM.Config.Network"]);
    grant(&host, "/storage", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    let host = host.with_token(TOKEN);
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]).fails(4);
    assert_eq!((text(&run.json()[0], "status"), text(&run.error(), "privilege")), ("denied", "SDN.Use"), "{run}");
    assert!(text(&run.json()[0]["error"], "message").contains("nothing is left of 100"), "{run}");
}

#[test]
fn a_failed_task_reports_what_is_left() {
    let host = Host::baseline();
    archive(&host, "101");
    host.with_state(|state| {
        let storage = state.storages.get_mut("local-lvm").unwrap();
        storage.total = storage.used + 3 * (1 << 30) + 50_000_000;
    })
    .unwrap();
    let volid = host.run(["backup", "list", "101", "-o", "id"]).ok().stdout.trim().to_owned();
    // The backup is deleted after the checks and before the restore.
    host.inject(Fault::new("GET", "/nodes/pve1/lxc/103/config", Trouble::Slow { ms: 1500 }));
    let run = host.start(["guest", "restore", &volid, "--storage", "dirct", "-o", "json"]);
    crate::support::eventually("the checks are done", || host.requests().iter().any(|r| r.path.ends_with("/nextid")));
    host.with_state(|state| state.storages.get_mut("local").unwrap().volumes.retain(|v| v.volid != volid)).unwrap();
    let run = run.end();
    assert_eq!((run.code, text(&run.json()[0], "status")), (6, "failed"), "{run}");
    let message = text(&run.json()[0]["error"], "message").to_owned();
    assert!(message.contains("does not exist") && message.contains("nothing is left of 100"), "{message}");
}

#[test]
fn an_interrupt_reports_the_running_task_and_how_to_remove_the_guest() {
    let host = Host::baseline();
    archive(&host, "101");
    host.with_state(|state| state.speed = 0.2).unwrap();
    let mut run = host.start(["guest", "restore", "--from", "101", "--progress", "plain", "-o", "json"]);
    run.until_said("started (UPID:");
    run.interrupt();
    let run = run.end();
    assert_eq!((run.code, text(&run.json()[0], "status")), (130, "interrupted"), "{run}");
    let error = &run.json()[0]["error"];
    assert!(
        text(error, "message").contains("CT 100 is left incomplete on pve1")
            && text(error, "hint").contains("felhom guest delete 100 --confirm 100"),
        "{run}"
    );
}

#[test]
fn a_lost_answer_is_followed_without_a_second_call() {
    let host = Host::baseline();
    archive(&host, "101");
    host.inject(Fault::new("POST", "/nodes/pve1/lxc", Trouble::LostAnswer).times(1));
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "status"), host.count("POST", "/lxc")), ("ok", 1));
}

#[test]
fn settings_that_affect_the_host_need_trust() {
    let host = Host::baseline();
    set(&host, 101, "hookscript", "local:snippets/x.sh");
    archive(&host, "101");
    host.run(["guest", "restore", "--from", "101"]).ok().says("hookscript: local:snippets/x.sh");
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.shift_remove("hookscript")).unwrap();
    let before = host.count("POST", "/lxc");
    host.run(["guest", "restore", "--from", "101"]).fails(3).says("hookscript: local:snippets/x.sh").says("--trust-archive");
    assert_eq!(host.count("POST", "/lxc"), before);
    let run = host.run(["guest", "restore", "--from", "101", "--trust-archive", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["root_level"], json!(["hookscript: local:snippets/x.sh"]));
}

#[test]
fn task_warnings_are_reported() {
    let host = Host::baseline();
    set(&host, 101, "lxc.apparmor.profile", "unconfined");
    archive(&host, "101");
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]);
    assert_eq!((run.code, text(&run.json()[0], "status")), (0, "warnings"), "{run}");
    assert!(run.stderr.contains("lxc.apparmor.profile") && run.stderr.contains("with 1 warning"), "{run}");
    host.run(["guest", "restore", "--from", "101", "--fail-on-warnings"]).fails(6);
}

#[test]
fn a_backup_on_shared_storage_can_be_restored_on_another_node() {
    let host = Host::with(&Options { ..demo_options() });
    let run = host.run(["backup", "run", "101", "--storage", "nas", "-o", "id"]).ok();
    let volid = run.stdout.trim().to_owned();
    let run = host.run(["guest", "restore", &volid, "--node", "pve2", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "node"), text(&run.json()[0], "status")), ("pve2", "ok"));
    let run = host.run(["guest", "restore", &volid, "-o", "json"]).ok();
    assert_eq!(text(&run.json()[0], "node"), "pve1", "the source's node");
}

#[test]
fn a_node_that_cannot_access_the_backup() {
    let host = Host::with(&Options { ..demo_options() });
    archive(&host, "101");
    host.run(["guest", "restore", "--from", "101", "--node", "pve2"]).fails(3).says("pve1").says("shared storage");
    host.run(["guest", "restore", "--from", "101", "--node", "pve9"]).fails(5);
}
