//! How results leave the program: formats, widths, filters, errors as JSON, pipes that close.

use serde_json::{Value, json};

use crate::support::{Demo, Host, Run, Terminal, run, run_with};

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or_default()
}

#[test]
fn a_table_has_a_header_and_a_line_a_guest() {
    let demo = Demo::new();
    let list = demo.run(["guest", "list"]).ok();
    let lines = list.lines();
    assert!(lines[0].starts_with("VMID  NAME"), "{list}");
    assert!(lines[1].split_whitespace().take(5).eq(["101", "web", "lxc", "running", "pve1"]), "{list}");
    assert_eq!(lines.len(), 14);
    assert!(lines.iter().all(|line| *line == line.trim_end()), "no trailing blanks\n{list}");
    assert!(!list.stdout.contains('\x1b'), "{list}");
    assert_eq!(list.stderr, "");
    let bare = demo.run(["guest", "list", "--no-headers"]).ok();
    let words = |lines: &[&str]| lines.iter().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(words(&bare.lines()), words(&lines[1..]));
}

#[test]
fn a_table_fits_its_width_and_uses_more_where_there_is_more() {
    let demo = Demo::new();
    let at = |width: &str| run(demo.command(["guest", "list"]).env("COLUMNS", width)).ok();
    let (narrow, wide) = (at("80"), at("200"));
    assert!(widest(&narrow.stdout) <= 80, "{narrow}");
    assert!(widest(&wide.stdout) > widest(&narrow.stdout) && wide.stdout.contains("MEMORY") && !narrow.stdout.contains("MEMORY"), "{wide}");
    let small = at("70");
    assert!(widest(&small.stdout) <= 70 && small.stdout.contains('…'), "{small}");
    for list in [["node", "list"], ["storage", "list"], ["task", "list"]] {
        let narrow = run(demo.command(list).env("COLUMNS", "80")).ok();
        assert!(widest(&narrow.stdout) <= 80, "{narrow}");
    }
}

#[test]
fn a_terminal_gets_its_own_width_and_colour() {
    let host = Host::demo();
    let mut env = host.home.env();
    env.extend(host.env());
    for (columns, memory) in [(80, false), (200, true)] {
        let Some(terminal) = Terminal::start(columns, 40, &env, &["guest", "list"]) else { return };
        let (code, screen) = terminal.end();
        assert_eq!(code, 0, "{screen}");
        assert_eq!(screen.contains("MEMORY"), memory, "{screen}");
        assert!(screen.lines().any(|line| line.contains(" 9000") || line.starts_with("9000")), "{screen}");
    }
}

#[test]
fn json_has_raw_numbers_and_every_key() {
    let demo = Demo::new();
    let list = demo.run(["guest", "list", "-o", "json"]).ok().json();
    let web = &list[0];
    assert_eq!(
        (&web["vmid"], &web["name"], &web["kind"], &web["node"], &web["context"], &web["tags"]),
        (&json!(101), &json!("web"), &json!("lxc"), &json!("pve1"), &json!("demo"), &json!(["prod", "web"]))
    );
    assert_eq!((&web["memory_bytes"], &web["disk_bytes"]), (&json!(1_073_741_824_u64), &json!(8_589_934_592_u64)));
    assert!(web["uptime_s"].as_u64().unwrap() > 0);
    let tasks = demo.run(["task", "list", "-o", "json"]).ok().json();
    let started = tasks[0]["started_at"].as_str().unwrap();
    assert!(started.ends_with('Z') && started.contains('T') && tasks[0]["duration_s"].is_u64(), "{started}");
}

#[test]
fn the_same_rows_in_every_format() {
    let demo = Demo::new();
    let ids = ["101", "102", "103", "104", "110", "111", "120", "201", "202", "203", "204", "900", "9000"];
    assert_eq!(demo.run(["guest", "list", "-o", "id"]).ok().lines(), ids);
    assert_eq!(demo.run(["guest", "list", "--jq", ".[].vmid"]).ok().lines(), ids);
    assert_eq!(demo.run(["guest", "list", "--jq", ".[0].name"]).ok().stdout, "web\n", "a string stands raw");
    let jsonl = demo.run(["guest", "list", "-o", "jsonl"]).ok();
    let rows: Vec<Value> = jsonl.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row["vmid"].to_string()).collect::<Vec<_>>(), ids);
    let yaml = demo.run(["guest", "list", "-o", "yaml", "--columns", "vmid,name"]).ok();
    assert_eq!(yaml.lines()[..2], ["- vmid: 101", "  name: web"]);
    let csv = demo.run(["guest", "list", "-o", "csv", "--columns", "vmid,tags"]).ok();
    assert_eq!(csv.lines()[..2], ["vmid,tags", "101,\"prod,web\""]);
    let by_env = run(demo.command(["guest", "list"]).env("FELHOM_OUTPUT", "id")).ok();
    assert_eq!(by_env.lines(), ids);
    let before = run(&mut demo.home.felhom(["-o", "id", "demo", "guest", "list"])).ok();
    assert_eq!(before.lines(), ids, "flags may stand before `demo`");
}

#[test]
fn columns_sort_and_filter() {
    let demo = Demo::new();
    let list = |args: &[&str]| demo.run([&["guest", "list", "--no-headers"], args].concat()).ok();
    let running = list(&["--columns", "name,vmid", "--filter", "status=running,kind=qemu", "--sort", "name:desc"]);
    assert_eq!(running.stdout, "k3s-2          204\nk3s-1          203\nhomeassistant  201\n");
    assert_eq!(list(&["--filter", "name=k3s-*", "-o", "id"]).lines(), ["203", "204"]);
    assert_eq!(list(&["--filter", "node!=pve1,status!=running", "-o", "id"]).lines(), ["120", "202"]);
    assert_eq!(list(&["--sort", "memory_bytes:desc,vmid", "-o", "id"]).lines()[..2], ["202", "102"]);
    let none = list(&["--filter", "name=nosuch"]);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "no guests\n"));
    assert_eq!(list(&["--filter", "name=nosuch", "-o", "json"]).json(), json!([]));
}

#[test]
fn a_column_that_is_not_there_is_exit_2_and_nothing_is_shown() {
    let demo = Demo::new();
    for wrong in [["--columns", "nosuch"], ["--filter", "nosuch=1"], ["--sort", "nosuch"]] {
        let refused = demo.run(["guest", "list", wrong[0], wrong[1]]).fails(2);
        assert_eq!(refused.stdout, "");
        refused.says("there is no column 'nosuch'").says("vmid, name, kind");
    }
    demo.run(["guest", "list", "--jq", ".["]).fails(2).says("--jq '.['");
    let sent = demo.requests().len();
    assert_eq!(sent, 3, "a broken --jq is seen before anything is asked");
}

#[test]
fn an_error_is_one_json_object_where_json_was_asked_for() {
    let demo = Demo::new();
    let error = demo.run(["guest", "show", "nosuch", "-o", "json"]).fails(5).error();
    assert_eq!(error["kind"], "not_found");
    assert!(error["hint"].as_str().unwrap().contains("`felhom demo guest list`"), "{error}");
    assert!(error.get("upid").is_none() && error.get("path").is_none(), "absent keys are left out: {error}");
    assert_eq!(demo.run(["guest", "show", "nosuch", "-o", "jsonl"]).fails(5).error()["exit"], 5);
    assert_eq!(demo.run(["guest", "show", "nosuch", "--jq", "."]).fails(5).error()["exit"], 5);
    for args in [["guest", "list", "--nosuch"], ["guest", "nosuch", "-ojson"]] {
        let wrong = run(demo.command(args).env("FELHOM_OUTPUT", "json")).fails(2);
        assert_eq!(wrong.stdout, "");
        assert_eq!(wrong.error()["kind"], "usage");
    }
}

#[test]
fn an_unknown_parameter_is_said_by_name() {
    let host = Host::baseline();
    host.forgive("GET /version");
    let refused = host.run(["api", "get", "/version", "nosuch=1"]).fails(1);
    refused.says("nosuch: property is not defined in schema").says("felhom api describe");
    let error = host.run(["api", "get", "/version", "nosuch=1", "-o", "json"]).fails(1).error();
    assert_eq!(error["kind"], "bad_parameter");
    assert!(error["errors"]["nosuch"].as_str().unwrap().starts_with("property is not defined"), "{error}");
}

#[test]
fn a_wrong_word_on_the_command_line_is_exit_2_with_help() {
    let demo = Demo::new();
    let wrong = run(&mut demo.home.felhom(["guest", "lst"])).fails(2);
    assert_eq!(wrong.stdout, "");
    wrong.says("lst").says("list");
    let help = run(&mut demo.home.felhom(["guest", "list", "--help"])).ok();
    assert_eq!(help.stderr, "");
    help.shows("felhom guest list --type lxc");
    let version = run(&mut demo.home.felhom(["--version"])).ok();
    assert_eq!(version.stdout, format!("felhom {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let host = Host::with(&felhom::demo::Options { guests: Some(3000), ..crate::support::demo_options() });
    let mut env = host.env();
    env.extend(host.home.env());
    for format in ["table", "jsonl", "csv"] {
        let script = format!("'{}' guest list -o {format} | head -n 1; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_felhom"));
        let mut shell = assert_cmd::Command::new("bash");
        let piped = run(shell.env_clear().envs(env.clone()).args(["-c", &script])).ok();
        assert_eq!((piped.lines().len(), piped.lines().last(), piped.stderr.as_str()), (2, Some(&"0"), ""), "{piped}");
    }
}

/// A guest whose name and notes would like to take over the terminal.
fn hostile(host: &Host) {
    host.with_state(|state| {
        let guest = state.guests.get_mut(&101).unwrap();
        guest.config.insert("hostname".to_owned(), "a\u{1b}[31mred\u{7}\r\nb\u{202e}c".into());
        guest.config.insert("description".to_owned(), "\u{1b}]0;title\u{7}line\u{9b}2J".into());
    })
    .unwrap();
}

#[test]
fn hostile_names_do_nothing_to_a_table() {
    let host = Host::demo();
    hostile(&host);
    let clean = |run: &Run| {
        let bad = run.stdout.chars().chain(run.stderr.chars()).find(|c| c.is_control() && *c != '\n' || "\u{202e}\u{9b}".contains(*c));
        assert_eq!(bad, None, "{}", run.stdout.escape_debug());
    };
    let list = host.run(["guest", "list", "--color", "never"]).ok();
    clean(&list);
    assert_eq!(list.lines().len(), 14, "a name is one line\n{list}");
    clean(&host.run(["guest", "show", "101"]).ok());
    clean(&host.run(["guest", "config", "101"]).ok());
    let list = host.run(["guest", "list", "-o", "json"]).ok();
    clean(&Run { stdout: list.stdout.replace("\\u001b", ""), ..list });
}

#[test]
fn quiet_and_verbose_speak_on_stderr_alone() {
    let host = Host::demo();
    let plain = host.run(["guest", "list"]).ok();
    let verbose = host.run(["guest", "list", "-vv"]).ok();
    let table =
        |run: &Run| run.lines().iter().map(|line| line.split_whitespace().take(5).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(table(&plain), table(&verbose));
    verbose.says("GET /cluster/resources").says("200 OK");
    let quiet = host.run(["guest", "list", "--filter", "name=nosuch", "-q"]).ok();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn colour_goes_where_it_is_wanted() {
    let host = Host::demo();
    let colored = host.run(["guest", "list", "--color", "always"]).ok();
    assert!(colored.stdout.contains("\x1b["), "{colored}");
    let plain = run(host.felhom(["guest", "list"]).env("NO_COLOR", "1")).ok();
    assert!(!plain.stdout.contains('\x1b'), "{plain}");
}

#[test]
fn a_value_comes_from_standard_input() {
    let host = Host::demo();
    let text = "ünï=1;2+3\nline two";
    let put = ["api", "put", "/nodes/pve1/lxc/101/config", "description=@-", "--yes"];
    run_with(&mut host.felhom(put), text).ok();
    let config = host.run(["guest", "config", "101", "--jq", ".description"]).ok();
    assert_eq!(config.stdout.trim_end(), text);
}

#[test]
fn a_list_of_several_contexts_says_which_line_is_from_which() {
    let host = Host::demo();
    let secret = host.home.path().join("secret");
    std::fs::write(&secret, host.secret("felhom@pve!agent")).unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let context = |name: &str| {
        format!(
            "[contexts.{name}]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"file:{}\"\nca_file = \"{}\"\n[[contexts.{name}.endpoints]]\nurl = \"{}\"\n",
            secret.display(),
            host.ca_file().display(),
            host.endpoint()
        )
    };
    host.home.configure(&(context("home") + &context("office")));
    let list = run(&mut host.home.felhom(["guest", "list", "--contexts", "home,office", "--filter", "vmid=101"])).ok();
    let lines = list.lines();
    assert!(lines[0].starts_with("CONTEXT  VMID"), "{list}");
    assert!(lines[1].starts_with("home ") && lines[2].starts_with("office "), "{list}");
    let csv = run(&mut host.home.felhom(["task", "list", "--all-contexts", "-o", "csv"])).ok();
    assert!(csv.stdout.starts_with("context,"), "{csv}");
    let one = run(&mut host.home.felhom(["-c", "home", "guest", "list"])).ok();
    assert!(one.stdout.starts_with("VMID "), "{one}");
}

#[test]
fn a_long_exit_status_does_not_widen_a_piped_table() {
    let host = Host::demo();
    let failed = host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local-lvm"]).fails(6);
    assert!(failed.stderr.contains("can't use storage 'local-lvm' for backups - wrong content type"), "{failed}");
    let errors = ["task", "list", "--errors", "--type", "vzdump", "--limit", "1"];
    let list = host.run(errors).ok();
    let (head, line) = (list.lines()[0], list.lines()[1]);
    let column = |title: &str| head.find(title).unwrap();
    assert!(column("NODE") - column("EXITSTATUS") <= 42 && line.contains('…') && line.contains("UPID:pve1:"), "{list}");
    // Named, it is shown in full.
    let named = host.run(errors.iter().chain(&["--columns", "exitstatus"])).ok();
    assert!(named.stdout.contains("wrong content type"), "{named}");
}
