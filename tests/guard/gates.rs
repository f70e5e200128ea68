//! Every verb that changes anything, before every gate that is closed.

use std::os::unix::fs::PermissionsExt;

use felhom::api::Method;
use felhom::routes::{VERBS, by_key};

use crate::support::{Host, Run, run};

/// A command line for every verb that changes something. ARCHIVE and UPID are filled in.
const CHANGES: &[(&str, &[&str])] = &[
    ("guest start", &["guest", "start", "202"]),
    ("guest stop", &["guest", "stop", "110"]),
    ("guest shutdown", &["guest", "shutdown", "110"]),
    ("guest reboot", &["guest", "reboot", "110"]),
    ("guest suspend", &["guest", "suspend", "204"]),
    ("guest resume", &["guest", "resume", "203"]),
    ("guest set", &["guest", "set", "110", "memory=1024"]),
    ("guest mountpoint add", &["guest", "mountpoint", "add", "110", "--volume", "local-lvm:1", "--path", "/mnt/x"]),
    ("guest restore", &["guest", "restore", "ARCHIVE", "--vmid", "555", "--storage", "local-lvm"]),
    (
        "guest create lxc",
        &[
            "guest",
            "create",
            "lxc",
            "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst",
            "--vmid",
            "556",
            "--node",
            "pve1",
            "--hostname",
            "gate",
            "--storage",
            "local-lvm",
        ],
    ),
    ("snapshot create", &["snapshot", "create", "110", "gatetest"]),
    ("snapshot rollback", &["snapshot", "rollback", "101", "SNAPSHOT"]),
    ("snapshot delete", &["snapshot", "delete", "101", "SNAPSHOT"]),
    ("backup run", &["backup", "run", "110", "--storage", "local"]),
    ("backup delete", &["backup", "delete", "ARCHIVE"]),
    ("backup protect", &["backup", "protect", "ARCHIVE"]),
    ("backup unprotect", &["backup", "unprotect", "ARCHIVE"]),
    ("backup notes", &["backup", "notes", "ARCHIVE", "a note"]),
    ("backup prune", &["backup", "prune", "--storage", "local", "--keep", "last=1"]),
    ("backup job create", &["backup", "job", "create", "--storage", "local", "--schedule", "02:00", "--guest", "110"]),
    ("backup job set", &["backup", "job", "set", "JOB", "--comment", "x"]),
    ("backup job delete", &["backup", "job", "delete", "JOB"]),
    ("backup job run", &["backup", "job", "run", "JOB"]),
    ("task stop", &["task", "stop", "UPID"]),
    ("api post", &["api", "post", "/nodes/pve1/lxc/110/status/stop"]),
    ("api put", &["api", "put", "/nodes/pve1/lxc/110/config", "memory=1024"]),
    ("api delete", &["api", "delete", "/nodes/pve1/lxc/900"]),
    ("guest delete", &["guest", "delete", "202"]),
    ("guest tag add", &["guest", "tag", "add", "110", "gate"]),
    ("guest tag remove", &["guest", "tag", "remove", "110", "docker"]),
    ("guest clone", &["guest", "clone", "900", "--vmid", "557"]),
    ("node reboot", &["node", "reboot", "pve1"]),
    ("node shutdown", &["node", "shutdown", "pve1"]),
    ("node cert upload", &["node", "cert", "upload", "pve1", "--certificate", "CERTIFICATE"]),
    ("node cert delete", &["node", "cert", "delete", "pve1"]),
    ("sdn apply", &["sdn", "apply"]),
];

/// Verbs that change something but go another way: as an administrator, or through the fence. Their gates are not proved here yet.
const ELSEWHERE: &[&str] = &["role bootstrap", "role rotate", "role revoke", "usb mount", "usb unmount"];

#[test]
fn every_changing_verb_is_in_the_list() {
    let changing = VERBS.iter().filter(|verb| verb.calls.iter().any(|key| by_key(key).is_some_and(|row| row.method != Method::Get)));
    let missing: Vec<&str> =
        changing.map(|verb| verb.name).filter(|name| !CHANGES.iter().any(|(verb, _)| verb == name) && !ELSEWHERE.contains(name)).collect();
    assert!(missing.is_empty(), "give CHANGES a line for {missing:?}");
    for (verb, words) in CHANGES {
        assert!(words.join(" ").starts_with(verb), "the line of {verb} runs something else");
    }
}

/// A demo site with a snapshot, an archive and a job to work on, and a home whose context stages, denies or allows.
struct Site {
    host: Host,
    archive: String,
    job: String,
    snapshot: String,
    upid: String,
    certificate: String,
}

impl Site {
    fn new() -> Self {
        let host = Host::demo().with_token("root@pam!demo");
        let first = |args: &[&str]| host.run(args).ok().lines().first().map(|line| (*line).to_owned()).unwrap_or_default();
        let archive = first(&["backup", "list", "101", "--filter", "protected=false", "-o", "id"]);
        let job = first(&["backup", "job", "list", "-o", "id"]);
        host.run(["snapshot", "create", "101", "gate1"]).ok();
        host.run(["guest", "suspend", "203", "--yes"]).ok();
        let upid = host.run(["api", "post", "/nodes/pve2/vzdump", "vmid=103", "storage=local", "--detach"]).ok().lines()[0].to_owned();
        let certificate = host.home.path().join("node.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = rcgen::CertificateParams::new(vec!["pve1".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(&certificate, cert.pem()).unwrap();
        host.with_state(|state| {
            state.section_mut("sdn-zones").insert("lab".into(), serde_json::Map::from_iter([("type".into(), "simple".into())]));
            let given = serde_json::Map::from_iter([("filename".into(), "pveproxy-ssl.pem".into()), ("pem".into(), cert.pem().into())]);
            state.section_mut("custom-certificates").insert("pve1".into(), given);
        })
        .unwrap();
        let certificate = certificate.to_string_lossy().into_owned();
        let site = Self { host, archive, job, snapshot: "gate1".into(), upid, certificate };
        let secret = site.host.home.path().join("secret");
        std::fs::write(&secret, site.host.secret("root@pam!demo")).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let context = |name: &str| {
            format!(
                "[contexts.{name}]\ntoken_id = \"root@pam!demo\"\nsecret = \"file:{}\"\nca_file = \"{}\"\nwrites = \"{name}\"\n[[contexts.{name}.endpoints]]\nurl = \"{}\"\n",
                secret.display(),
                site.host.ca_file().display(),
                site.host.endpoint()
            )
        };
        site.host.home.configure(&(context("stage") + &context("deny") + &context("allow")));
        site
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let fill = |word: &&str| match *word {
            "ARCHIVE" => self.archive.clone(),
            "SNAPSHOT" => self.snapshot.clone(),
            "JOB" => self.job.clone(),
            "UPID" => self.upid.clone(),
            "CERTIFICATE" => self.certificate.clone(),
            other => other.to_owned(),
        };
        words.iter().map(fill).collect()
    }

    fn writes(&self) -> usize {
        self.host.requests().iter().filter(|request| request.method != "GET").count()
    }

    fn journal(&self) -> usize {
        std::fs::read_to_string(self.host.home.state().join("journal.jsonl")).unwrap_or_default().lines().count()
    }

    fn in_context(&self, context: &str, words: &[String], extra: &[&str]) -> Run {
        let args = words.iter().map(String::as_str).chain(["-c", context]).chain(extra.iter().copied());
        run(&mut self.host.home.felhom(args))
    }
}

#[test]
fn a_plan_reads_and_changes_nothing() {
    let site = Site::new();
    let before = (site.writes(), site.journal());
    for (verb, words) in CHANGES {
        let words = site.words(words);
        for form in ["--plan", "--plan=pveum"] {
            let plan = site.in_context("allow", &words, &[form, "--force"]);
            assert_eq!(plan.code, 0, "{verb} {form}: {plan}");
            assert!(!plan.stdout.is_empty(), "{verb} {form}: {plan}");
        }
        let json = site.in_context("allow", &words, &["--plan", "--force", "-o", "json"]).ok().json();
        assert!(json["items"].is_array() && json["risk"].is_string(), "{verb}: {json}");
        // The gates do not stand in a plan's way.
        assert_eq!(site.in_context("deny", &words, &["--plan", "--read-only", "--force"]).code, 0, "{verb}");
        assert_eq!((site.writes(), site.journal()), before, "{verb} changed something");
    }
}

#[test]
fn a_closed_gate_sends_nothing_and_is_written_down() {
    let site = Site::new();
    let writes = site.writes();
    for (verb, words) in CHANGES {
        let words = site.words(words);
        for (context, extra, says) in [("allow", "--read-only", "FELHOM_READ_ONLY"), ("deny", "--yes", "writes = \"deny\"")] {
            let before = site.journal();
            let blocked = site.in_context(context, &words, &[extra, "--force"]);
            if blocked.code == 0 && blocked.stdout.contains("unchanged") {
                continue;
            }
            assert_eq!(blocked.code, 3, "{verb} {extra}: {blocked}");
            assert!(blocked.stderr.contains(says) && blocked.stderr.contains("hint: "), "{verb} {extra}: {blocked}");
            assert!(site.journal() > before, "{verb} {extra} is not in the journal");
        }
        assert_eq!(site.writes(), writes, "{verb} went through a closed gate");
    }
}

#[test]
fn a_staging_context_keeps_every_change() {
    let site = Site::new();
    let writes = site.writes();
    for (verb, words) in CHANGES {
        let words = site.words(words);
        let before = site.journal();
        let staged = site.in_context("stage", &words, &["--yes", "--force"]);
        if staged.stdout.contains("unchanged") {
            continue;
        }
        assert_eq!(staged.code, 0, "{verb}: {staged}");
        assert!(staged.stdout.contains("staged as "), "{verb}: {staged}");
        assert!(site.journal() > before, "{verb} is not in the journal");
        assert_eq!(site.writes(), writes, "{verb} was done");
    }
    let list = run(&mut site.host.home.felhom(["plan", "list", "-o", "json"])).ok().json();
    assert!(list.as_array().unwrap().len() >= CHANGES.len() - 3, "{list}");
}

#[test]
fn a_raw_call_meets_the_tags_too() {
    let host = Host::demo();
    host.with_state(|state| state.guests.get_mut(&110).unwrap().config.insert("tags".into(), "docker;production".into())).unwrap();
    for args in [
        &["api", "post", "/nodes/pve1/lxc/110/status/stop", "--yes"][..],
        &["api", "delete", "/nodes/pve1/lxc/110", "--confirm", "110"],
        &["guest", "stop", "110", "--yes"],
    ] {
        host.run(args.iter().copied()).fails(3).says("production").says("--force");
    }
    assert!(host.requests().iter().all(|request| request.method == "GET"));
    host.run(["api", "post", "/nodes/pve1/lxc/110/status/stop", "--yes", "--force"]).ok();
}
