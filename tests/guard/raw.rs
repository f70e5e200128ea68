//! Raw calls are weighed by what they do, as felhom's own verbs are.

use felhom::demo::faults::{Fault, Trouble};

use crate::support::Host;

fn root() -> Host {
    Host::demo().with_token("root@pam!demo")
}

#[test]
fn a_guard_is_not_taken_away_by_a_raw_call() {
    let host = root();
    host.run(["guest", "tag", "add", "110", "production"]).ok();
    host.run(["guest", "set", "110", "protection=1"]).ok();
    let before = host.count("PUT", "/config");
    for params in [&["tags=docker"][..], &["delete=tags"], &["delete=protection"], &["protection=0"]] {
        let call = ["api", "put", "/nodes/pve1/lxc/110/config"];
        host.run(call.iter().chain(params)).fails(3).says("--force");
    }
    assert_eq!(host.count("PUT", "/config"), before);
    host.run(["api", "put", "/nodes/pve1/lxc/110/config", "memory=1024"]).ok();
    host.run(["api", "put", "/nodes/pve1/lxc/110/config", "delete=protection", "--force"]).ok();
}

#[test]
fn stopping_what_is_stopped_is_safe() {
    let host = root();
    host.run(["api", "post", "/nodes/pve3/qemu/202/status/stop"]).ok();
    host.run(["api", "post", "/nodes/pve3/qemu/203/status/stop"]).fails(3).says("--yes");
}

#[test]
fn what_is_lost_is_said_before() {
    let host = root();
    let plan = |args: &[&str]| host.run(args.iter().chain(&["--plan"])).ok().stdout;
    let text = plan(&["api", "delete", "/nodes/pve3/qemu/202"]);
    assert!(text.contains("all data of 202 (win11)"), "{text}");
    host.run(["snapshot", "create", "101", "before"]).ok();
    let text = plan(&["api", "post", "/nodes/pve1/lxc/101/snapshot/before/rollback"]);
    assert!(text.contains("everything that 101 (web) wrote since") && text.contains("ago)"), "{text}");
    let text = plan(&["api", "delete", "/nodes/pve1/storage/nas/prunebackups", "prune-backups=keep-last=1", "vmid=101"]);
    assert!(text.contains("loses: nas:backup/vzdump-lxc-101-") && text.contains(" old)"), "{text}");
    let text = plan(&["api", "delete", "/nodes/pve3/storage/local-lvm/content/local-lvm:vm-202-disk-0"]);
    assert!(text.contains("scsi0 of 202 (win11)"), "{text}");
    let text = plan(&["api", "put", "/nodes/pve1/network"]);
    assert!(text.contains("pve1 and its guests"), "{text}");
    let text = plan(&["api", "delete", "/nodes/pve1/certificates/custom"]);
    assert!(text.contains("cut off"), "{text}");
}

#[test]
fn overwriting_by_a_raw_call_wants_the_guests_number() {
    let host = root();
    let archive = host.run(["backup", "list", "101", "-o", "id"]).ok().lines()[0].to_owned();
    let volume = format!("ostemplate={archive}");
    let call = ["api", "post", "/nodes/pve1/lxc", "vmid=110", "restore=1", "force=yes", "storage=local-lvm", &volume];
    host.run(call.iter().chain(&["--yes"])).fails(3).says("--confirm 110");
    host.run(["guest", "tag", "add", "110", "protected"]).ok();
    host.run(call.iter().chain(&["--confirm", "110"])).fails(3).says("overwrite").says("protected");
    assert_eq!(host.count("POST", "/nodes/pve1/lxc"), 0);
}

#[test]
fn a_disk_of_a_protected_guest_is_protected_too() {
    let host = root();
    host.with_state(|state| drop(state.guests.get_mut(&202).unwrap().config.insert("tags".into(), "protected".into()))).unwrap();
    let call = ["api", "delete", "/nodes/pve3/storage/local-lvm/content/local-lvm:vm-202-disk-0", "--confirm", "local-lvm:vm-202-disk-0"];
    host.run(call).fails(3).says("tagged 'protected'");
}

#[test]
fn there_is_no_way_round_to_the_same_end() {
    let host = root();
    host.with_state(|state| drop(state.guests.get_mut(&203).unwrap().config.insert("tags".into(), "production".into()))).unwrap();
    for args in [
        &["api", "post", "/nodes/pve3/qemu/203/status/reset", "--yes"][..],
        &["api", "post", "/nodes/pve3/qemu/203/agent/shutdown", "--confirm", "/nodes/pve3/qemu/203/agent/shutdown"],
        &["api", "post", "/nodes/pve3/qemu/203/monitor", "command=quit", "--confirm", "/nodes/pve3/qemu/203/monitor"],
        &["api", "put", "/nodes/pve3/qemu/203/unlink", "idlist=scsi0", "force=1", "--confirm", "/nodes/pve3/qemu/203/unlink"],
        &["api", "put", "/cluster/ha/resources/vm:203", "state=stopped", "--confirm", "/cluster/ha/resources/vm:203"],
        &["api", "post", "/cluster/ha/resources", "sid=vm:203", "state=disabled", "--confirm", "/cluster/ha/resources"],
        &["api", "post", "/cluster/bulk-action/guest/shutdown", "vms=203", "--yes"],
        &["api", "post", "/nodes/pve3/stopall", "vms=203", "--yes"],
    ] {
        host.run(args.iter().copied()).fails(3).says("production");
    }
    assert!(host.requests().iter().all(|request| request.method == "GET"));
    // Another guest of the same node is not held up, nor is what stops nothing.
    let plan = host.run(["api", "post", "/nodes/pve3/suspendall", "--plan"]).ok();
    assert!(plan.stdout.contains("203 (k3s-1)") && !plan.stdout.contains("refused"), "{plan}");
    host.run(["api", "post", "/nodes/pve3/stopall", "vms=204", "--yes"]).ok();
}

#[test]
fn a_guard_that_cannot_be_read_is_not_passed() {
    let host = root();
    host.inject(Fault::new("GET", "/nodes/*/lxc/110/config", Trouble::Status { code: 500, reason: "got timeout".into() }));
    host.run(["api", "put", "/nodes/pve1/lxc/110/config", "delete=tags"]).fails(1).says("got timeout");
    assert_eq!(host.count("PUT", "/config"), 0);
}
