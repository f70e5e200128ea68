//! Names, notes and logs that mean harm: to the terminal, the table, the CSV, a shell and the journal.

use felhom::demo::state::Snapshot;

use crate::support::{Host, Run, Terminal};

/// Clears the screen, sets the title, turns the line round, and pretends to be a line of somebody else.
const NASTY: &str =
    "web\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gpj.exe\u{2066}\u{200b}\u{feff}\u{9b}31m\r\n    9. POST /nodes/pve1/forged\nroot@pam: ok,\"x\"";

/// Nothing that a terminal or a reader's eye would follow.
fn harmless(text: &str) -> bool {
    let unsafe_char = |c: char| {
        c != '\n'
            && (c.is_control()
                || matches!(c, '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'))
    };
    !text.contains(unsafe_char)
}

#[track_caller]
fn unharmed(run: Run) -> Run {
    assert!(harmless(&run.stdout) && harmless(&run.stderr), "{:?}\n{:?}", run.stdout, run.stderr);
    run
}

/// 110 has the nasty name, 111 one of 10 kB; what else a guest or somebody else can write is nasty too.
fn haunted() -> Host {
    let host = Host::demo();
    let long = "x".repeat(10_000);
    host.with_state(|state| {
        for (vmid, name) in [(110, NASTY), (111, long.as_str())] {
            let guest = state.guests.get_mut(&vmid).unwrap();
            let key = if guest.config.contains_key("hostname") { "hostname" } else { "name" };
            guest.config.insert(key.to_owned(), name.into());
            guest.config.insert("description".into(), name.into());
            guest.snapshots.push(Snapshot {
                name: format!("s{name}"),
                config: guest.config.clone(),
                snaptime: 1_790_000_000,
                parent: None,
                description: Some(name.into()),
                vmstate: false,
            });
        }
        for volume in state.storages.values_mut().flat_map(|storage| &mut storage.volumes).filter(|volume| volume.content == "backup") {
            volume.notes = Some(format!("{NASTY}{long}"));
        }
        for job in state.section_mut("backup").values_mut() {
            job.insert("comment".into(), NASTY.into());
        }
        for task in &mut state.tasks {
            task.lines.iter_mut().for_each(|line| line.text = format!("{NASTY}{long}"));
            task.exit = NASTY.into();
        }
    })
    .unwrap();
    host
}

fn some_upid(host: &Host) -> String {
    host.with_state(|state| state.tasks[0].upid()).unwrap()
}

#[test]
fn a_hostile_name_does_no_harm() {
    let host = haunted();
    // In CSV the line breaks stand within quotes, as the format has it.
    let expected = |format: &str| match format {
        "id" => 13,
        "csv" => 16,
        _ => 14,
    };
    for format in ["table", "csv", "id"] {
        let run = unharmed(host.run(["guest", "list", "-o", format]).ok());
        assert_eq!(run.lines().len(), expected(format), "{format}: {run}");
    }
    let json = host.run(["guest", "list", "-o", "json"]).ok();
    assert_eq!(json.json().as_array().unwrap().iter().filter(|guest| guest["name"] == NASTY).count(), 1, "the data itself is whole");
    unharmed(host.run(["guest", "stop", "110", "111", "--yes"]).ok());
    let journal = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap();
    assert!(harmless(&journal), "one record is one line, without control characters");
    assert!(journal.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    let id = host.run(["history", "-o", "id"]).ok().lines()[0].to_owned();
    for format in ["table", "csv", "json", "yaml"] {
        unharmed(host.run(["history", "-o", format]).ok());
        unharmed(host.run(["history", "show", &id, "-o", format]).ok());
    }
}

#[test]
fn whatever_somebody_else_wrote_is_shown_without_harm() {
    let host = haunted();
    let upid = some_upid(&host);
    let archive = host.run(["backup", "list", "102", "-o", "id"]).ok().lines()[0].to_owned();
    let job = host.run(["backup", "job", "list", "-o", "id"]).ok().lines()[0].to_owned();
    let reads: &[&[&str]] = &[
        &["guest", "list"],
        &["guest", "show", "110"],
        &["guest", "show", "111"],
        &["guest", "config", "110"],
        &["snapshot", "list", "110"],
        &["snapshot", "list", "111"],
        &["backup", "list"],
        &["backup", "show", &archive],
        &["backup", "scope", "110"],
        &["backup", "age"],
        &["backup", "prune", "--storage", "nas", "--keep", "last=1", "--preview"],
        &["backup", "job", "list"],
        &["backup", "job", "show", &job],
        &["storage", "content", "nas"],
        &["task", "list", "--errors"],
        &["task", "show", &upid],
        &["task", "log", &upid],
        &["task", "log", "-f", &upid],
        &["task", "wait", &upid],
        &["api", "get", "/cluster/resources"],
        &["api", "get", "/nodes/pve1/lxc/110/config"],
    ];
    for words in reads {
        for format in ["table", "csv", "json", "jsonl", "yaml"] {
            let run = unharmed(host.run(words.iter().chain(&["-o", format])));
            assert!(matches!(run.code, 0 | 1 | 6 | 7), "{words:?} {format}: {run}");
            // A table keeps its shape: 10 kB of text do not push everything else away.
            let log = words[..2] == ["task", "log"];
            let widest = run.stdout.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(format != "table" || log || widest < 1200, "{words:?}: {widest} columns");
        }
    }
}

#[test]
fn plans_and_what_is_staged_keep_their_lines() {
    let host = haunted();
    let changes: &[&[&str]] = &[
        &["guest", "stop", "110"],
        &["guest", "stop", "111"],
        &["guest", "set", "110", "--delete", "description"],
        &["snapshot", "create", "110", "new", "--description", NASTY],
        &["backup", "run", "110", "--storage", "local", "--notes", NASTY],
        &["api", "put", "/nodes/pve1/lxc/110/config", &format!("description={NASTY}")],
    ];
    for words in changes {
        let plan = unharmed(host.run(words.iter().chain(&["--plan"])).ok());
        assert!(!plan.stdout.lines().any(|line| line.trim_start().starts_with("9. ")), "a step is forged: {plan}");
        assert!(plan.stdout.lines().all(|line| line.chars().count() <= 1000), "{plan}");
        unharmed(host.run(words.iter().chain(&["--plan", "-o", "json"])).ok());
        let staged = unharmed(host.run(words.iter().chain(&["--stage", "-o", "id"])).ok());
        let id = staged.lines()[0].to_owned();
        assert!(harmless(&std::fs::read_to_string(host.home.state().join(format!("staged/{id}.json"))).unwrap()));
        for format in ["table", "json", "yaml"] {
            unharmed(host.run(["plan", "show", &id, "-o", format]).ok());
            unharmed(host.run(["plan", "list", "-o", format]).ok());
        }
        unharmed(host.run(["plan", "discard", &id]).ok());
    }
}

#[test]
fn commands_for_root_run_nothing_that_a_name_says() {
    let host = haunted();
    host.with_state(|state| {
        let guest = state.guests.get_mut(&110).unwrap();
        guest.config.insert("tags".into(), "production".into());
        guest.config.insert("hostname".into(), "web\ntouch FORGED; #".into());
        guest.config.insert("description".into(), "it's\n$(touch FORGED)`touch FORGED`".into());
    })
    .unwrap();
    let here = host.home.path();
    let pretend = here.join("bin");
    std::fs::create_dir(&pretend).unwrap();
    for tool in ["pvesh", "pveum"] {
        let file = pretend.join(tool);
        std::fs::write(&file, "#!/bin/sh\necho \"$@\" >> said\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    // Refused ones are comments, and stay them.
    for words in [
        &["guest", "stop", "110"][..],
        &["guest", "stop", "110", "--force"],
        &["api", "put", "/nodes/pve1/lxc/110/config", "description=it's\n$(touch FORGED)"],
        &["snapshot", "create", "110", "new", "--description", "a\ntouch FORGED"],
    ] {
        let plan = host.run(words.iter().chain(&["--plan=pveum"])).ok();
        let mut shell = assert_cmd::Command::new("sh");
        shell.current_dir(here).env("PATH", format!("{}:/usr/bin:/bin", pretend.display())).write_stdin(plan.stdout.clone());
        shell.assert().success();
        assert!(!here.join("FORGED").exists(), "{plan}");
    }
    assert!(std::fs::read_to_string(here.join("said")).unwrap().contains("/nodes/pve1/lxc/110/status/stop"), "the honest part was run");
}

#[test]
fn what_a_host_answers_does_no_harm_either() {
    let host = Host::demo();
    // The lock is a word of the host's that comes back in its refusals.
    host.with_state(|state| state.guests.get_mut(&110).unwrap().config.insert("lock".into(), NASTY.into())).unwrap();
    for words in
        [&["guest", "stop", "110", "--yes"][..], &["api", "post", "/nodes/pve1/lxc/110/status/stop", "--yes"], &["guest", "show", "110"]]
    {
        for extra in [&[][..], &["-o", "json"], &["-o", "csv"], &["--progress", "json"], &["--progress", "plain", "-vv"]] {
            unharmed(host.run(words.iter().chain(extra)));
        }
    }
}

#[test]
fn progress_does_no_harm() {
    let host = haunted();
    let backup = || host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "--detach"]).ok().lines()[0].to_owned();
    for progress in ["plain", "json"] {
        let upid = backup();
        host.with_state(|state| {
            let task = state.tasks.iter_mut().find(|task| task.upid() == upid).unwrap();
            task.lines.iter_mut().for_each(|line| line.text = NASTY.into());
        })
        .unwrap();
        unharmed(host.run(["task", "wait", &upid, "--progress", progress, "-v"]));
    }
    for progress in ["plain", "json"] {
        unharmed(host.run(["guest", "start", "110", "111", "--progress", progress]));
        unharmed(host.run(["guest", "stop", "110", "111", "--yes", "--progress", progress]));
    }
}

#[test]
fn questions_and_pickers_keep_their_lines_on_a_terminal() {
    let host = haunted();
    let mut env = host.home.env();
    env.extend(host.env());
    for vmid in ["110", "111"] {
        let Some(terminal) = Terminal::start(110, 40, &env, &["guest", "stop", vmid]) else { return };
        let screen = terminal.until("(y/n)");
        // What is asked about is on the screen, whatever the guest is called.
        assert!(screen.contains(&format!("POST /nodes/pve{}/lxc/{vmid}/status/stop", if vmid == "110" { 1 } else { 3 })), "{screen}");
        assert!(!screen.lines().any(|line| line.trim_start().starts_with("9. ") || line.starts_with("root@pam: ok")), "{screen}");
        terminal.types("n");
        terminal.press("Enter");
        assert_eq!(terminal.end().0, 3);
    }
    let Some(terminal) = Terminal::start(110, 20, &env, &["guest", "show"]) else { return };
    let screen = terminal.until("Which guest?");
    assert!(screen.lines().all(|line| !line.starts_with("root@pam: ok")), "{screen}");
    terminal.types("110");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    // The title that the name wanted was not set: tmux would show it as the pane's.
    assert_ne!(terminal.title(), "owned");
}
