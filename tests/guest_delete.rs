//! `guest delete`: what it says before, what it refuses, and that it looks afterwards.

use crate::support::{Host, Terminal};

fn stopped(host: &Host, vmid: u32) {
    host.run(["guest", "stop", &vmid.to_string(), "--yes"]).ok();
}

#[test]
fn it_names_the_archives_that_stay_or_says_that_there_is_none() {
    let host = Host::demo();
    stopped(&host, 101);
    let plan = host.run(["guest", "delete", "101", "--plan"]).ok();
    assert!(plan.stdout.contains("backup stays: nas:backup/vzdump-lxc-101-") && plan.stdout.contains(" old)"), "{plan}");
    assert!(plan.stdout.contains("volumes: local-lvm:vm-101-disk-0"), "{plan}");
    assert!(!plan.stdout.contains("all data of"), "{plan}");
    let plan = host.run(["guest", "delete", "202", "--plan"]).ok();
    assert!(plan.stdout.contains("all data of 202 (win11)"), "{plan}");
    assert!(plan.stdout.contains("--confirm 202") && plan.stdout.contains("ACL entries on /vms/202"), "{plan}");
    let json = host.run(["guest", "delete", "101", "--plan", "-o", "json"]).ok().json();
    assert_eq!(json["risk"], "irreversible");
    assert_eq!(host.count("DELETE", "/101"), 0);
}

#[test]
fn it_takes_its_own_name_and_is_gone_afterwards() {
    let host = Host::demo();
    host.run(["guest", "delete", "202"]).fails(3).says("--confirm 202");
    host.run(["guest", "delete", "202", "--yes"]).fails(3);
    host.run(["guest", "delete", "202", "--confirm", "201"]).fails(3).says("does not match the targets");
    assert_eq!(host.count("DELETE", "/qemu/202"), 0);
    let done = host.run(["guest", "delete", "202", "--confirm", "202", "-o", "json"]).ok().json();
    assert_eq!((&done[0]["status"], &done[0]["action"], &done[0]["vmid"]), (&"ok".into(), &"delete".into(), &202.into()));
    assert!(done[0]["volumes"].as_array().unwrap().iter().any(|volume| volume == "local-lvm:vm-202-disk-0"), "{done}");
    host.run(["guest", "show", "202"]).fails(5);
    host.run(["guest", "delete", "202", "--confirm", "202"]).fails(5);
}

#[test]
fn what_runs_is_protected_or_held_elsewhere_is_refused_with_the_way_out() {
    let host = Host::demo();
    host.run(["guest", "delete", "110", "--confirm", "110"]).fails(3).says("is running").says("felhom guest shutdown 110");
    host.run(["guest", "delete", "120", "--confirm", "120"]).fails(3).says("locked (backup)");
    stopped(&host, 110);
    host.run(["guest", "set", "110", "protection=1"]).ok();
    host.run(["guest", "delete", "110", "--confirm", "110", "--force"])
        .fails(3)
        .says("protection=0 --force")
        .says("guest set 110 protection=0 --force");
    host.run(["guest", "set", "110", "protection=0"]).fails(3).says("--force");
    host.run(["guest", "set", "110", "protection=0", "--force"]).ok();
    host.run(["guest", "tag", "add", "110", "production"]).ok();
    host.run(["guest", "delete", "110", "--confirm", "110"]).fails(3).says("tagged 'production'");
    assert_eq!(host.count("DELETE", "/lxc/110"), 0);
    host.run(["guest", "delete", "110", "--confirm", "110", "--force"]).ok();
    assert_eq!(host.count("DELETE", "/lxc/110"), 1);
}

#[test]
fn of_several_all_are_named_and_one_that_is_refused_does_not_stop_the_others() {
    let host = Host::demo();
    host.run(["guest", "delete", "202,900", "--confirm", "202"]).fails(3).says("202,900");
    let done = host.run(["guest", "delete", "110,202,900", "--confirm", "202,900", "-o", "json"]).fails(7);
    let states: Vec<String> =
        done.json().as_array().unwrap().iter().map(|one| format!("{} {}", one["vmid"], one["status"].as_str().unwrap())).collect();
    assert_eq!(states, ["110 refused", "202 ok", "900 ok"], "{done}");
}

#[test]
fn without_the_right_to_delete_it_says_what_is_missing() {
    let host = Host::demo();
    host.leave("/vms/202", "PVEAuditor");
    let error = host.run(["guest", "delete", "202", "--confirm", "202", "-o", "json"]).fails(4).error();
    assert_eq!((error["privilege"].as_str(), error["path"].as_str()), (Some("VM.Allocate"), Some("/vms/202")));
}

#[test]
fn a_person_sees_what_goes_before_the_question() {
    let host = Host::demo();
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(110, 40, &env, &["guest", "delete", "202"]) else { return };
    let screen = terminal.until("type 202 to go on");
    assert!(screen.contains("all data of 202 (win11)"), "{screen}");
    terminal.types("202");
    terminal.press("Enter");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(host.count("DELETE", "/qemu/202"), 1);
}

#[test]
fn a_staged_one_is_refused_once_a_new_archive_is_there() {
    let host = Host::demo();
    let staged = host.run(["guest", "delete", "202", "--stage", "-o", "id"]).ok();
    let id = staged.lines()[0].to_owned();
    host.run(["backup", "run", "202", "--storage", "local"]).ok();
    host.run(["plan", "apply", &id, "--confirm", "202"]).fails(3).says("archives");
    host.run(["plan", "apply", &id, "--confirm", "202", "--accept-drift"]).ok();
    host.run(["guest", "show", "202"]).fails(5);
}
