//! A demo site with something of everything to work on, a home whose contexts allow, stage and deny, and an `ssh` that tells what
//! it was asked.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use felhom::demo::Options;
use felhom::fence::host::{Caller, Host as SimulatedHost};
use felhom::fence::protocol::Word;
use felhom::fence::request::{Persist, UsbMount};
use felhom::fence::simulated;

use crate::support::http::{Client, encode};
use crate::support::{Host, Run, demo_options, run};

const A_DAY_MS: i64 = 24 * 3600 * 1000;
/// The filesystem of the pretended host's USB disk.
const SSD: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";
/// The name under which the fence's host has mounted it already.
const MOUNTED: &str = "stage1";

/// Stands in for ssh: notes the line that the host would run, and gives the answer that lies ready for it. The file `way` says how
/// a change fails: `before` it is sent, `after` it was started, after it was `carried` out, or the connection `hang`s.
const SSH: &str = r#"#!/bin/sh
here=${0%/*}
for line; do :; done
script=$(cat)
way=
case $line in
*'echo machine='*) word=probe ;;
/bin/sh*) word=script ;;
'exec sh -s')
  word=change
  case $script in *felhom-at*) ;; *) PATH=$here:$PATH exec sh -c "$script" ;; esac ;;
*) word=${line##* } ;;
esac
case $word in change | script | usb-mount | usb-unmount | golden-create) way=$(cat "$here/way" 2>/dev/null) ;; esac
if [ "$way" = before ]; then
  echo 'ssh: connect to host fence port 22: Connection refused' >&2
  exit 255
fi
printf '%s\n' "$line" | tr '\n' ' ' >>"$here/asked"
echo >>"$here/asked"
case $way in
hang) exec sleep 20 ;;
after | carried)
  [ "$way" = carried ] && PATH=$here:$PATH sh -c "$script" >/dev/null 2>&1
  [ "$word" = change ] && echo "felhom-at $(date +%s)"
  echo 'Connection to fence closed by remote host.' >&2
  exit 255 ;;
esac
cat "$here/$word"
"#;

pub struct Site {
    pub host: Host,
    bin: PathBuf,
    filled: BTreeMap<&'static str, Vec<String>>,
}

impl Site {
    pub fn new() -> Self {
        // No faster than life, so that the task that is to be stopped is still there to be made longer than the test.
        let host = Host::with(&Options { speed: 1.0, ..demo_options() }).with_token("root@pam!demo");
        let first = |args: &[&str]| host.run(args).ok().lines().first().map(|line| (*line).to_owned()).unwrap_or_default();
        let archive = first(&["backup", "list", "101", "--filter", "protected=false", "-o", "id"]);
        let protected = first(&["backup", "list", "--filter", "protected=true", "-o", "id"]);
        let job = first(&["backup", "job", "list", "-o", "id"]);
        host.run(["snapshot", "create", "101", "gate1"]).ok();
        host.run(["guest", "suspend", "203", "--yes"]).ok();
        let upid = host.run(["api", "post", "/nodes/pve3/vzdump", "vmid=111", "storage=nas", "--detach"]).ok().lines()[0].to_owned();
        host.with_state(|state| {
            let task = state.tasks.iter_mut().find(|task| task.upid() == upid).unwrap();
            task.end_ms += A_DAY_MS;
            task.effects.iter_mut().for_each(|effect| effect.at_ms += A_DAY_MS);
        })
        .unwrap();
        let home = host.home.path().to_owned();
        let secret = home.join("secret");
        private(&secret, &host.secret("root@pam!demo"));
        host.home.configure(&["allow", "stage", "deny"].map(|name| context(&host, name, &secret)).concat());
        let bin = home.join("bin");
        stand_in(&bin);
        let helper = home.join("helper");
        std::fs::write(&helper, a_static_program()).unwrap();
        let certificate = home.join("node.pem");
        let pem = host.with_state(|state| state.nodes["pve1"].cert_pem.clone()).unwrap();
        std::fs::write(&certificate, &pem).unwrap();
        host.with_state(|state| {
            // The task that is to be stopped outlasts the test, however slow the machine.
            let task = state.tasks.last_mut().unwrap();
            task.end_ms = task.start_ms + 3_600_000_000;
            state.guests.get_mut(&110).unwrap().config.insert("unused0".into(), "local-lvm:vm-110-disk-8".into());
            // Something waits to be applied, and a certificate of somebody else's can be taken away.
            state.section_mut("sdn-zones").insert("lab".into(), serde_json::Map::from_iter([("type".into(), "simple".into())]));
            let given = serde_json::Map::from_iter([("filename".into(), "pveproxy-ssl.pem".into()), ("pem".into(), pem.into())]);
            state.section_mut("custom-certificates").insert("pve1".into(), given);
        })
        .unwrap();
        let one = |word: String| vec![word];
        let admin = ["--admin-token", "root@pam!demo", "--admin-secret", &format!("file:{}", secret.display())].map(str::to_owned).to_vec();
        let filled = BTreeMap::from([
            ("ARCHIVE", one(archive)),
            ("PROTECTED", one(protected)),
            ("JOB", one(job)),
            ("SNAPSHOT", one("gate1".into())),
            ("UPID", one(upid)),
            ("ADMIN", admin),
            ("SSD", one(SSD.into())),
            ("CERTIFICATE", one(certificate.display().to_string())),
            ("HELPER", one(helper.display().to_string())),
        ]);
        Self { host, bin, filled }
    }

    /// The words of a line with what stands for something of this site filled in.
    pub fn words(&self, words: &[&str]) -> Vec<String> {
        words.iter().flat_map(|word| self.filled.get(word).cloned().unwrap_or_else(|| vec![(*word).to_owned()])).collect()
    }

    pub fn felhom(&self, args: &[String]) -> assert_cmd::Command {
        let mut command = self.host.home.felhom(args);
        command.envs(self.env());
        command
    }

    pub fn in_context(&self, context: &str, words: &[String], extra: &[&str]) -> Run {
        run(&mut self.felhom(&[words, &["-c", context].map(str::to_owned), &owned(extra)].concat()))
    }

    /// The environment of [`Self::felhom`].
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = self.host.home.env();
        let path = env.iter_mut().find(|(name, _)| name == "PATH").expect("a path");
        path.1 = format!("{}:{}", self.bin.display(), path.1);
        env
    }

    /// The task that outlasts the test.
    pub fn running_task(&self) -> &str {
        &self.filled["UPID"][0]
    }

    /// How changes fail over ssh from now on; with an empty word they do not.
    pub fn break_ssh(&self, way: &str) {
        std::fs::write(self.bin.join("way"), way).unwrap();
    }

    /// Adds a context `over` that reaches the host over ssh, as root.
    pub fn with_pvesh(&self) {
        let body = format!("username=root@pam&password={}", self.host.password().reveal());
        let form = [("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
        let client = Client::new(&self.host.endpoint(), self.host.ca_pem());
        let reply = client.send("POST", "/api2/json/access/ticket", &form, body.as_bytes());
        let login: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        let text = |key: &str| login["data"][key].as_str().unwrap().to_owned();
        let (ticket, csrf, api) = (encode(&text("ticket")), text("CSRFPreventionToken"), self.host.endpoint());
        std::fs::write(self.bin.join("pvesh.env"), format!("api={api}/api2/json\nticket='{ticket}'\ncsrf='{csrf}'\n")).unwrap();
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guard/faults/pvesh"), self.bin.join("pvesh")).unwrap();
        std::fs::set_permissions(self.bin.join("pvesh"), PermissionsExt::from_mode(0o755)).unwrap();
        let config = std::fs::read_to_string(self.host.home.config_file()).unwrap();
        self.host.home.configure(&format!("{config}[contexts.over]\ntransport = \"ssh\"\n[contexts.over.ssh]\nhost = \"node\"\n"));
    }

    /// What reached a host so far and could have changed something: calls that are no reads, and what ssh was to run besides
    /// the words of the fence that only look.
    pub fn sent(&self) -> Vec<String> {
        let calls = self.host.requests().into_iter().filter(|request| request.method != "GET");
        let calls = calls.map(|request| format!("{} {}", request.method, request.path));
        let asked = std::fs::read_to_string(self.bin.join("asked")).unwrap_or_default();
        let looks = |line: &str| {
            let word = line.trim().rsplit(' ').next().and_then(Word::parse);
            line.contains("echo machine=") || (line.contains("felhom-fence ") && word.is_some_and(|word| !word.changes()))
        };
        calls.chain(asked.lines().filter(|line| !looks(line)).map(str::to_owned)).collect()
    }

    pub fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.host.home.state().join("journal.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Every file and folder of this home, with what is in it, but for the journal and the staged changes.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for folder in ["config", "state", "cache"] {
            gather(&self.host.home.path().join(folder), &mut found);
        }
        let state = self.host.home.state();
        found.retain(|path, _| *path != state && *path != state.join("journal.jsonl") && !path.starts_with(state.join("staged")));
        found
    }
}

pub fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
}

fn context(host: &Host, name: &str, secret: &Path) -> String {
    format!(
        "[contexts.{name}]\ntoken_id = \"root@pam!demo\"\nsecret = \"file:{}\"\nca_file = \"{}\"\nwrites = \"{name}\"\n\
         [[contexts.{name}.endpoints]]\nurl = \"{}\"\n[contexts.{name}.fence]\nvia = \"ssh\"\nhost = \"felhom@fence\"\n",
        secret.display(),
        host.ca_file().display(),
        host.endpoint()
    )
}

/// The folder with the `ssh` that stands in, and the answers of a pretended host that has a disk mounted already.
fn stand_in(bin: &Path) {
    let root = bin.join("host");
    simulated::seed(&root).unwrap();
    let tools = simulated::SimulatedTools::new(&root);
    let answer = |word: Word, request: &serde_json::Value| {
        let bytes = serde_json::json!({"protocol": 1, "request": request}).to_string();
        let host = SimulatedHost::simulated(&root, true, &tools);
        let envelope = felhom::fence::host::answer(&host, word, bytes.as_bytes(), &Caller("gates".into()));
        serde_json::to_string(&envelope).unwrap()
    };
    let mount = |name: &str| {
        let request = UsbMount { uuid: SSD.parse().unwrap(), name: name.parse().unwrap(), persist: Persist::Unit, options: Vec::new() };
        serde_json::to_value(request).unwrap()
    };
    let nothing = serde_json::json!({});
    // The disk is free where it is to be mounted, and mounted where it is to be unmounted.
    let put = |name: &str, text: &str| std::fs::write(bin.join(name), text).unwrap();
    put("disks", &answer(Word::Disks, &nothing));
    put("version", &answer(Word::Version, &nothing));
    put("usb-mount", &answer(Word::UsbMount, &mount(MOUNTED)));
    put("usb-status", &answer(Word::UsbStatus, &nothing));
    put("usb-unmount", &answer(Word::UsbUnmount, &serde_json::json!({"name": MOUNTED})));
    put("golden-create", &answer(Word::GoldenCreate, &nothing));
    put("probe", "uid=0\nmachine=x86_64\nsudo=/usr/bin/sudo\nvisudo=/usr/sbin/visudo\n");
    put("script", "");
    std::fs::write(bin.join("ssh"), SSH).unwrap();
    std::fs::set_permissions(bin.join("ssh"), PermissionsExt::from_mode(0o755)).unwrap();
}

/// What the fence's installation takes for a helper: the head of a static program for x86_64.
fn a_static_program() -> Vec<u8> {
    let mut bytes = vec![0_u8; 120];
    bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
    bytes[18] = 62;
    bytes[32] = 64;
    bytes[54] = 56;
    bytes[56] = 1;
    bytes[64] = 1;
    bytes
}

fn gather(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, found);
            found.insert(path, Vec::new());
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}
