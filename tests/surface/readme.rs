//! The README: its commands work, and what it shows is what felhom prints.

use std::path::Path;

use assert_cmd::Command;

use super::examples::parses;
use crate::support::{Demo, Host, Run, run};

/// Commands that this test does not run, by their beginning, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo run --release -- demo tour", "takes minutes to build: .ci/run does it"),
    ("cargo test", "this is a part of it"),
    ("cargo install", "installs: tests/lab/readme does it in a clean Debian"),
    ("felhom fence", "needs ssh, sudo and root: tests/lab/readme runs the section in a clean Debian"),
];

/// Commands that end with another code than 0, and why.
const CODES: &[(&str, i32, &str)] = &[
    ("felhom -c home backup age", 7, "some guests of the demo site have no backup"),
    ("felhom doctor", 1, "the demo site has a guest with a stale lock"),
];

const MOST_LINES: usize = 150;
const ROOT_PASSWORD: &str = "felhom-demo";

/// A command of the README, and the output that the README shows for it.
struct Shown {
    section: String,
    command: String,
    output: Vec<String>,
}

#[test]
fn its_commands_work_and_print_what_it_shows() {
    let text = readme();
    let generate = std::env::var("FELHOM_GENERATE").is_ok_and(|v| v == "1");
    let (demo, site) = (Demo::new().speed(if generate { 10.0 } else { 500.0 }), Site::new());
    let (mut wrong, mut fresh) = (Vec::new(), text.clone());
    for shown in commands(&text) {
        let Shown { section, command, output } = &shown;
        if command.starts_with("felhom")
            && let Err(why) = parses(command)
        {
            wrong.push(format!("{command}\n{why}"));
            continue;
        }
        if NOT_RUN.iter().any(|(start, _)| command.starts_with(start)) {
            continue;
        }
        let ran = match section.as_str() {
            "First host" | "Cron" => site.run(command),
            "What needs root" => in_demo(&demo, &command.replacen("felhom ", "felhom demo ", 1)),
            _ => in_demo(&demo, command),
        };
        let code = CODES.iter().find(|(start, ..)| command.starts_with(start)).map_or(0, |(_, code, _)| *code);
        if ran.code != code {
            wrong.push(format!("{command}: exit code {code} expected\n{ran}"));
        }
        if !output.is_empty() && !same_facts(output, &ran.lines()) {
            wrong.push(format!("$ {command}\n--- in the README\n{}\n--- felhom prints\n{}", output.join("\n"), ran.stdout));
        }
        if !output.is_empty() {
            let block = |lines: &str| format!("$ {command}\n{lines}");
            fresh = fresh.replacen(&block(&joined(output)), &block(&joined(&ran.lines())), 1);
        }
    }
    if generate {
        std::fs::write(file(), fresh).unwrap();
    }
    assert!(wrong.is_empty(), "{}\n`FELHOM_GENERATE=1 cargo test --test all readme` renews the output", wrong.join("\n\n"));
}

#[test]
fn it_is_short_and_starts_with_the_two_commands() {
    let text = readme();
    assert!(text.lines().count() <= MOST_LINES, "README.md has more than {MOST_LINES} lines");
    let all = commands(&text);
    assert_eq!(all[0].command, "cargo run --release -- demo tour");
    assert_eq!(all[1].command, "cargo test");
    assert!(all.iter().filter(|shown| !shown.output.is_empty()).count() >= 3, "three commands with their output");
    let of = |section: &str| all.iter().filter(|shown| shown.section == section).count();
    assert!((1..=5).contains(&of("First host")) && (1..=3).contains(&of("Cron")), "the first host takes five lines, cron three");
    for (start, _) in NOT_RUN {
        assert!(all.iter().any(|shown| shown.command.starts_with(start)), "NOT_RUN: no such command in README.md: {start}");
    }
    for (start, ..) in CODES {
        assert!(all.iter().any(|shown| shown.command.starts_with(start)), "CODES: no such command in README.md: {start}");
    }
}

#[test]
fn changed_facts_are_seen_and_changed_prose_is_not() {
    let same = |shown: &str, real: &str| same_facts(&[shown.to_owned()], &[real]);
    assert!(same("backup of 101 (web): OK after 1s", "101 (web) backed up in 14s: OK"));
    assert!(same(
        "nas:backup/vzdump-lxc-101-2026_11_20-02_00_00.tar.zst  1 GiB",
        "nas:backup/vzdump-lxc-101-2026_11_27-12_34_56.tar.zst  1.5 GiB"
    ));
    assert!(!same("backup of 101 (web): OK", "backup of 102 (web): OK"));
    assert!(!same("requires: Sys.PowerMgmt on /nodes/pve1", "requires: Sys.Modify on /nodes/pve1"));
    assert!(!same("VMID  NAME", "VMID  NAME  STATUS"));
    assert!(!same_facts(&["VMID".to_owned()], &["VMID", "101"]));
}

/// The demo site, set up by the README's own commands. Its address, its trust and its password are filled in.
struct Site {
    host: Host,
}

impl Site {
    fn new() -> Self {
        let host = Host::demo();
        // A host that knows nothing of felhom yet.
        let forget = |state: &mut felhom::demo::state::State| state.access.users.remove("felhom@pve");
        host.with_state(forget).unwrap();
        Self { host }
    }

    fn run(&self, command: &str) -> Run {
        use std::os::unix::fs::PermissionsExt;
        let password = self.host.home.path().join("password");
        std::fs::write(&password, ROOT_PASSWORD).unwrap();
        std::fs::set_permissions(&password, PermissionsExt::from_mode(0o600)).unwrap();
        let given =
            format!("{} --ca-file {} --store file", self.host.endpoint().trim_start_matches("https://"), self.host.ca_file().display());
        let mut shell = shell(&command.replace("192.0.2.10", &given));
        shell.env_clear().envs(self.host.home.env()).env("PATH", path()).env("FELHOM_PASSWORD_FILE", &password);
        run(&mut shell)
    }
}

fn in_demo(demo: &Demo, command: &str) -> Run {
    let mut shell = shell(command);
    shell.env_clear().envs(demo.env()).env("PATH", path());
    run(&mut shell)
}

/// A line of the README as a person types it, stderr and stdout in their order.
fn shell(command: &str) -> Command {
    let mut shell = Command::new("bash");
    shell.args(["-c", &format!("exec 2>&1; {command}")]);
    shell
}

/// Where `felhom` is the binary under test.
fn path() -> String {
    let folder = Path::new(env!("CARGO_BIN_EXE_felhom")).parent().unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(file()).unwrap()
}

fn joined<S: AsRef<str>>(lines: &[S]) -> String {
    lines.iter().map(|line| format!("{}\n", line.as_ref().trim_end())).collect()
}

/// The commands in the blocks of code: after `$ `, or after the time and the user of a line for cron.
fn commands(text: &str) -> Vec<Shown> {
    let (mut section, mut kind, mut found) = (String::new(), None, Vec::new());
    for line in text.lines() {
        match (kind, line) {
            (None, _) if line.starts_with("## ") => line[3..].clone_into(&mut section),
            (None, _) => kind = line.strip_prefix("```"),
            (Some(_), "```") => kind = None,
            (Some("cron"), _) if line.contains("felhom ") => {
                let command = line[line.find("felhom ").unwrap()..].to_owned();
                found.push(Shown { section: section.clone(), command, output: Vec::new() });
            }
            (Some("console"), _) => match (line.strip_prefix("$ "), found.last_mut()) {
                (Some(command), _) => found.push(Shown { section: section.clone(), command: command.to_owned(), output: Vec::new() }),
                (None, Some(last)) => last.output.push(line.to_owned()),
                (None, None) => panic!("output without a command: {line}"),
            },
            (Some(_), _) => {}
        }
    }
    found
}

fn same_facts(shown: &[String], real: &[&str]) -> bool {
    shown.len() == real.len() && shown.iter().zip(real).all(|(shown, real)| facts(shown) == facts(real))
}

/// The words of a line that are no prose: names, numbers, paths, privileges, flags, titles of columns. What differs from run to run
/// (times, durations, sizes, process IDs) is left out.
fn facts(line: &str) -> Vec<String> {
    let mut facts: Vec<String> = line
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| "()[],;:'\"`".contains(c)))
        .filter(|word| word.contains(|c: char| c.is_ascii_digit() || c.is_uppercase() || "/-@".contains(c)))
        .filter(|word| !is_measure(word))
        .map(|word| if word.starts_with("UPID:") { "UPID".to_owned() } else { without_date(word) })
        .collect();
    facts.sort();
    facts
}

/// `1.5`, `GiB`, `14s`, `1m`, `2026-11-27`, `05:40`: measured when the command ran. Three digits are a VMID.
fn is_measure(word: &str) -> bool {
    let number = word.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
    let vmid = word.len() == 3 && word.chars().all(|c| c.is_ascii_digit());
    matches!(word, "B" | "KiB" | "MiB" | "GiB" | "TiB")
        || (!vmid && !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || ".:-".contains(c)))
}

/// The digits of a date within a name, replaced.
fn without_date(word: &str) -> String {
    if !word.contains("vzdump-") {
        return word.to_owned();
    }
    let parts =
        word.split('-').map(|part| if part.contains('_') { part.replace(|c: char| c.is_ascii_digit(), "0") } else { part.to_owned() });
    parts.collect::<Vec<_>>().join("-")
}
