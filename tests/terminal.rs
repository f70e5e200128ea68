//! What a person at a terminal sees and is asked: questions, first contact, progress, Ctrl-C.

use felhom::demo::Options;

use crate::support::{Host, Terminal, demo_options};

fn start(host: &Host, args: &[&str]) -> Option<Terminal> {
    let mut env = host.home.env();
    env.extend(host.env());
    Terminal::start(110, 40, &env, args)
}

#[test]
fn what_stops_something_is_shown_and_asked_about() {
    let host = Host::demo();
    let stop = ["api", "post", "/nodes/pve1/lxc/101/status/stop"];
    let Some(terminal) = start(&host, &stop) else { return };
    let screen = terminal.until("?");
    assert!(screen.contains("POST /nodes/pve1/lxc/101/status/stop"), "{screen}");
    terminal.types("n");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 3, "{screen}");
    assert!(screen.contains("nothing was changed"), "{screen}");
    assert_eq!(host.count("POST", "/stop"), 0);

    let Some(terminal) = start(&host, &stop) else { return };
    terminal.until("?");
    terminal.types("y");
    terminal.press("Enter");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(host.count("POST", "/stop"), 1);
}

#[test]
fn what_cannot_be_undone_wants_its_word_typed() {
    let host = Host::demo();
    for (typed, code) in [("y", 3), ("901", 3), ("900", 0)] {
        let Some(terminal) = start(&host, &["api", "delete", "/nodes/pve1/lxc/900"]) else { return };
        let screen = terminal.until("type 900 to go on");
        assert!(screen.contains("this cannot be undone"), "{screen}");
        terminal.types(typed);
        terminal.press("Enter");
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{typed}: {screen}");
        assert_eq!(host.count("DELETE", "/900"), usize::from(code == 0));
    }
}

#[test]
fn the_name_of_a_snapshot_is_typed_to_go_back_to_it() {
    let host = Host::demo();
    host.run(["snapshot", "create", "110", "before"]).ok();
    for (typed, code) in [("", 3), ("yes", 3), ("befor", 3), ("before", 0)] {
        let Some(terminal) = start(&host, &["snapshot", "rollback", "110", "before", "--yes"]) else { return };
        let screen = terminal.until("(type before");
        assert!(screen.contains("loses:") && screen.contains("POST /nodes/pve1/lxc/110/snapshot/before/rollback"), "{screen}");
        terminal.types(typed);
        terminal.press("Enter");
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{typed}: {screen}");
        assert_eq!(host.count("POST", "/rollback"), usize::from(code == 0));
        assert!(code == 0 || screen.contains("nothing was changed"), "{screen}");
    }
}

#[test]
fn a_closed_gate_and_a_protected_guest_are_no_question() {
    let host = Host::demo();
    host.with_state(|state| state.guests.get_mut(&110).unwrap().config.insert("tags".into(), "production".into())).unwrap();
    for (extra, says) in [(&[][..], "it is tagged 'production'"), (&["--force", "--read-only"], "read-only mode")] {
        let words = [&["guest", "stop", "110"], extra].concat();
        let Some(terminal) = start(&host, &words) else { return };
        let (code, screen) = terminal.end();
        assert_eq!(code, 3, "{screen}");
        assert!(screen.contains(says) && !screen.contains("(y/n)"), "{screen}");
    }
    assert_eq!(host.count("POST", "/stop"), 0);
    // Past the tag, the question is still asked.
    let Some(terminal) = start(&host, &["guest", "stop", "110", "--force"]) else { return };
    terminal.until("(y/n)");
    terminal.types("y");
    terminal.press("Enter");
    assert_eq!(terminal.end().0, 0);
    assert_eq!(host.count("POST", "/stop"), 1);
}

#[test]
fn a_staged_change_is_asked_about_when_it_is_applied() {
    let host = Host::demo();
    host.run(["snapshot", "create", "110", "before"]).ok();
    let staged = host.run(["snapshot", "rollback", "110", "before", "--confirm", "before", "--stage", "-o", "id"]).ok();
    let id = staged.lines()[0].to_owned();
    for (typed, code) in [("no", 3), ("before", 0)] {
        let Some(terminal) = start(&host, &["plan", "apply", &id]) else { return };
        terminal.until("(type before");
        terminal.types(typed);
        terminal.press("Enter");
        let (ended, screen) = terminal.end();
        assert_eq!(ended, code, "{screen}");
        assert_eq!(host.count("POST", "/rollback"), usize::from(code == 0));
    }
}

#[test]
fn an_unknown_host_is_introduced_before_anything_is_sent() {
    let host = Host::demo();
    let stranger = || {
        let mut env = host.home.env();
        env.extend(host.env().into_iter().filter(|(name, _)| name != "FELHOM_CA_FILE"));
        Terminal::start(110, 40, &env, &["api", "get", "/version", "--jq", ".release"])
    };
    let Some(terminal) = stranger() else { return };
    let screen = terminal.until("Is this the right host?");
    let flat: String = screen.split_whitespace().collect();
    assert!(flat.contains(host.fingerprint()) && screen.contains("openssl x509"), "{screen}");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 3, "Enter alone is no: {screen}");
    assert!(host.requests().is_empty());

    let Some(terminal) = stranger() else { return };
    terminal.until("Is this the right host?");
    terminal.types("y");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("9.2"), "{screen}");
}

#[test]
fn a_picker_is_left_with_escape() {
    let host = Host::demo();
    let Some(terminal) = start(&host, &["guest", "show"]) else { return };
    terminal.until("Which guest?");
    terminal.press("Escape");
    let (code, screen) = terminal.end();
    assert_eq!(code, 3, "{screen}");

    let Some(terminal) = start(&host, &["guest", "show"]) else { return };
    terminal.until("Which guest?");
    terminal.types("media");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("111"), "{screen}");
}

#[test]
fn progress_is_a_bar_that_goes_when_it_is_done() {
    let host = Host::with(&Options { speed: 10.0, ..demo_options() });
    // A container's archive says no percentage; a virtual machine's does.
    let backup = ["api", "post", "/nodes/pve2/vzdump", "vmid=201", "storage=local", "mode=snapshot"];
    let Some(terminal) = start(&host, &backup) else { return };
    let screen = terminal.until("%");
    assert!(screen.contains("vzdump"), "{screen}");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains('%'), "the bar is gone:\n{screen}");
    assert!(screen.contains("UPID:pve2:"), "{screen}");
}

#[test]
fn ctrl_c_at_a_terminal_names_the_task() {
    let host = Host::with(&Options { speed: 5.0, ..demo_options() });
    let backup = ["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot"];
    let Some(terminal) = start(&host, &backup) else { return };
    terminal.until("vzdump");
    crate::support::eventually("the task runs", || host.count("POST", "/vzdump") == 1);
    terminal.press("C-c");
    let (code, screen) = terminal.end();
    assert_eq!(code, 130, "{screen}");
    let flat: String = screen.split_whitespace().collect();
    assert!(flat.contains("UPID:pve1:") && flat.contains("felhomtaskstop"), "{screen}");
}
