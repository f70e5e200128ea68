//! `guest exec`, `guest file` and `guest ip` against the demo host.

use std::time::Instant;

use felhom::demo::faults::{Fault, Trouble};

use crate::support::Host;

/// The demo site as its administrator's token, with its running VM 203.
fn host() -> Host {
    Host::demo().with_token("root@pam!demo")
}

#[test]
fn a_command_returns_its_output_and_exit_code() {
    let host = host();
    let done = host.run(["guest", "exec", "203", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]).fails(3);
    assert_eq!(done.stdout, "out\n");
    assert!(done.stderr.contains("err\n") && !done.stderr.contains("refus"), "{done}");
    let killed = host.run(["guest", "exec", "203", "--", "sh", "-c", "kill -9 $$"]).fails(137);
    assert!(killed.stderr.contains("signal 9"), "{killed}");
    let json = host.run(["guest", "exec", "k3s-1", "-o", "json", "--", "echo", "two  words"]).ok().json();
    assert_eq!((&json[0]["exit_code"], &json[0]["stdout"], &json[0]["status"]), (&0.into(), &"two  words\n".into(), &"ok".into()));
    host.run(["guest", "exec", "203", "--", "nosuch"]).fails(5).says("No such file or directory");
    let entry = host.run(["history", "-o", "json"]).ok().json();
    assert!(entry.to_string().contains("guest exec"), "{entry}");
}

#[test]
fn output_and_input_are_exact_bytes() {
    let host = host();
    let bytes: Vec<u8> = (0..=255).collect();
    let output = host.felhom(["guest", "exec", "203", "--stdin", "--", "cat"]).write_stdin(bytes.clone()).output().unwrap();
    assert_eq!(output.stdout, bytes);
    let large = vec![b'x'; (64 << 10) + 1];
    let refused = host.felhom(["guest", "exec", "203", "--stdin", "--", "cat"]).write_stdin(large).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    let plan = host.felhom(["guest", "exec", "203", "--stdin", "--plan", "--", "cat"]).write_stdin("hunter2").output().unwrap();
    assert!(!String::from_utf8_lossy(&plan.stdout).contains("hunter2"));
}

#[test]
fn a_guest_that_cannot_run_a_command_is_refused_before_sending() {
    let host = host();
    host.run(["guest", "exec", "101", "--", "id"]).fails(2).says("101 (web) is a container");
    host.run(["guest", "set", "202", "agent=0"]).ok();
    host.run(["guest", "exec", "202", "--", "id"]).fails(3).says("felhom guest set 202 agent=1");
    host.run(["guest", "set", "202", "agent=1"]).ok();
    host.run(["guest", "exec", "202", "--", "id"]).fails(3).says("felhom guest start 202");
    host.run(["guest", "exec", "203"]).fails(2).says("COMMAND");
    host.run(["guest", "exec", "203", "--detach", "--", "id"]).fails(2).says("--detach");
    host.run(["guest", "file", "write", "203", "motd"]).fails(2).says("'motd'");
    assert!(!host.requests().iter().any(|request| request.path.contains("/agent/")), "nothing was sent to an agent");
}

#[test]
fn waiting_for_a_command_ends_at_the_time_limit() {
    let host = host();
    let begun = Instant::now();
    host.run(["guest", "exec", "203", "--timeout", "300ms", "--", "sleep", "60"]).fails(8).says("PID").says("203 (k3s-1)");
    assert!(begun.elapsed().as_secs() < 10);
}

#[test]
fn a_file_is_written_compared_and_read() {
    let host = host();
    let bytes: Vec<u8> = (0..61_440u32).map(|n| (n % 256) as u8).collect();
    let written = host.felhom(["guest", "file", "write", "203", "/root/data", "-o", "json"]).write_stdin(bytes.clone()).output().unwrap();
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let read = host.felhom(["guest", "file", "read", "203", "/root/data"]).output().unwrap();
    assert_eq!(read.stdout, bytes);
    let large = vec![0u8; 61_441];
    let refused = host.felhom(["guest", "file", "write", "203", "/root/data"]).write_stdin(large).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let to = host.home.path().join("hostname");
    host.run(["guest", "file", "read", "203", "/etc/hostname", "--to", to.to_str().unwrap()]).ok();
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "k3s-1\n");
    host.run(["guest", "file", "read", "203", "/nosuch", "--to", to.to_str().unwrap()]).fails(5).says("/nosuch");
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "k3s-1\n", "a failed read leaves the file");
}

#[test]
fn addresses_are_listed_for_containers_and_vms() {
    let host = host();
    assert_eq!(host.run(["guest", "ip", "101", "-o", "id"]).ok().stdout.trim(), "192.168.1.121");
    let vm = host.run(["guest", "ip", "203", "-o", "json"]).ok().json();
    assert_eq!((&vm[0]["vmid"], &vm[0]["name"]), (&203.into(), &"k3s-1".into()));
    host.run(["guest", "stop", "110", "--yes"]).ok();
    host.run(["guest", "ip", "110"]).fails(3).says("felhom guest start 110");
}

#[test]
fn the_gates_hold_for_commands_and_files() {
    let host = host();
    let agent_calls = || host.requests().iter().filter(|request| request.path.contains("/agent/")).count();
    let write = |flag: &str| {
        let mut command = host.felhom(["guest", "file", "write", "203", "/root/x", flag]);
        command.write_stdin("text").output().unwrap().status.code()
    };
    host.run(["guest", "exec", "203", "--read-only", "--", "id"]).fails(3);
    assert_eq!(write("--read-only"), Some(3));
    host.run(["guest", "exec", "203", "--plan", "--", "id"]).ok().shows("agent/exec");
    assert_eq!(write("--plan"), Some(0));
    assert_eq!(write("--stage"), Some(3), "the content may be secret");
    assert_eq!(agent_calls(), 0);
}

#[test]
fn a_lost_answer_is_not_sent_again() {
    let host = host();
    host.inject(Fault::new("POST", "/nodes/pve3/qemu/203/agent/exec", Trouble::CutAt { bytes: 0 }));
    host.run(["guest", "exec", "203", "--", "id"]).fails(10).says("before you try again");
    let sent = host.requests().iter().filter(|request| request.method == "POST" && request.path.ends_with("/agent/exec")).count();
    assert_eq!(sent, 1);
    host.clear_faults();
    // The host reports the end once: where that answer is lost, the result is gone.
    host.inject(Fault::new("GET", "/nodes/pve3/qemu/203/agent/exec-status", Trouble::LostAnswer).times(1));
    host.run(["guest", "exec", "203", "--", "id"]).fails(10).says("PID");
}
