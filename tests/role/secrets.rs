//! No secret is seen anywhere it does not belong: a whole session, and then a search of everything that it left and started.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use felhom::demo::{Options, mounts};
use felhom::fence::protocol::Word;
use felhom::fence::simulated;
use felhom::guard::redact;

use super::spy::Spy;
use super::support::{Fresh, PASSWORD, code};
use crate::support::{Host, Run, demo_options, run};

const RECOVERY: &str = "aaaa-bbbb-cccc-dddd";
/// What a person mistypes is a secret too.
const MISTYPED: &str = "felhom-demo-mistyped";
const CLOUD: &str = "geheim-in-the-cloud";
const GOLDEN: &str = "geheim-of-the-golden-one";
const PLAIN: &str = "geheim-of-the-plain-one";
const IN_ENV: &str = "FELHOM_TEST_SECRET";

/// What children may have of the environment: what they need of the caller's, and what shells put there.
const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TZ",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "D",
];

struct Session {
    fresh: Fresh,
    spy: Spy,
    state: tempfile::TempDir,
    runs: RefCell<Vec<Run>>,
    secrets: RefCell<BTreeSet<String>>,
}

impl Session {
    fn new() -> Option<Self> {
        let spy = Spy::new()?;
        let state = tempfile::tempdir().unwrap();
        let host = Host::with(&Options { baseline: true, state_dir: Some(state.path().to_owned()), ..demo_options() });
        let fresh = Fresh { host };
        fresh.second_factor();
        let settings = format!("FELHOM_STANDIN_ENDPOINT={}\nFELHOM_STANDIN_PASSWORD={PASSWORD}\n", fresh.host.endpoint());
        spy.behind("pvesh.env", &settings);
        let pvesh = spy.behind("pvesh", include_str!("../support/pvesh"));
        spy.program("pvesh", &format!("PATH=/usr/sbin:/usr/bin:/sbin:/bin exec '{}' \"$@\"", pvesh.display()));
        // The root helper of the node: this very program.
        let myself = std::env::current_exe().unwrap();
        let root = mounts::host_root(state.path());
        let helper = format!(
            "for last; do :; done\nFELHOM_PRETEND_ROOT='{}' FELHOM_PRETEND_WORD=\"$last\" exec '{}' --exact role::secrets::answers_as_the_root_helper --nocapture",
            root.display(),
            myself.display()
        );
        spy.program("sudo", &helper);
        let known = [PASSWORD, RECOVERY, MISTYPED, CLOUD, GOLDEN, PLAIN].map(str::to_owned);
        let session = Self { fresh, spy, state, runs: RefCell::default(), secrets: RefCell::new(known.into()) };
        session.learn();
        Some(session)
    }

    /// Every token's secret as of now.
    fn learn(&self) {
        let tokens = self.fresh.host.with_state(|state| {
            let users = state.access.users.values();
            users.flat_map(|user| user.tokens.values().map(|token| token.secret.clone())).collect::<Vec<_>>()
        });
        self.secrets.borrow_mut().extend(tokens.unwrap());
    }

    fn command(&self, args: &[&str], stdin: Option<&str>) -> assert_cmd::Command {
        let mut command = self.fresh.host.home.felhom(args.iter().chain(&["-vv"]));
        command.env("PATH", self.spy.path());
        if let Some(text) = stdin {
            command.write_stdin(text.to_owned());
        }
        command
    }

    fn keep(&self, run: Run) -> Run {
        self.learn();
        self.runs.borrow_mut().push(run.clone());
        run
    }

    fn go(&self, args: &[&str]) -> Run {
        self.keep(run(&mut self.command(args, None)))
    }

    fn fed(&self, args: &[&str], stdin: &str) -> Run {
        self.keep(run(&mut self.command(args, Some(stdin))))
    }

    fn as_admin(&self, args: &[&str]) -> Run {
        let secret = self.fresh.root_secret();
        self.go(&[args, &["--admin-token", "root@pam!rig", "--admin-secret", &secret]].concat())
    }

    /// The secret of the context's token, as it was kept.
    fn kept(&self) -> (PathBuf, String) {
        let (name, secret) = self.fresh.stored().remove(0);
        (self.fresh.host.home.config_file().with_file_name("secrets").join(name), secret)
    }

    /// The configuration with another place for the secret.
    fn configure(&self, config: &str, source: &str) {
        let line = config.lines().find(|line| line.starts_with("secret = ")).unwrap();
        self.fresh.host.home.configure(&config.replace(line, &format!("secret = {source}")));
    }
}

/// Not a test of its own: what stands in for the root helper starts this program with a word.
#[test]
fn answers_as_the_root_helper() {
    let (Some(root), Ok(word)) = (std::env::var_os("FELHOM_PRETEND_ROOT"), std::env::var("FELHOM_PRETEND_WORD")) else { return };
    let mut request = Vec::new();
    std::io::stdin().read_to_end(&mut request).unwrap();
    let envelope = simulated::answer(Path::new(&root), Word::parse(&word).unwrap(), &request);
    let line = serde_json::to_string(&envelope).unwrap();
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// Logging in, bootstrapping and asking over HTTPS.
fn over_https(session: &Session) {
    let (address, print) = (session.fresh.address(), session.fresh.host.fingerprint().to_owned());
    let base = ["role", "bootstrap", "--host", &address, "--fingerprint", &print, "--store", "file"];
    let with = |more: &[&str], stdin: &str| session.fed(&[&base[..], more].concat(), stdin);
    with(&["--password-stdin"], MISTYPED).fails(4);
    with(&["--password-stdin", "--plan", "--totp", RECOVERY], PASSWORD).ok();
    with(&["--password-stdin", "--plan=pveum", "--totp", RECOVERY], PASSWORD);
    let code = code();
    with(&["--password-stdin", "--totp", &code, "-o", "json"], PASSWORD).ok();
    session.secrets.borrow_mut().insert(code);
    session.go(&["guest", "list"]).ok();
    session.go(&["role", "check", "-o", "json"]);
    session.as_admin(&["role", "check"]).ok();
    session.go(&["api", "get", "/nodes/nosuch/status", "-o", "json"]).fails(1);
    session.go(&["api", "put", "/access/acl", "path=/", "roles=PVEAdmin", "users=felhom@pve", "--yes"]).fails(4);
    session.go(&["doctor"]);
    session.go(&["context", "show"]).ok();
    // Only who asks for a new token sees its secret, and no log does.
    let secret = session.fresh.root_secret();
    let add = ["context", "add", "root", "--endpoint", &address, "--token-id", "root@pam!rig", "--secret", &secret];
    session.go(&[&add[..], &["--fingerprint", &print]].concat()).ok();
    let made = run(&mut session.command(&["-c", "root", "api", "post", "/access/users/felhom@pve/token/other", "-o", "json"], None)).ok();
    session.learn();
    let secret = session.fresh.host.secret_now("felhom@pve!other");
    assert!(made.stdout.contains(&secret) && !made.stderr.contains(&secret), "{made}");
    session.go(&["-c", "root", "api", "delete", "/access/users/felhom@pve/token/other", "--confirm", "other"]).ok();
}

/// Passwords of guests, sent, planned and staged.
fn in_changes(session: &Session) {
    let set = ["-c", "root", "guest", "set", "201", "cipassword=@-"];
    session.fed(&[&set[..], &["--plan"]].concat(), CLOUD).ok();
    session.fed(&[&set[..], &["--plan=pveum"]].concat(), CLOUD);
    session.fed(&[&set[..], &["--stage"]].concat(), CLOUD).fails(3);
    session.fed(&set, CLOUD).ok();
    session.go(&["-c", "root", "guest", "config", "201", "-o", "json"]).ok();
    session.go(&["-c", "root", "guest", "set", "101", "description=x", "--stage"]).ok();
    session.go(&["plan", "list"]).ok();
    session.go(&["plan", "show", "-o", "json"]);
    let template = "local:vztmpl/debian-12-rig_1.0_amd64.tar.zst";
    let create = ["-c", "root", "guest", "create", "lxc", template, "--hostname", "plain", "--storage", "local-lvm", "--size", "1"];
    session.fed(&[&create[..], &["--password-stdin", "--plan"]].concat(), PLAIN).ok();
    session.fed(&[&create[..], &["--password-stdin"]].concat(), PLAIN).ok();
}

/// The secret of a password manager, and one in the environment; children see neither.
fn by_program_and_environment(session: &Session) {
    let config = session.fresh.config();
    let (file, secret) = session.kept();
    session.spy.program("give", &format!("cat '{}'", file.display()));
    session.configure(&config, "'command:[\"give\",\"pve\"]'");
    let mut command = session.command(&["guest", "list"], None);
    session.keep(run(command.env("FELHOM_TOKEN_SECRET", &secret).env(IN_ENV, &secret))).ok();
    session.configure(&config, &format!("'literal:{secret}'"));
    session.spy.program("edit", ":");
    let mut command = session.command(&["context", "edit"], None);
    session.keep(run(command.env("EDITOR", "edit"))).ok();
    session.go(&["context", "show", "-o", "json"]).ok();
    session.configure(&config, &format!("'env:{IN_ENV}'"));
    // A golden container, made by root on the node: its password goes there in no argument.
    let fence = format!("{}\n[contexts.\"{}\".fence]\nvia = \"ssh\"\nhost = \"node\"\n", session.fresh.config(), session.name());
    session.fresh.host.home.configure(&fence);
    let template = "local:vztmpl/debian-12-rig_1.0_amd64.tar.zst";
    let create =
        ["guest", "create", "lxc", template, "--hostname", "gold", "--storage", "local-lvm", "--size", "1", "--golden", "--vmid", "9050"];
    // What came from stdin is gone when a staged change is applied, and may not stand in its file.
    for (more, code) in [(&["--plan"][..], 0), (&["--stage"], 3), (&[], 0)] {
        let mut command = session.command(&[&create[..], &["--password-stdin", "-o", "json"], more].concat(), Some(GOLDEN));
        let ended = session.keep(run(command.env(IN_ENV, &secret)));
        assert_eq!(ended.code, code, "{ended}");
    }
    session.fresh.host.home.configure(&config);
}

/// As root on the node: over ssh, and on this machine.
fn through_pvesh(session: &Session) {
    let address = session.fresh.address();
    // The stand-in for the node's pvesh logs in by password alone.
    session.fresh.host.with_state(|state| state.access.tfa.clear()).unwrap();
    for (name, via) in [("box", "ssh"), ("here", "local")] {
        let host: &[&str] = if via == "ssh" { &["--ssh", "node"] } else { &[] };
        session.go(&[&["context", "add", name, "--transport", via][..], host].concat()).ok();
        session.go(&["-c", name, "guest", "list"]).ok();
        session.go(&["-c", name, "api", "put", "/nodes/pve1/lxc/101/config", "description=x"]).ok();
        // What would stand in the node's process list is not sent there.
        session.fed(&["-c", name, "guest", "set", "201", "cipassword=@-"], CLOUD).fails(2);
        session
            .fed(
                &[
                    "-c",
                    name,
                    "api",
                    "put",
                    "/access/password",
                    "userid=felhom@pve",
                    "password=@-",
                    "--yes",
                    "--confirm",
                    "/access/password",
                ],
                PLAIN,
            )
            .fails(2);
        session
            .fed(
                &["-c", name, "api", "post", "/access/tfa/root@pam", "type=totp", "value=@-", "--yes", "--confirm", "/access/tfa/root@pam"],
                CLOUD,
            )
            .fails(2);
    }
    let bootstrap = ["role", "bootstrap", "--host", &address, "--via", "ssh", "--store", "file", "--user", "box@pve", "-c", "by-ssh"];
    session.go(&[&bootstrap[..], &["-o", "json"]].concat()).ok();
}

/// Secrets that somebody writes where none is taken.
fn literals_are_refused(session: &Session) {
    let (_, secret) = session.kept();
    let address = session.fresh.address();
    for text in [secret.clone(), format!("literal:{secret}")] {
        session.go(&["role", "check", "--admin-token", "root@pam!rig", "--admin-secret", &text]).fails(2);
        session.go(&["context", "add", "x", "--endpoint", &address, "--token-id", "felhom@pve!agent", "--secret", &text]).fails(2);
    }
    let whole = format!("felhom@pve!agent={secret}");
    session.go(&["context", "add", "x", "--endpoint", &address, "--token-id", &whole]).fails(2);
    session.go(&["context", "add", "x", "--endpoint", &address, "--token-id", &whole, "-o", "json"]).fails(2);
    session.go(&["role", "check", "--admin-token", &whole, "--admin-secret", "env:X"]).fails(2);
    session.go(&["guest", "set", "201", &format!("cipassword={CLOUD}")]).fails(2);
    let mut command = session.command(&["guest", "list"], None);
    command.env("FELHOM_ENDPOINT", session.fresh.host.endpoint()).env("FELHOM_TOKEN_ID", &whole).env("FELHOM_TOKEN_SECRET", &secret);
    session.keep(run(&mut command)).fails(2);
}

fn ends(session: &Session) {
    session.as_admin(&["role", "rotate", "--yes", "-o", "json"]).ok();
    session.go(&["guest", "list"]).ok();
    session.go(&["history", "-o", "json"]).ok();
    session.as_admin(&["role", "revoke", "--confirm", "felhom@pve!agent-b"]).ok();
    session.go(&["guest", "list"]).fails(2);
}

impl Session {
    /// The name of the context that the bootstrap made.
    fn name(&self) -> String {
        let config = self.fresh.config();
        config.lines().find_map(|line| line.strip_prefix("current = ")).unwrap().trim_matches('"').to_owned()
    }

    fn search(&self) {
        let secrets = self.secrets.borrow();
        let holds = |text: &str| secrets.iter().find(|secret| text.contains(secret.as_str())).cloned();
        let ticket = |text: &str| text.contains("PVE:root@pam:") || text.contains("PVE:!tfa!");
        for run in self.runs.borrow().iter() {
            for text in [&run.stdout, &run.stderr] {
                assert_eq!(holds(text), None, "it was printed\n{run}");
                assert!(!ticket(text), "a ticket was printed\n{run}");
            }
        }
        for seen in self.spy.seen() {
            let name = &seen.program;
            assert_eq!(holds(&seen.argv), None, "among the arguments of {name}: {}", seen.argv);
            assert_eq!(holds(&seen.parent), None, "among the arguments of what started {name}: {}", seen.parent);
            for line in &seen.env {
                assert_eq!(holds(line), None, "in the environment of {name}: {line}");
                let variable = line.split('=').next().unwrap();
                assert!(ALLOWED.contains(&variable), "{name} was given {line}");
            }
        }
        let mut all = Vec::new();
        files(self.fresh.host.home.path(), &mut all);
        for wanted in ["journal.jsonl", "config.toml"] {
            assert!(all.iter().any(|(path, _)| path.ends_with(wanted)), "{wanted} is not there");
        }
        assert!(all.iter().any(|(path, _)| path.contains("/staged/")), "nothing was staged");
        // Where secrets are kept on purpose.
        for (path, bytes) in all.iter().filter(|(path, _)| !path.contains("/secrets/") && !path.ends_with("root.secret")) {
            let text = String::from_utf8_lossy(bytes);
            assert_eq!(holds(&text), None, "it is in {path}");
            assert!(!ticket(&text), "{path} holds a ticket");
        }
        let root = mounts::host_root(self.state.path());
        let mut node = Vec::new();
        files(&root, &mut node);
        assert!(
            node.iter().any(|(path, _)| path.ends_with("felhom-fence.log")),
            "the root helper wrote no journal: {:?}",
            node.iter().map(|n| &n.0).collect::<Vec<_>>()
        );
        for (path, bytes) in node {
            assert_eq!(holds(&String::from_utf8_lossy(&bytes)), None, "it is in {path} on the node");
        }
    }
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

#[test]
fn a_whole_session_leaves_no_secret_behind() {
    let Some(session) = Session::new() else { return };
    // What is refused on purpose here is no call that a real host takes.
    session.fresh.host.forgive("");
    over_https(&session);
    in_changes(&session);
    by_program_and_environment(&session);
    through_pvesh(&session);
    literals_are_refused(&session);
    ends(&session);
    let started = session.spy.programs();
    for name in ["ssh", "sh", "setsid", "pvesh", "sudo", "give", "edit"] {
        assert!(started.contains(name), "{name} was never started: {started:?}");
    }
    session.search();
}

/// Parameters of the API that are named like secrets, and are none.
const NO_SECRETS: &[&str] = &[
    "/nodes/{node}/qemu/{vmid}/sendkey key", // of a keyboard
    "certkey",                               // a path
    "generate-password",                     // a wish
    "hotplug",
    "keyboard",
    "lock-token", // of a lock that everybody may see
    "token-coefficient",
    "tokenid", // names
    "tokens",
];

#[test]
fn whatever_is_named_like_a_secret_is_masked() {
    let marks = ["pass", "secret", "token", "ticket", "hmac", "otp", "private", "key", "cred"];
    let mut shown = BTreeSet::new();
    for method in felhom::api::schema::methods().filter(|m| m.verb != "GET") {
        let names = method.parameters.properties.iter().flat_map(|properties| properties.keys());
        for name in names.filter(|name| marks.iter().any(|mark| name.to_lowercase().contains(mark))) {
            let path: Vec<String> = method.template.split('/').skip(1).map(str::to_owned).collect();
            let whole = format!("{} {name}", method.template);
            if !redact::sensitive_at(&path, name) && !NO_SECRETS.contains(&name.as_str()) && !NO_SECRETS.contains(&whole.as_str()) {
                shown.insert(whole);
            }
        }
    }
    assert!(shown.is_empty(), "neither masked nor in NO_SECRETS: {shown:?}");
    let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    assert!(redact::sensitive_at(&path("access/tfa/root@pam"), "value") && !redact::sensitive_at(&path("cluster/ceph/flags/x"), "value"));
}
