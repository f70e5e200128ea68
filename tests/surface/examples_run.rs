//! Runs every example of the help against a demo host that has what the examples name.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use assert_cmd::Command;
use felhom::demo::state::{AclEntry, Snapshot, State, Subject, Token, Volume};

use crate::support::{Demo, Host, Run, run, tree};

/// Examples that cannot run here, by their beginning, and why.
const NOT_RUN: &[(&str, &str)] = &[
    ("felhom fence install", "needs ssh, sudo and root: tests/fence and tests/lab"),
    ("sudo felhom fence install", "needs root: tests/lab"),
    ("felhom fence check", "needs sudo: tests/fence and tests/lab"),
    ("felhom fence sudoers --user operator > felhom &&", "visudo wants a file of root's: tests/fence"),
    ("felhom role check --via ssh", "needs ssh: tests/transports"),
    ("felhom context add box --transport ssh", "needs ssh: tests/transports"),
    ("felhom context add home --endpoint pve1 --endpoint pve2", "needs a host with two names: tests/connection.rs"),
    ("felhom context add home", "asks on a terminal: tests/terminal.rs"),
    ("felhom demo tour", "takes a minute: tests/demo.rs"),
    ("felhom demo serve", "serves until it is stopped: tests/demo.rs"),
    ("EDITOR=nano felhom context edit", "needs a terminal"),
    ("felhom completions fish", "needs fish"),
];

/// Examples that end with another code than 0, and why.
const CODES: &[(&str, i32, &str)] = &[("felhom backup age", 7, "some guests of the demo site have no backup")];

/// Examples that are run as `felhom demo …`, because they need the root helper, by a part of them.
const WITH_HELPER: &[&str] = &["felhom usb", "felhom node sensors", "felhom node smart", "felhom fence show", "--golden"];

/// What is done before an example, by its beginning.
const BEFORE: &[(&str, &str)] = &[
    ("felhom usb unmount", "felhom demo usb mount 3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b --name backup --as-storage"),
    ("felhom guest restore --from 101 --at", "felhom guest stop 101 --yes"),
    ("felhom snapshot create", "felhom snapshot delete 101 before-update --confirm before-update"),
    ("felhom guest start", "felhom guest stop 101,102 --yes"),
    ("felhom guest resume", "felhom guest suspend 201 --yes"),
    ("felhom guest disk move 204 scsi0 nas", "felhom storage set nas --content images,iso,vztmpl,backup,snippets"),
    ("felhom guest disk detach 201", "felhom guest disk add 201 --volume local-lvm:1"),
    ("felhom guest disk attach 201", "felhom guest disk add 201 --volume local-lvm:1 && felhom guest disk detach 201 scsi1 --yes"),
    ("felhom guest disk delete 201", "felhom guest disk add 201 --volume local-lvm:1 && felhom guest disk detach 201 scsi1 --yes"),
    ("felhom guest disk detach 101", "felhom guest disk add 101 --volume local-lvm:1 --path /mnt/data"),
    (
        "felhom guest disk attach 101",
        "felhom guest stop 101 --yes && felhom guest disk add 101 --volume local-lvm:1 --path /mnt/data && felhom guest disk detach 101 mp0 --yes",
    ),
    ("felhom guest delete 110", "felhom guest stop 110 --yes"),
    ("felhom guest delete 203", "felhom guest stop 203,204 --yes"),
    ("felhom api post /nodes/pve1/lxc/101/status/start", "felhom guest stop 101 --yes"),
    ("felhom context add home", "felhom context remove home --yes"),
    ("felhom node cert upload pve1 --certificate renewed.pem", "felhom node cert upload pve1 --certificate pve1.pem --key pve1.key --yes"),
];

const WORKERS: usize = 3;

#[test]
fn every_example_works() {
    let examples = examples();
    assert!(examples.len() > 150, "only {} examples were found", examples.len());
    for (start, _) in NOT_RUN {
        assert!(examples.iter().any(|example| example.starts_with(start)), "NOT_RUN: no such example: {start}");
    }
    for start in CODES.iter().map(|(start, ..)| start).chain(BEFORE.iter().map(|(start, _)| start)) {
        assert!(examples.iter().any(|example| example.starts_with(start)), "no such example: {start}");
    }
    let queue: Mutex<VecDeque<String>> = Mutex::new(examples.into());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let site = Site::new();
                loop {
                    let Some(example) = queue.lock().unwrap().pop_front() else { break };
                    if NOT_RUN.iter().any(|(start, _)| example.starts_with(start)) {
                        continue;
                    }
                    let code = CODES.iter().find(|(start, ..)| example.starts_with(start)).map_or(0, |(_, code, _)| *code);
                    let ran = site.run(&example);
                    if ran.code != code {
                        wrong.lock().unwrap().push(format!("$ {example}\n{ran}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} examples do not work:\n{}", wrong.len(), wrong.join("\n"));
}

/// The examples of every command, without what explains them.
fn examples() -> Vec<String> {
    let mut found = Vec::new();
    // Those of declared commands are run by tests/declared.
    for named in tree::all().into_iter().filter(|named| felhom::nouns::find(&named.name).is_none()) {
        let help = named.command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().map(str::trim).filter(|line| line.contains("felhom ")) {
            let example = line.split("  ").next().unwrap_or_default().to_owned();
            if !found.contains(&example) {
                found.push(example);
            }
        }
    }
    found
}

const CHANGE: &str = "20261120-134501-3fa2";
const ROOT_PASSWORD: &str = "felhom-demo";

/// The demo site with what the examples name, and the configuration of somebody who uses it.
struct Site {
    host: Host,
    demo: Demo,
    seeded: State,
    /// A certificate and its key.
    certificate: (String, String),
}

impl Site {
    fn new() -> Self {
        let host = Host::demo();
        let seeded = host
            .with_state(|state| {
                seed(state);
                state.clone()
            })
            .unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["pve1".to_owned()]).unwrap().self_signed(&key).unwrap();
        Self { host, demo: Demo::new(), seeded, certificate: (certificate.pem(), key.serialize_pem()) }
    }

    fn run(&self, example: &str) -> Run {
        self.host.with_state(|state| *state = self.seeded.clone()).unwrap();
        self.configure();
        let helper = WITH_HELPER.iter().any(|part| example.contains(part));
        if helper {
            self.shell("felhom demo reset").ok();
        }
        for (_, command) in BEFORE.iter().filter(|(start, _)| example.starts_with(start)) {
            self.shell(command).ok();
        }
        let mut line = self.filled_in(example);
        if helper {
            line = line.replacen("felhom ", "felhom demo ", 1);
        }
        let ran = self.shell(&line);
        // On a terminal it would ask.
        if ran.code == 3 && ran.stdout.contains("add --yes") { self.shell(&format!("{line} --yes")) } else { ran }
    }

    /// The example with this host's address, and with the IDs that the host and felhom choose themselves.
    fn filled_in(&self, example: &str) -> String {
        let address = self.host.endpoint().trim_start_matches("https://").to_owned();
        let mut line = example.replace("/root/", "").replace("--endpoint pve1.lan", &format!("--store file --endpoint {address}"));
        for name in ["192.0.2.10", "pve1.lan", "pve1"] {
            let trust = if line.contains("--ca-file") { "" } else { " --ca-file pve-root-ca.pem" };
            line = line.replace(&format!("--host {name}"), &format!("--host {address}{trust} --store file"));
        }
        if line.contains(CHANGE) {
            self.shell("felhom guest stop 101 --stage").ok();
            let noun = if line.contains("history") { "history" } else { "plan list" };
            let ids = self.shell(&format!("felhom {noun} -o id")).ok();
            line = line.replace(CHANGE, ids.lines().last().unwrap_or(&CHANGE));
        }
        line
    }

    fn shell(&self, line: &str) -> Run {
        let folder = Path::new(env!("CARGO_BIN_EXE_felhom")).parent().unwrap();
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("set -o pipefail; exec 2>&1; {line}")]).current_dir(self.host.home.path());
        shell.env_clear().envs(self.demo.env()).envs(self.host.home.env()).env("PATH", path).env("EDITOR", "true");
        shell.env("HOME", self.host.home.path()).env("FELHOM_PASSWORD_FILE", "password");
        run(&mut shell)
    }

    /// Files in the working directory, and a configuration with the contexts of the examples.
    fn configure(&self) {
        use std::os::unix::fs::PermissionsExt;
        let folder = self.host.home.path();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).unwrap();
            std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o600)).unwrap();
        };
        write("password", ROOT_PASSWORD);
        write("debian-13.iso", "an image");
        write("debian-13.qcow2", "an image");
        write("motd", "welcome\n");
        write("setup.sh", "hostname\n");
        write("password.txt", "correct horse\n");
        write("secret", &self.host.secret_now("felhom@pve!agent"));
        write("setup.secret", &self.host.secret_now("root@pam!setup"));
        write("agent.secret", &self.host.secret_now("felhom@pve!agent"));
        write("pve1.pem", &self.certificate.0);
        write("pve1.key", &self.certificate.1);
        write("renewed.pem", &self.certificate.0);
        write("pve-root-ca.pem", &std::fs::read_to_string(self.host.ca_file()).unwrap());
        let context = |name: &str| {
            format!(
                "[contexts.{name}]\ntoken_id = \"felhom@pve!agent\"\nsecret = \"file:{}\"\nca_file = \"{}\"\n[[contexts.{name}.endpoints]]\nurl = \"{}\"\n",
                folder.join("agent.secret").display(),
                self.host.ca_file().display(),
                self.host.endpoint()
            )
        };
        self.host.home.configure(&format!("current = \"home\"\n{}{}{}", context("home"), context("office"), context("old")));
    }
}

/// What the examples name and the demo site does not have.
fn seed(state: &mut State) {
    let entry = |subject| AclEntry { subject, role: "Administrator".into(), propagate: true };
    let everything = vec![entry(Subject::User("felhom@pve".into())), entry(Subject::Token("felhom@pve!agent".into()))];
    state.access.acl.insert("/".into(), everything);
    let setup = Token { secret: "5e7u9000-0000-4000-8000-000000000000".into(), privsep: false, expire: 0, comment: None };
    state.access.users.get_mut("root@pam").unwrap().tokens.insert("setup".into(), setup);
    // A lock that no task holds is what `felhom doctor` finds.
    state.guests.get_mut(&120).unwrap().config.shift_remove("lock");
    state.guests.get_mut(&102).unwrap().config.shift_remove("protection");
    let web = state.guests.get_mut(&101).unwrap();
    for name in ["before", "before-update"] {
        let newest = web.snapshots.last().unwrap().clone();
        web.snapshots.push(Snapshot { name: name.into(), parent: Some(newest.name.clone()), ..newest });
    }
    for (storage, volid, ctime) in [
        ("nas", "local:backup/vzdump-lxc-101-2026_11_18-02_00_00.tar.zst", 1_795_053_600),
        ("nas", "local:backup/vzdump-lxc-101-2026_11_20-12_01_44.tar.zst", 1_795_262_504),
        ("pbs", "pbs:backup/ct/101/2026-11-20T12:01:44Z", 1_795_262_504),
    ] {
        let mut backups = state.storages[storage].volumes.iter().filter(|volume| volume.content == "backup" && volume.vmid == Some(101));
        let node = volid.starts_with("local:").then(|| "pve1".to_owned());
        let volume = Volume { volid: volid.into(), ctime: Some(ctime), protected: false, node, ..backups.next_back().unwrap().clone() };
        state.storages.get_mut(volid.split(':').next().unwrap()).unwrap().volumes.push(volume);
    }
    let mut task = state.tasks.iter().find(|task| task.kind == "vzdump").unwrap().clone();
    let start_ms = 0x6B00_36A8 * 1000;
    task.end_ms += start_ms - task.start_ms;
    (task.pid, task.pstart, task.start_ms) = (0x12C, 0x364E4, start_ms);
    (task.id, task.user) = ("101".into(), "felhom@pve!agent".into());
    state.tasks.push(task);
}
