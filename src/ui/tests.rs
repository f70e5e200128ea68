//! Complete results in every format.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::fault::{Fault, Kind, Side};

#[derive(Serialize)]
struct Guest {
    vmid: u32,
    name: String,
    status: &'static str,
    memory: Option<u64>,
    notes: String,
}

impl Row for Guest {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("vmid", |g: &Self| Cell::Int(g.vmid.into())),
            Column::new("name", |g: &Self| Cell::text(&g.name)).flex(),
            Column::new("status", |g: &Self| Cell::state(g.status, if g.status == "running" { Tone::Good } else { Tone::Dim })),
            Column::new("memory", |g: &Self| Cell::maybe(g.memory, Cell::Bytes)).wide(),
            Column::new("notes", |g: &Self| Cell::text(&g.notes)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.vmid.to_string()
    }

    fn noun() -> &'static str {
        "guests"
    }
}

impl Record for Guest {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![("vmid", Cell::Int(self.vmid.into())), ("memory", Cell::maybe(self.memory, Cell::Bytes)), ("notes", Cell::text(&self.notes))]
    }

    fn id(&self) -> String {
        self.vmid.to_string()
    }
}

fn guests() -> Vec<Guest> {
    let guest = |vmid, name: &str, status, memory, notes: &str| Guest { vmid, name: name.into(), status, memory, notes: notes.into() };
    vec![guest(101, "web", "running", Some(1 << 30), "front, \"main\"\ntwo"), guest(9, "größe-日本", "stopped", None, "")]
}

fn shown(options: Options, screen: Screen, run: impl FnOnce(&Out)) -> (String, String) {
    let (out, captured) = Out::captured(options, screen);
    run(&out);
    (captured.stdout(), captured.stderr())
}

fn listed(options: Options) -> String {
    shown(options, Screen::piped(), |out| out.list(&guests()).unwrap()).0
}

fn format(format: Format) -> Options {
    Options { format: Some(format), ..Options::default() }
}

fn columns(names: &str, options: Options) -> Options {
    Options { columns: Some(vec![names.into()]), ..options }
}

#[test]
fn a_table() {
    assert_eq!(
        listed(Options::default()),
        "VMID  NAME        STATUS   MEMORY\n 101  web         running   1 GiB\n   9  größe-日本  stopped       -\n"
    );
    assert_eq!(listed(Options { no_headers: true, ..columns("name,vmid", Options::default()) }), "web         101\ngröße-日本    9\n");
}

#[test]
fn the_machine_formats() {
    assert_eq!(listed(format(Format::Id)), "101\n9\n");
    assert_eq!(listed(format(Format::Csv)), "vmid,name,status,memory\n101,web,running,1073741824\n9,größe-日本,stopped,\n");
    assert_eq!(listed(columns("vmid,notes", format(Format::Csv))), "vmid,notes\n101,\"front, \"\"main\"\"\ntwo\"\n9,\n");
    assert_eq!(
        listed(format(Format::Jsonl)),
        "{\"vmid\":101,\"name\":\"web\",\"status\":\"running\",\"memory\":1073741824,\"notes\":\"front, \\\"main\\\"\\ntwo\"}\n\
         {\"vmid\":9,\"name\":\"größe-日本\",\"status\":\"stopped\",\"memory\":null,\"notes\":\"\"}\n"
    );
    let json: Value = serde_json::from_str(&listed(format(Format::Json))).unwrap();
    assert_eq!(json, serde_json::to_value(guests()).unwrap());
    let yaml: Value = serde_saphyr::from_str(&listed(format(Format::Yaml))).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn filter_sort_and_columns_work_in_every_format() {
    let all = |f| Options { filter: vec!["vmid=*".into()], sort: Some("vmid".into()), ..columns("vmid", format(f)) };
    assert_eq!(listed(all(Format::Table)), "VMID\n   9\n 101\n");
    assert_eq!(listed(all(Format::Csv)), "vmid\n9\n101\n");
    assert_eq!(listed(all(Format::Id)), "9\n101\n");
    assert_eq!(listed(all(Format::Jsonl)), "{\"vmid\":9}\n{\"vmid\":101}\n");
    let some = Options { filter: vec!["status!=running".into()], ..format(Format::Id) };
    assert_eq!(listed(some), "9\n");
}

#[test]
fn jq_means_json_and_prints_as_gh_does() {
    let jq = |text: &str| Options { jq: Some(text.into()), ..format(Format::Table) };
    assert_eq!(listed(jq(".[].vmid")), "101\n9\n");
    assert_eq!(listed(jq(".[].name")), "web\ngröße-日本\n");
    assert_eq!(listed(jq("map(.memory)")), "[1073741824,null]\n");
    assert_eq!(listed(jq(".[] | select(.status==\"running\") | {vmid}")), "{\"vmid\":101}\n");
    assert_eq!(listed(jq("empty")), "");
    let (pretty, _) = shown(jq("map(.vmid)"), Screen::terminal(80), |out| out.list(&guests()).unwrap());
    assert_eq!(pretty, "[\n  101,\n  9\n]\n");
}

#[test]
fn jq_mistakes_are_found_before_anything_is_done() {
    for (expression, says) in [(".[", "at the end"), (".[] | nope", "filter 'nope'"), ("$x", "'$x'"), (".a)", "at ')'")] {
        let (out, _) = Out::captured(Options { jq: Some(expression.into()), ..Options::default() }, Screen::piped());
        let fault = out.check().unwrap_err();
        assert_eq!(fault.kind, Kind::Usage);
        assert!(fault.message.contains(says), "{}", fault.message);
    }
    let (out, captured) = Out::captured(Options { jq: Some(".vmid".into()), ..Options::default() }, Screen::piped());
    out.check().unwrap();
    assert_eq!(out.list(&guests()).unwrap_err().kind, Kind::Other);
    assert_eq!(captured.stdout(), "");
}

#[test]
fn nothing_is_a_note_or_an_empty_array() {
    let none = |options| shown(options, Screen::piped(), |out| out.list::<Guest>(&[]).unwrap());
    assert_eq!(none(Options::default()), (String::new(), "no guests\n".into()));
    assert_eq!(none(Options { quiet: true, ..Options::default() }), (String::new(), String::new()));
    assert_eq!(none(format(Format::Json)), ("[]\n".into(), String::new()));
    assert_eq!(none(format(Format::Yaml)), ("[]\n".into(), String::new()));
    assert_eq!(none(format(Format::Jsonl)), (String::new(), String::new()));
    assert_eq!(none(format(Format::Id)), (String::new(), String::new()));
    assert_eq!(none(format(Format::Csv)), ("vmid,name,status,memory\n".into(), String::new()));
}

#[test]
fn a_table_fits_its_width() {
    let rows: Vec<Guest> = (0..3)
        .map(|n| Guest { vmid: 100 + n, name: "日本".repeat(30), status: "running", memory: Some(5), notes: "n".repeat(10_000) })
        .collect();
    for width in [30, 40, 80, 200] {
        for wanted in [None, Some(vec!["vmid,name,notes,memory,status".to_owned()])] {
            let options = Options { columns: wanted, ..Options::default() };
            let (table, _) = shown(options, Screen::terminal(width), |out| out.list(&rows).unwrap());
            assert_eq!(table.lines().count(), 4);
            for line in table.lines() {
                assert!(console::measure_text_width(line) <= width.max(48), "{width}: {line}");
            }
            assert!(table.contains("running") && table.contains("102"), "{table}");
        }
    }
    let (narrow, _) = shown(Options::default(), Screen::terminal(30), |out| out.list(&rows).unwrap());
    assert!(!narrow.contains("MEMORY") && narrow.contains('…'), "{narrow}");
    let (wide, _) = shown(Options::default(), Screen::terminal(200), |out| out.list(&rows).unwrap());
    assert!(wide.contains("MEMORY") && !wide.contains('…'), "{wide}");
    let (piped, _) = shown(columns("notes", Options::default()), Screen::piped(), |out| out.list(&rows).unwrap());
    assert_eq!(piped.lines().nth(1).unwrap().chars().count(), 200);
}

#[derive(Serialize)]
struct Finding {
    state: &'static str,
    fix: String,
}

impl Row for Finding {
    fn columns() -> Vec<Column<Self>> {
        let state = |f: &Self| Cell::state(f.state, Tone::Bad);
        vec![Column::new("state", state), Column::new("fix", |f: &Self| Cell::text(&f.fix)).wraps()]
    }

    fn id(&self) -> String {
        self.state.to_owned()
    }
}

#[test]
fn a_column_that_wraps_keeps_every_word() {
    let findings = [Finding { state: "bad", fix: "run this and then that".into() }, Finding { state: "worse", fix: "rest".into() }];
    let narrow = Screen { width: Some(20), ..Screen::piped() };
    let (table, _) = shown(Options::default(), narrow, |out| out.list(&findings).unwrap());
    assert_eq!(table, "STATE  FIX\nbad    run this and\n       then that\nworse  rest\n");
    let color = Screen { width: Some(20), color: true, ..Screen::piped() };
    let (table, _) = shown(Options::default(), color, |out| out.list(&findings).unwrap());
    assert_eq!(table.lines().nth(3), Some("\u{1b}[31mworse\u{1b}[0m  rest"), "{table:?}");
    let long = [Finding { state: "bad", fix: "word ".repeat(100) }];
    let (table, _) = shown(Options::default(), Screen::piped(), |out| out.list(&long).unwrap());
    assert_eq!(table.lines().count(), 2, "without a width nothing is broken, and nothing is cut");
    assert_eq!(table.matches("word").count(), 100);
}

#[test]
fn the_lines_of_one_thing_keep_to_the_width() {
    let guest = &guests()[0];
    let narrow = Screen { width: Some(28), ..Screen::piped() };
    let one =
        Guest { notes: "one two three four five six seven".into(), ..Guest { name: guest.name.clone(), notes: String::new(), ..*guest } };
    let (text, _) = shown(Options::default(), narrow, |out| out.one(&one).unwrap());
    assert_eq!(text, "VMID    101\nMemory  1 GiB\nNotes   one two three four\n        five six seven\n");
}

#[test]
fn colour_goes_round_the_words_and_moves_nothing() {
    let screen = Screen { color: true, ..Screen::terminal(80) };
    let (colored, _) = shown(Options::default(), screen, |out| out.list(&guests()).unwrap());
    assert!(colored.starts_with("\u{1b}[1mVMID  NAME        STATUS   MEMORY\u{1b}[0m\n"), "{colored:?}");
    assert!(colored.contains("\u{1b}[32mrunning\u{1b}[0m") && colored.contains("\u{1b}[2mstopped\u{1b}[0m"));
    let (plain, _) = shown(Options::default(), Screen::terminal(80), |out| out.list(&guests()).unwrap());
    assert_eq!(console::strip_ansi_codes(&colored), plain);
}

#[test]
fn hostile_names_stay_in_their_cell() {
    let bad = Guest { vmid: 1, name: "\u{1b}[2Jx\r\ny\u{202e}z".into(), status: "running", memory: None, notes: "a\u{7}\nb".into() };
    let run = |options| shown(options, Screen::terminal(80), |out| out.list(std::slice::from_ref(&bad)).unwrap()).0;
    assert_eq!(run(columns("name", Options::default())), "NAME\nx␤y\u{FFFD}z\n");
    assert_eq!(run(columns("name", format(Format::Csv))), "name\n\"x\ny\u{FFFD}z\"\n");
    for f in [Format::Json, Format::Jsonl, Format::Yaml] {
        let text = run(columns("name,notes", format(f)));
        assert!(!text.chars().any(|c| c != '\n' && clean::is_unsafe(c)), "{text:?}");
    }
    assert_eq!(run(Options { jq: Some(".[].name".into()), ..Options::default() }), "x\ny\u{FFFD}z\n");
    let (text, _) = shown(Options::default(), Screen::terminal(80), |out| out.text("a\u{1b}[31mb\n").unwrap());
    assert_eq!(text, "ab\n");
    let (text, _) = shown(Options::default(), Screen::piped(), |out| out.text("a\u{1b}[31mb\n").unwrap());
    assert_eq!(text, "a\u{1b}[31mb\n");
}

#[test]
fn one_thing() {
    let one = |options| shown(options, Screen::terminal(80), |out| out.one(&guests()[0]).unwrap()).0;
    assert_eq!(one(Options::default()), "VMID    101\nMemory  1 GiB\nNotes   front, \"main\"\n        two\n");
    assert_eq!(one(columns("memory", Options::default())), "memory  1 GiB\n");
    assert_eq!(one(format(Format::Id)), "101\n");
    assert_eq!(one(columns("vmid,memory", format(Format::Csv))), "vmid,memory\n101,1073741824\n");
    assert_eq!(one(columns("memory", format(Format::Jsonl))), "{\"memory\":1073741824}\n");
    assert_eq!(one(Options { jq: Some(".status".into()), ..Options::default() }), "running\n");
}

#[test]
fn any_json() {
    let any = |value: Value, options| shown(options, Screen::piped(), |out| out.value(&value).unwrap()).0;
    let nodes = json!([{"node": "pve1", "cpu": 0.25, "up": true}, {"node": "pve2", "tags": ["a", "b"], "x": {"y": 1}}]);
    assert_eq!(
        any(nodes.clone(), Options::default()),
        "NODE   CPU  UP   TAGS  X\npve1  0.25  yes  -     -\npve2     -  -    a,b   {\"y\":1}\n"
    );
    assert_eq!(any(nodes.clone(), format(Format::Id)), "pve1\npve2\n");
    assert_eq!(any(nodes, Options { filter: vec!["cpu=0.25".into()], ..columns("node", Options::default()) }), "NODE\npve1\n");
    assert_eq!(any(json!({"a": 1, "bc": null}), Options::default()), "a   1\nbc  -\n");
    assert_eq!(any(json!("100"), Options::default()), "100\n");
    assert_eq!(any(json!("100"), format(Format::Json)), "\"100\"\n");
    assert_eq!(any(json!(null), Options::default()), "");
    assert_eq!(any(json!(["x", 2]), Options::default()), "x\n2\n");
    assert_eq!(any(json!(["x", 2]), format(Format::Jsonl)), "\"x\"\n2\n");
    assert_eq!(any(json!([]), Options { sort: Some("any".into()), ..format(Format::Json) }), "[]\n");
    let (out, _) = Out::captured(format(Format::Id), Screen::piped());
    assert_eq!(out.value(&json!([{"cpu": 1}])).unwrap_err().kind, Kind::Usage);
}

fn denied() -> Fault {
    let mut fault = Fault::new(Kind::Denied, "cannot back up 101: 403 Permission check failed");
    fault.path = Some("/vms/101".into());
    fault.privilege = Some("VM.Backup".into());
    fault.who = Some(Side::Token);
    fault.upid = Some("UPID:pve1:1:".into());
    fault.errors = BTreeMap::from([("storage".into(), "no such\nstorage\n".into())]);
    fault.log = vec!["INFO: start\u{1b}[31m".into(), "ERROR: no".into()];
    fault
}

#[test]
fn a_fault_for_people() {
    let (_, text) = shown(Options::default(), Screen::piped(), |out| out.fault(&denied()));
    assert_eq!(
        text,
        "error: cannot back up 101: 403 Permission check failed\n  storage: no such␤storage\n  the token lacks VM.Backup on /vms/101\n  \
         task UPID:pve1:1:\n  | INFO: start\n  | ERROR: no\nhint: run `felhom role check` to see which commands this token's privileges allow\n"
    );
    let spoof = Fault::other("one\nhint: run rm -rf").with_hint("look");
    let (_, text) = shown(Options::default(), Screen::piped(), |out| out.fault(&spoof));
    assert_eq!(text, "error: one\n  hint: run rm -rf\nhint: look\n");
}

#[test]
fn a_fault_for_programs_is_one_line() {
    let (stdout, text) = shown(format(Format::Json), Screen::piped(), |out| out.fault(&denied()));
    assert_eq!(stdout, "");
    assert_eq!(text.lines().count(), 1);
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        error["error"],
        json!({
            "kind": "denied", "exit": 4, "message": "cannot back up 101: 403 Permission check failed",
            "hint": "run `felhom role check` to see which commands this token's privileges allow",
            "path": "/vms/101", "privilege": "VM.Backup", "who": "token", "upid": "UPID:pve1:1:",
            "errors": {"storage": "no such\nstorage\n"}, "log": ["INFO: start\u{1b}[31m", "ERROR: no"],
        })
    );
    let (_, text) =
        shown(Options { jq: Some(".".into()), ..Options::default() }, Screen::piped(), |out| out.fault(&Fault::usage("no").with_hint("h")));
    assert_eq!(text, "{\"error\":{\"kind\":\"usage\",\"exit\":2,\"message\":\"no\",\"hint\":\"h\"}}\n");
}

#[test]
fn the_hint_names_the_task_and_what_was_shown_is_not_said_again() {
    let fault = Fault::new(Kind::TaskFailed, "backup failed").with_upid("UPID:pve1:2:");
    let (_, text) = shown(Options::default(), Screen::piped(), |out| out.fault(&fault));
    assert_eq!(text, "error: backup failed\nhint: read the whole log with `felhom task log 'UPID:pve1:2:'`\n");
    let (_, text) = shown(Options::default(), Screen::piped(), |out| out.fault(&Fault { shown: true, ..fault }));
    assert_eq!(text, "");
}

#[test]
fn messages_and_how_loud_they_are() {
    let say = |out: &Out| {
        out.warn("w");
        out.hint("h");
        out.note("n");
        out.debug(1, "d");
        out.debug(2, "wire");
    };
    let heard = |quiet, verbose| shown(Options { quiet, verbose, ..Options::default() }, Screen::piped(), say).1;
    assert_eq!(heard(false, 0), "warning: w\nhint: h\nn\n");
    assert_eq!(heard(true, 0), "warning: w\n");
    assert_eq!(heard(false, 1), "warning: w\nhint: h\nn\nd\n");
    assert_eq!(heard(false, 2), "warning: w\nhint: h\nn\nd\nwire\n");
}

#[test]
fn a_column_can_be_taken_over_by_a_row_that_wraps_it() {
    struct InContext {
        context: &'static str,
        guest: Guest,
    }
    let mut all = vec![Column::new("context", |w: &InContext| Cell::text(w.context))];
    all.extend(Guest::columns().into_iter().map(|c| c.of(|w: &InContext| &w.guest)));
    let wrapped = InContext { context: "home", guest: guests().remove(0) };
    let cells: Vec<Cell> = all.iter().map(|c| (c.get)(&wrapped)).collect();
    assert_eq!(cells[..3], [Cell::text("home"), Cell::Int(101), Cell::text("web")]);
}
