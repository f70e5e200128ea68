//! `guest start|stop|shutdown|reboot|suspend|resume` against the demo host.

use felhom::demo::faults::{Fault, Trouble};
use felhom::demo::state::Power;
use serde_json::{Value, json};

use crate::support::{Host, Terminal};

fn power(host: &Host, vmid: u32) -> Power {
    host.with_state(|state| state.guests[&vmid].power).unwrap()
}

fn set(host: &Host, vmid: u32, key: &str, value: Value) {
    host.with_state(|state| state.guests.get_mut(&vmid).unwrap().config.insert(key.to_owned(), value)).unwrap();
}

/// `[["101", "start", "ok"], …]`.
fn verdicts(results: &Value) -> Vec<(u64, String)> {
    results.as_array().unwrap().iter().map(|r| (r["vmid"].as_u64().unwrap(), r["status"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_start_is_done_once_and_then_unchanged() {
    let host = Host::baseline();
    let first = host.run(["guest", "start", "101", "-o", "json"]).ok().json();
    let one = &first[0];
    assert_eq!((one["action"].as_str(), one["status"].as_str(), one["kind"].as_str()), (Some("start"), Some("ok"), Some("lxc")));
    for key in ["context", "node", "vmid", "name", "upid", "exitstatus", "started_at", "duration_s"] {
        assert!(!one[key].is_null(), "{key} is missing: {one}");
    }
    assert_eq!(power(&host, 101), Power::Running);
    let again = host.run(["guest", "start", "101", "-o", "json"]).ok().json();
    assert_eq!((again[0]["status"].as_str(), again[0]["upid"].is_null()), (Some("unchanged"), true));
    assert_eq!(host.count("POST", "/status/start"), 1);
}

#[test]
fn what_the_host_refuses_as_already_so_counts_as_unchanged() {
    let host = Host::baseline();
    // Somebody else stops it between the look and the request.
    host.run(["guest", "start", "101"]).ok();
    host.inject(Fault::new("POST", "/nodes/pve1/lxc/101/status/stop", Trouble::Status { code: 500, reason: "CT 101 not running".into() }));
    let run = host.run(["guest", "stop", "101", "--yes", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["status"], "unchanged");
}

#[test]
fn stop_shutdown_and_reboot_ask_unless_nothing_runs() {
    let host = Host::baseline();
    for verb in ["stop", "shutdown"] {
        let run = host.run(["guest", verb, "101", "-o", "json"]).ok();
        assert_eq!(run.json()[0]["status"], "unchanged", "a stopped guest is stopped: {run}");
    }
    host.run(["guest", "start", "101"]).ok();
    for verb in ["stop", "shutdown", "reboot"] {
        let run = host.run(["guest", verb, "101", "-o", "json"]).fails(3);
        let error = run.error();
        assert_eq!(error["kind"], "refused");
        assert!(error["hint"].as_str().unwrap().contains("--yes"), "{run}");
    }
    assert_eq!((host.count("POST", "/status/stop"), power(&host, 101)), (0, Power::Running));
    assert_eq!(host.run(["guest", "stop", "101", "--yes", "-o", "json"]).ok().json()[0]["exitstatus"], "OK");
    assert_eq!(power(&host, 101), Power::Stopped);
}

#[test]
fn a_shutdown_takes_a_time_and_a_last_resort() {
    let host = Host::baseline();
    host.run(["guest", "start", "101"]).ok();
    host.run(["guest", "shutdown", "101", "--guest-timeout", "3", "--then-stop", "--yes"]).ok().shows("101");
    let sent = host.requests().into_iter().find(|r| r.path.ends_with("/status/shutdown")).unwrap();
    assert_eq!((sent.params["timeout"].to_string().trim_matches('"'), sent.params["forceStop"].to_string().trim_matches('"')), ("3", "1"));
    assert_eq!(power(&host, 101), Power::Stopped);
}

#[test]
fn a_reboot_is_seen_in_the_guest_itself() {
    let host = Host::demo();
    host.run(["guest", "reboot", "101", "--yes"]).ok();
    assert_eq!(power(&host, 101), Power::Running);
    let run = host.run(["guest", "reboot", "202", "--yes", "-o", "json"]).fails(3);
    assert!(run.error()["message"].as_str().unwrap().contains("202 (win11) is stopped, so it cannot be rebooted"), "{run}");
    assert_eq!(host.count("POST", "/qemu/202/status/reboot"), 0);
}

#[test]
fn a_machine_is_suspended_and_goes_on() {
    let host = Host::demo();
    host.run(["guest", "start", "201"]).ok();
    host.run(["guest", "suspend", "201", "--yes"]).ok();
    assert_eq!(power(&host, 201), Power::Paused);
    assert_eq!(host.run(["guest", "suspend", "201", "-o", "json"]).ok().json()[0]["status"], "unchanged");
    host.run(["guest", "start", "201", "-o", "json"]).fails(3).says("guest resume 201");
    host.run(["guest", "shutdown", "201", "--yes", "-o", "json"]).fails(3).says("is paused");
    host.run(["guest", "resume", "201"]).ok();
    assert_eq!(power(&host, 201), Power::Running);
    assert_eq!(host.run(["guest", "resume", "201", "-o", "json"]).ok().json()[0]["status"], "unchanged");
}

#[test]
fn many_guests_by_words_ranges_and_selections() {
    let host = Host::baseline();
    let run = host.run(["guest", "start", "--type", "lxc", "--tag", "app", "-o", "json"]).ok();
    assert_eq!(verdicts(&run.json()), [(102, "ok".to_owned())]);
    let run = host.run(["guest", "start", "101-103,201", "-o", "json"]).ok();
    let words: Vec<String> = verdicts(&run.json()).iter().map(|(vmid, status)| format!("{vmid} {status}")).collect();
    assert_eq!(words, ["101 ok", "102 unchanged", "103 ok", "201 ok"]);
    assert_eq!(host.run(["guest", "start", "--all", "-o", "id"]).ok().lines(), ["101", "102", "103", "201", "202"]);
    assert_eq!(verdicts(&host.run(["guest", "stop", "--pool", "pool1", "--yes", "-o", "json"]).ok().json()), [(103, "ok".to_owned())]);
    host.run(["guest", "start"]).fails(2).says("--all");
    host.run(["guest", "start", "999"]).fails(5).says("no guest '999'");
    host.run(["guest", "start", "--tag", "nosuch"]).fails(5).says("no guest matches");
}

#[test]
fn a_selection_leaves_templates_out() {
    let host = Host::demo();
    let run = host.run(["guest", "start", "--node", "pve1", "-o", "id"]).ok().says("templates: 900 (debian-13-golden)");
    assert!(!run.lines().contains(&"900"), "{run}");
    host.run(["guest", "start", "--tag", "golden"]).fails(5).says("templates");
    let run = host.run(["guest", "start", "900", "-o", "json"]).fails(3);
    assert!(run.error()["message"].as_str().unwrap().contains("900 (debian-13-golden) is a template"), "{run}");
    assert_eq!(host.run(["guest", "stop", "900", "-o", "json"]).ok().json()[0]["status"], "unchanged");
    assert_eq!(host.count("POST", "/900/status/start"), 0);
}

#[test]
fn one_that_fails_does_not_keep_the_others() {
    let host = Host::demo();
    host.run(["guest", "stop", "101", "102", "--yes"]).ok();
    set(&host, 102, "lock", json!("backup"));
    let run = host.run(["guest", "start", "101", "102", "-o", "json"]).fails(7);
    assert_eq!(verdicts(&run.json()), [(101, "ok".to_owned()), (102, "refused".to_owned())]);
    assert_eq!(run.json()[1]["error"]["kind"], "locked");
    assert_eq!((power(&host, 101), power(&host, 102)), (Power::Running, Power::Stopped));
}

#[test]
fn a_locked_guest_is_named_with_its_lock_and_waited_for() {
    let host = Host::demo();
    host.run(["guest", "stop", "101", "--yes"]).ok();
    set(&host, 101, "lock", json!("backup"));
    let run = host.run(["guest", "start", "101", "-o", "json"]).fails(3);
    let error = run.error();
    assert_eq!((error["kind"].as_str(), error["message"].as_str()), (Some("locked"), Some("101 (web) is locked (backup)")));
    assert!(error["hint"].as_str().unwrap().contains("pct unlock 101"), "{run}");
    host.run(["guest", "start", "101", "--wait-lock", "1s"]).fails(3).says("after 1 s of waiting");
    let mut waiting = host.start(["guest", "start", "101", "--wait-lock", "30s"]);
    waiting.until_said("waiting up to 30 s for it");
    host.with_state(|state| state.guests.get_mut(&101).unwrap().config.shift_remove("lock")).unwrap();
    waiting.end().ok();
    assert_eq!(power(&host, 101), Power::Running);
}

#[test]
fn who_works_on_a_locked_guest_is_named() {
    let host = Host::with(&felhom::demo::Options { speed: 1.0, ..felhom::demo::Options::default() });
    // A shutdown takes its time; meanwhile the guest is locked by hand, as a backup would.
    host.run(["guest", "shutdown", "101", "--yes", "--detach"]).ok();
    set(&host, 101, "lock", json!("backup"));
    let run = host.run(["guest", "reboot", "101", "--yes", "-o", "json"]).fails(3);
    let error = run.error();
    assert_eq!(error["message"], "101 (web) is locked (backup) by vzshutdown of felhom@pve!agent", "{run}");
    assert!(error["upid"].as_str().unwrap().contains(":vzshutdown:101:"), "{run}");
}

#[test]
fn tags_guard_against_stopping() {
    let host = Host::demo();
    set(&host, 101, "tags", json!("protected;web"));
    for verb in ["stop", "shutdown", "reboot"] {
        let run = host.run(["guest", verb, "101", "--yes", "-o", "json"]).fails(3);
        assert!(run.error()["message"].as_str().unwrap().ends_with("101 (web): it is tagged 'protected'"), "{run}");
        assert_eq!(run.json()[0]["status"], "refused");
    }
    assert_eq!(power(&host, 101), Power::Running);
    host.run(["guest", "stop", "101", "--yes", "--force"]).ok();
    host.run(["guest", "start", "101"]).ok();
}

#[test]
fn a_guest_under_high_availability_is_waited_for_itself() {
    let host = Host::demo();
    host.run(["guest", "stop", "101", "--yes"]).ok();
    let entry = json!({"state": "stopped"});
    host.with_state(|state| state.ha.resources.insert("ct:101".into(), entry.as_object().unwrap().clone())).unwrap();
    let plan = host.run(["guest", "start", "101", "--plan"]).ok();
    assert!(plan.stdout.contains("high availability"), "{plan}");
    let run = host.run(["guest", "start", "101", "-o", "json"]).ok().says("waiting for 101 (web)");
    assert!(run.json()[0]["upid"].as_str().unwrap().contains(":hastart:101:"), "{run}");
    assert_eq!((power(&host, 101), &run.json()[0]["ha"]), (Power::Running, &json!(true)));
}

#[test]
fn a_guest_that_ha_never_moves_is_an_end_not_seen() {
    let host = Host::baseline();
    let entry = json!({"state": "stopped"});
    host.with_state(|state| {
        state.ha.resources.insert("ct:101".into(), entry.as_object().unwrap().clone());
        // The start that HA makes fails there: nothing tells the one who asked.
        state.guests.get_mut(&101).unwrap().config.insert("net0".into(), json!("name=eth0,bridge=nosuch,hwaddr=BC:24:11:00:00:01,ip=dhcp"));
    })
    .unwrap();
    let run = host.run(["guest", "start", "101", "--timeout", "2s", "-o", "json"]).fails(8);
    let error = run.error();
    assert!(error["message"].as_str().unwrap().contains("HA accepted the request, but 101 (ct101) is still stopped"), "{run}");
    assert!(error["upid"].as_str().unwrap().contains(":hastart:"), "{run}");
}

#[test]
fn start_waits_for_an_address() {
    let host = Host::demo();
    let net = |ip: &str| json!(format!("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip={ip}"));
    host.run(["guest", "stop", "101", "--yes"]).ok();
    set(&host, 101, "net0", net("192.0.2.77/24"));
    let run = host.run(["guest", "start", "101", "--wait-ip", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["ip"], json!(["192.0.2.77"]), "{run}");
    let again = host.run(["guest", "start", "101", "--wait-ip", "-o", "json"]).ok().json();
    assert_eq!((again[0]["status"].as_str(), &again[0]["ip"]), (Some("unchanged"), &json!(["192.0.2.77"])));
    set(&host, 102, "net0", net("manual"));
    let run = host.run(["guest", "start", "102", "--wait-ip", "--timeout", "1s", "-o", "json"]).fails(1);
    assert!(run.error()["message"].as_str().unwrap().contains("no address after 1 s"), "{run}");
}

#[test]
fn a_machine_tells_its_address_through_its_agent_alone() {
    let host = Host::baseline();
    let run = host.run(["guest", "start", "201", "--wait-ip", "-o", "json"]).fails(1);
    assert!(run.error()["hint"].as_str().unwrap().contains("guest set 201 agent=1"), "{run}");
    assert_eq!(power(&host, 201), Power::Stopped, "refused before anything was sent");
    set(&host, 201, "agent", json!("1"));
    host.with_state(|state| state.guests.get_mut(&201).unwrap().agent = true).unwrap();
    let run = host.run(["guest", "start", "201", "--wait-ip", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["ip"].as_array().map(Vec::len), Some(1), "{run}");
}

#[test]
fn who_may_not_ask_the_agent_is_told_before_the_start() {
    let host = Host::demo();
    let run = host.run(["guest", "start", "202", "--wait-ip", "-o", "json"]).fails(4);
    assert_eq!(run.error()["privilege"], "VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted", "{run}");
    assert_eq!(power(&host, 202), Power::Stopped);
}

#[test]
fn a_failed_start_says_what_the_task_said() {
    let host = Host::baseline();
    set(&host, 101, "net0", json!("name=eth0,bridge=nosuch,hwaddr=BC:24:11:00:00:01,ip=dhcp"));
    let run = host.run(["guest", "start", "101", "-o", "json"]).fails(6);
    let error = run.error();
    assert_eq!(error["kind"], "task_failed");
    assert!(error["message"].as_str().unwrap().contains("101 (ct101)"), "{run}");
    assert_eq!(run.json()[0]["status"], "failed");
}

#[test]
fn a_token_without_the_right_is_denied_with_path_and_privilege() {
    let host = Host::demo();
    host.run(["guest", "stop", "101", "--yes"]).ok();
    host.with_state(|state| state.access.roles.get_mut("FelhomAgent").unwrap().remove("VM.PowerMgmt")).unwrap();
    let run = host.run(["guest", "start", "101", "-o", "json"]).fails(4);
    let error = run.error();
    assert_eq!((error["path"].as_str(), error["privilege"].as_str()), (Some("/vms/101"), Some("VM.PowerMgmt")), "{run}");
    assert_eq!(run.json()[0]["status"], "denied");
}

#[test]
fn plans_and_closed_gates_send_nothing() {
    let host = Host::demo();
    for verb in ["start", "stop", "shutdown", "reboot", "suspend", "resume"] {
        host.run(["guest", verb, "101", "202", "--plan"]).ok().shows("nothing was changed");
    }
    for (verb, guest) in [("start", "202"), ("stop", "101"), ("shutdown", "101"), ("reboot", "101")] {
        host.run(["guest", verb, guest, "--yes", "--read-only"]).fails(3).says("read-only mode");
    }
    assert_eq!(host.requests().iter().filter(|r| r.method != "GET").count(), 0);
}

#[test]
fn a_lost_answer_leads_to_the_running_task_and_not_to_a_second_start() {
    let host = Host::demo();
    host.run(["guest", "stop", "101", "--yes"]).ok();
    host.inject(Fault::new("POST", "/nodes/pve1/lxc/101/status/start", Trouble::LostAnswer).times(1));
    let run = host.run(["guest", "start", "101", "-o", "json"]).ok();
    assert_eq!(run.json()[0]["status"], "ok", "{run}");
    assert_eq!(host.count("POST", "/status/start"), 1);
}

#[test]
fn a_person_at_a_terminal_picks_a_guest_and_is_asked() {
    let host = Host::demo();
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(120, 30, &env, &["guest", "stop"]) else { return };
    terminal.until("Which guest?");
    terminal.press("Enter");
    terminal.until("stop 101 (web)?");
    terminal.types("y");
    terminal.press("Enter");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(power(&host, 101), Power::Stopped);
}

/// The same host as a configured context with these lines more.
fn configured(host: &Host, more: &str) {
    host.home.configure(&format!(
        "current = \"home\"\n[contexts.home]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"env:THE_SECRET\"\nca_file = \"{}\"\n{more}\n\
         [[contexts.home.endpoints]]\nurl = \"{}\"\n",
        host.ca_file().display(),
        host.endpoint()
    ));
}

#[test]
fn a_context_says_which_tags_protect_and_which_one_is_managed() {
    let host = Host::demo();
    configured(&host, "protected_tags = [\"vip\"]\nmanaged_tag = \"felhom\"");
    let felhom = |args: &[&str]| {
        let mut command = host.home.felhom(args);
        command.env("THE_SECRET", host.secret("felhom@pve!agent"));
        crate::support::run(&mut command)
    };
    felhom(&["guest", "stop", "101", "--yes"]).fails(3).says("tag 'felhom'");
    felhom(&["guest", "reboot", "101", "--yes"]).ok();
    set(&host, 101, "tags", json!("felhom;vip"));
    felhom(&["guest", "stop", "101", "--yes"]).fails(3).says("it is tagged 'vip'");
    felhom(&["guest", "set", "101", "tags=web"]).fails(3).says("refusing to remove the tag");
    set(&host, 101, "tags", json!("felhom;production"));
    felhom(&["guest", "stop", "101", "--yes"]).ok();
    assert_eq!(power(&host, 101), Power::Stopped);
}

#[test]
fn a_staged_stop_is_refused_when_the_guest_has_moved_on() {
    let host = Host::demo();
    let staged = host.run(["guest", "stop", "101", "--stage", "-o", "json"]).ok();
    let id = staged.json()[0]["staged_id"].as_str().unwrap().to_owned();
    host.run(["guest", "stop", "101", "--yes"]).ok();
    host.run(["plan", "apply", &id, "--yes"]).fails(3);
    assert_eq!(host.count("POST", "/status/stop"), 1);
}
