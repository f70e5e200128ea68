//! What is refused, denied, or goes wrong in the task, each with its exit code.

use felhom::demo::Options;
use felhom::demo::faults::{Fault, Trouble};
use serde_json::json;

use crate::backup::{add_storage, archive, grant, set, text};
use crate::support::{Host, demo_options};

const TOKEN: &str = "felhom@pve!rig";

#[test]
fn a_number_that_is_taken() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    let run = host.run(["guest", "restore", &volid, "--vmid", "102", "-o", "json"]).fails(3);
    assert_eq!(run.error()["kind"], "refused");
    assert!(text(&run.error(), "hint").contains("--overwrite --confirm 102"), "{run}");
    assert_eq!(host.count("POST", "/lxc"), 0);
    host.forgive("GET /cluster/nextid");
}

#[test]
fn a_number_that_somebody_has_whom_the_token_does_not_see() {
    let host = Host::baseline();
    archive(&host, "101");
    grant(&host, "/vms/101", TOKEN, &["VM.Audit", "VM.Backup"]);
    grant(&host, "/storage", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    let host = host.with_token(TOKEN);
    let run = host.run(["guest", "restore", "--from", "101", "--vmid", "102", "-o", "json"]).fails(3);
    assert_eq!(run.error()["kind"], "refused", "{run}");
}

#[test]
fn a_missing_archive() {
    let host = Host::baseline();
    host.run(["guest", "restore", "local:backup/vzdump-lxc-101-2020_01_01-00_00_00.tar.zst"]).fails(5).says("there is no archive");
    host.run(["guest", "restore"]).fails(2).says("no terminal");
}

#[test]
fn a_storage_that_cannot_hold_it() {
    let host = Host::baseline();
    let volid = archive(&host, "101");
    host.run(["guest", "restore", &volid, "--storage", "local"]).fails(3).says("does not take rootdir").says("dirct, local-lvm");
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
fn what_the_token_lacks_is_told_before_anything_is_sent() {
    let host = Host::baseline();
    archive(&host, "101");
    grant(&host, "/vms", TOKEN, &["VM.Audit", "VM.Backup", "VM.Allocate", "VM.Config.Network"]);
    grant(&host, "/storage", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    let host = host.with_token(TOKEN);
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]).fails(4);
    assert_eq!((text(&run.error(), "path"), text(&run.error(), "privilege")), ("/sdn/zones/localnetwork/vmbr0", "SDN.Use"));
    assert!(run.stderr.contains("nothing was sent"));
    assert_eq!(host.count("POST", "/lxc"), 0);
    grant(&host, "/sdn", TOKEN, &["SDN.Use"]);
    host.run(["guest", "restore", "--from", "101"]).ok();
}

#[test]
fn a_denial_that_only_the_task_tells() {
    let host = Host::baseline();
    // No bridge of the node: nobody but the host knows to which zone it belongs.
    set(&host, 101, "net0", "name=eth0,bridge=lab,hwaddr=BC:24:11:4D:7B:E5,ip=dhcp,type=veth");
    archive(&host, "101");
    grant(&host, "/vms", TOKEN, &["VM.Audit", "VM.Backup", "VM.Allocate", "VM.Config.Network"]);
    grant(&host, "/storage", TOKEN, &["Datastore.AllocateSpace", "Datastore.Audit"]);
    let host = host.with_token(TOKEN);
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]).fails(4);
    assert_eq!((text(&run.json()[0], "status"), text(&run.error(), "privilege")), ("denied", "SDN.Use"), "{run}");
    assert!(text(&run.json()[0]["error"], "message").contains("nothing of 100 is left"), "{run}");
}

#[test]
fn a_task_that_fails_leaves_nothing_or_says_what() {
    let host = Host::baseline();
    archive(&host, "101");
    host.with_state(|state| {
        let storage = state.storages.get_mut("local-lvm").unwrap();
        storage.total = storage.used + 3 * (1 << 30) + 50_000_000;
    })
    .unwrap();
    let volid = host.run(["backup", "list", "101", "-o", "id"]).ok().stdout.trim().to_owned();
    // Somebody deletes it between the look and the restore.
    host.inject(Fault::new("GET", "/nodes/pve1/lxc/103/config", Trouble::Slow { ms: 1500 }));
    let run = host.start(["guest", "restore", &volid, "--storage", "dirct", "-o", "json"]);
    crate::support::eventually("it has looked", || host.requests().iter().any(|r| r.path.ends_with("/nextid")));
    host.with_state(|state| state.storages.get_mut("local").unwrap().volumes.retain(|v| v.volid != volid)).unwrap();
    let run = run.end();
    assert_eq!((run.code, text(&run.json()[0], "status")), (6, "failed"), "{run}");
    let message = text(&run.json()[0]["error"], "message").to_owned();
    assert!(message.contains("does not exist") && message.contains("nothing of 100 is left"), "{message}");
}

#[test]
fn interrupted_it_says_what_goes_on_and_how_to_remove_it() {
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
        text(error, "message").contains("CT 100 is on pve1") && text(error, "hint").contains("felhom guest delete 100 --confirm 100"),
        "{run}"
    );
}

#[test]
fn a_lost_answer_is_followed_and_not_sent_again() {
    let host = Host::baseline();
    archive(&host, "101");
    host.inject(Fault::new("POST", "/nodes/pve1/lxc", Trouble::LostAnswer).times(1));
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "status"), host.count("POST", "/lxc")), ("ok", 1));
}

#[test]
fn an_archive_that_reaches_the_host_needs_trust() {
    let host = Host::baseline();
    set(&host, 101, "hookscript", "local:snippets/x.sh");
    archive(&host, "101");
    host.run(["guest", "restore", "--from", "101"]).ok().says("reaches the host itself");
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.shift_remove("hookscript")).unwrap();
    let before = host.count("POST", "/lxc");
    host.run(["guest", "restore", "--from", "101"]).fails(3).says("hookscript: local:snippets/x.sh").says("--trust-archive");
    assert_eq!(host.count("POST", "/lxc"), before);
    let run = host.run(["guest", "restore", "--from", "101", "--trust-archive", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["root_level"], json!(["hookscript: local:snippets/x.sh"]));
}

#[test]
fn a_task_that_warns_is_done_and_says_so() {
    let host = Host::baseline();
    set(&host, 101, "lxc.apparmor.profile", "unconfined");
    archive(&host, "101");
    let run = host.run(["guest", "restore", "--from", "101", "-o", "json"]);
    assert_eq!((run.code, text(&run.json()[0], "status")), (0, "warnings"), "{run}");
    assert!(run.stderr.contains("raw settings are dropped") && run.stderr.contains("with 1 warning"), "{run}");
    host.run(["guest", "restore", "--from", "101", "--fail-on-warnings"]).fails(6);
}

#[test]
fn a_shared_archive_may_be_restored_on_another_node() {
    let host = Host::with(&Options { ..demo_options() });
    let run = host.run(["backup", "run", "101", "--storage", "nas", "-o", "id"]).ok();
    let volid = run.stdout.trim().to_owned();
    let run = host.run(["guest", "restore", &volid, "--node", "pve2", "-o", "json"]).ok();
    assert_eq!((text(&run.json()[0], "node"), text(&run.json()[0], "status")), ("pve2", "ok"));
    let run = host.run(["guest", "restore", &volid, "-o", "json"]).ok();
    assert_eq!(text(&run.json()[0], "node"), "pve1", "where its source is");
}

#[test]
fn another_node_that_does_not_see_the_archive() {
    let host = Host::with(&Options { ..demo_options() });
    archive(&host, "101");
    host.run(["guest", "restore", "--from", "101", "--node", "pve2"]).fails(3).says("which is on pve1 alone");
    host.run(["guest", "restore", "--from", "101", "--node", "pve9"]).fails(5);
}
