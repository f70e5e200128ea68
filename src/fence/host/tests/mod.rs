//! The helper's words against a pretended host: what they do, what they refuse, and that doing it twice is doing it once.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Caller, Host, Tool, answer};
use crate::fence::pretend::{Pretended, Stopped, seed};
use crate::fence::protocol::{Envelope, ErrorKind, PROTOCOL, Word};

const SSD: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";
const STICK: &str = "A1B2-C3D4";
const UNIT: &str = "etc/systemd/system/mnt-pve-backup.mount";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/mnt-pve-backup.mount";

mod golden;
mod repair;
mod replace;
mod systemd;

use golden::golden;

struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        seed(dir.path()).expect("seeded");
        Self { dir }
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_default()
    }

    fn ask_with(&self, tools: &Pretended<'_>, word: Word, request: &Value) -> Envelope {
        let host = Host::pretended(self.root(), true, tools);
        let bytes = json!({"protocol":PROTOCOL,"request":request}).to_string();
        answer(&host, word, bytes.as_bytes(), &Caller("tester".into()))
    }

    fn ask(&self, word: Word, request: &Value) -> Envelope {
        self.ask_with(&Pretended::new(self.root()), word, request)
    }

    fn ok(&self, word: Word, request: &Value) -> Value {
        let envelope = self.ask(word, request);
        assert_eq!(envelope.exit(), 0, "{envelope:?}");
        envelope.ok.expect("an answer")
    }

    fn refused(&self, word: Word, request: &Value) -> (ErrorKind, String) {
        let error = self.ask(word, request).error.expect("a refusal");
        (error.kind, error.message)
    }

    fn lsblk(&self, change: impl FnOnce(&mut Value)) {
        let mut tree: Value = serde_json::from_str(&self.read("sim/lsblk.json")).expect("JSON");
        change(&mut tree["blockdevices"]);
        fs::write(self.root().join("sim/lsblk.json"), tree.to_string()).expect("written");
    }
}

fn mount(uuid: &str, name: &str) -> Value {
    json!({"uuid":uuid,"name":name})
}

#[test]
fn a_mount_is_made_once_and_found_again() {
    let place = Place::new();
    let first = place.ok(Word::UsbMount, &mount(SSD, "backup"));
    assert_eq!((first["changed"].as_bool(), first["mount"]["state"].as_str()), (Some(true), Some("mounted")));
    assert_eq!(first["mount"]["device"], "/dev/sdd1");
    assert!(place.read("etc/systemd/system/mnt-pve-backup.mount").contains("JobTimeoutSec=60"));
    assert!(place.root().join("etc/systemd/system/multi-user.target.wants/mnt-pve-backup.mount").symlink_metadata().is_ok());
    assert!(place.read("proc/self/mountinfo").contains("/mnt/pve/backup nosuid,nodev,noexec,noatime"));

    let again = place.ok(Word::UsbMount, &mount(SSD, "backup"));
    assert_eq!((again["changed"].as_bool(), again["done"].as_array().map(Vec::len)), (Some(false), Some(0)));
    assert_eq!(place.read("proc/self/mountinfo").matches("/mnt/pve/backup").count(), 1);
    assert_eq!(
        place.read("var/log/felhom-fence.log").lines().collect::<Vec<_>>(),
        ["started", "ok", "started", "ok"].map(|what| format!("usb-mount for tester: {what} {SSD} as backup"))
    );
}

#[test]
fn unmount_takes_everything_back() {
    let place = Place::new();
    let before = place.read("proc/self/mountinfo");
    place.ok(Word::UsbMount, &mount(SSD, "backup"));
    let gone = place.ok(Word::UsbUnmount, &json!({"name":"backup"}));
    assert_eq!(gone["changed"], true);
    assert_eq!(place.read("proc/self/mountinfo"), before);
    assert!(!place.root().join("etc/systemd/system/mnt-pve-backup.mount").exists());
    assert!(!place.root().join("mnt/pve/backup").exists());
    assert_eq!(place.ok(Word::UsbUnmount, &json!({"name":"backup"}))["changed"], false);
}

#[test]
fn a_kept_mount_is_mounted_again_after_a_replug() {
    let place = Place::new();
    place.ok(Word::UsbMount, &mount(SSD, "backup"));
    place.ok(Word::UsbUnmount, &json!({"name":"backup","keep":true}));
    let state = |place: &Place| place.ok(Word::UsbStatus, &json!({}))["mounts"][0]["state"].clone();
    assert_eq!(state(&place), "not_mounted");
    let saved = place.read("sim/lsblk.json");
    place.lsblk(|blocks| blocks.as_array_mut().expect("a list").retain(|b| b["name"] != "sdd"));
    assert_eq!(state(&place), "unplugged");
    assert_eq!(place.refused(Word::UsbMount, &mount(SSD, "backup")).0, ErrorKind::NotFound);
    fs::write(place.root().join("sim/lsblk.json"), saved).expect("plugged in again");
    assert_eq!(place.ok(Word::UsbMount, &mount(SSD, "backup"))["changed"], true);
    assert_eq!(state(&place), "mounted");
}

#[test]
fn fstab_and_none() {
    let place = Place::new();
    let before = place.read("etc/fstab");
    place.ok(Word::UsbMount, &json!({"uuid":SSD,"name":"backup","persist":"fstab","options":["ro"]}));
    assert!(place.read("etc/fstab").contains("noatime,ro,x-systemd.device-timeout=60s,x-felhom=backup 0 2\n"));
    assert_eq!(place.refused(Word::UsbMount, &mount(SSD, "backup")).0, ErrorKind::Exists);
    place.ok(Word::UsbUnmount, &json!({"name":"backup"}));
    assert_eq!(place.read("etc/fstab"), before);

    place.ok(Word::UsbMount, &json!({"uuid":STICK,"name":"stick","persist":"none"}));
    assert_eq!(place.ok(Word::UsbStatus, &json!({}))["mounts"][0]["persist"], "none");
    assert_eq!(place.read("etc/fstab"), before);
    place.ok(Word::UsbUnmount, &json!({"name":"stick"}));
    assert_eq!(place.ok(Word::UsbStatus, &json!({}))["mounts"], json!([]));
}

#[test]
fn the_danger_list() {
    let place = Place::new();
    let says = |kind: ErrorKind, request: &Value, word: &str| {
        let (seen, text) = place.refused(Word::UsbMount, request);
        assert!(seen == kind && text.contains(word), "{request}: {seen:?} {text}");
    };
    says(ErrorKind::Refused, &mount("6a1c2f00-0d1b-4f6e-9a10-1f0e5d2c3b4a", "root"), "is not a USB disk");
    says(ErrorKind::NotFound, &mount("00000000-0000-4000-8000-000000000000", "x"), "plugged in");
    says(ErrorKind::BadRequest, &mount("/dev/sdd1", "x"), "not a filesystem UUID");
    says(ErrorKind::BadRequest, &mount(SSD, "../../etc"), "not a mount name");

    fs::create_dir(place.root().join("mnt/pve/full")).expect("made");
    fs::write(place.root().join("mnt/pve/full/file"), "x").expect("written");
    says(ErrorKind::Refused, &mount(SSD, "full"), "not empty");
    std::os::unix::fs::symlink("/etc", place.root().join("mnt/pve/link")).expect("linked");
    says(ErrorKind::Refused, &mount(SSD, "link"), "not a real directory");
    fs::write(place.root().join("etc/systemd/system/mnt-pve-theirs.mount"), "[Mount]\nWhat=/dev/sdz1\nWhere=/mnt/pve/theirs\n")
        .expect("written");
    says(ErrorKind::Refused, &mount(SSD, "theirs"), "not felhom's");
    place.ok(Word::UsbMount, &mount(STICK, "stick"));
    says(ErrorKind::Exists, &mount(SSD, "stick"), "another disk");
    says(ErrorKind::Exists, &mount(STICK, "other"), "on record as stick");
    let table = place.read("etc/fstab");
    fs::write(place.root().join("etc/fstab"), format!("{table}UUID={SSD} /srv ext4 defaults 0 2\n")).expect("written");
    says(ErrorKind::Refused, &mount(SSD, "backup"), "/srv");
    fs::write(place.root().join("etc/fstab"), "broken line\n").expect("written");
    says(ErrorKind::Refused, &mount(SSD, "backup"), "line 1");
    fs::write(place.root().join("etc/fstab"), &table).expect("written");
    fs::write(place.root().join("etc/systemd/system/srv-x.mount"), format!("[Mount]\nWhat=/dev/disk/by-uuid/{SSD}\nWhere=/srv/x\n"))
        .expect("written");
    says(ErrorKind::Refused, &mount(SSD, "backup"), "srv-x.mount");
    assert!(!place.root().join("mnt/pve/backup").exists(), "a refusal leaves nothing behind");
}

fn problems(place: &Place) -> Vec<String> {
    let row = &place.ok(Word::UsbStatus, &json!({}))["mounts"][0];
    row["problems"].as_array().expect("problems").iter().map(|p| p.as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_failed_first_mount_leaves_nothing_and_says_why() {
    let place = Place::new();
    let mut tools = Pretended::new(place.root());
    tools.stopped.push(Stopped {
        tool: Tool::Systemctl,
        when: "mnt-pve-backup.mount".into(),
        code: 1,
        stderr: "Job for mnt-pve-backup.mount failed.".into(),
    });
    tools.stopped[0].when = "start".into();
    let error = place.ask_with(&tools, Word::UsbMount, &mount(SSD, "backup")).error.expect("a failure");
    assert_eq!((error.kind, error.code, error.tool.as_deref()), (ErrorKind::Tool, Some(1), Some("systemctl")));
    assert!(!place.root().join("etc/systemd/system/mnt-pve-backup.mount").exists());
    let words: Vec<String> = tools.ran.borrow().iter().map(|w| w.join(" ")).collect();
    assert!(words.contains(&"/usr/bin/chattr +i /mnt/pve/backup".to_owned()), "{words:?}");
    assert!(words.iter().all(|w| w.starts_with("/usr/")), "{words:?}");
}

#[test]
fn another_filesystem_at_the_place_is_not_taken_for_ours() {
    let place = Place::new();
    place.ok(Word::UsbMount, &mount(SSD, "backup"));
    let table = place.read("proc/self/mountinfo").replace("/dev/sdd1", "/dev/sda1");
    fs::write(place.root().join("proc/self/mountinfo"), table).expect("written");
    let (kind, text) = place.refused(Word::UsbMount, &mount(SSD, "backup"));
    assert!(kind == ErrorKind::Refused && text.contains("/dev/sda1"), "{text}");
    assert_eq!(place.refused(Word::UsbUnmount, &json!({"name":"backup"})).0, ErrorKind::Refused);
    assert_eq!(place.ok(Word::UsbStatus, &json!({}))["mounts"][0]["state"], "foreign");
}

#[test]
fn unmount_names_who_uses_it() {
    let place = Place::new();
    place.ok(Word::UsbMount, &mount(SSD, "backup"));
    let number = crate::fence::mountinfo::parse(&place.read("proc/self/mountinfo")).pop().expect("our mount").device;
    let process = |pid: &str, comm: &str, cmdline: &str, cgroup: &str, opens: Option<&str>| {
        let dir = place.root().join("proc").join(pid);
        fs::create_dir_all(dir.join("fd")).expect("made");
        fs::create_dir_all(dir.join("ns")).expect("made");
        fs::write(dir.join("comm"), comm).expect("written");
        fs::write(dir.join("cmdline"), cmdline.replace(' ', "\0")).expect("written");
        fs::write(dir.join("cgroup"), cgroup).expect("written");
        match opens {
            Some(path) => std::os::unix::fs::symlink(path, dir.join("fd/7")).expect("linked"),
            None => {
                std::os::unix::fs::symlink("mnt:[4026532999]", dir.join("ns/mnt")).expect("linked");
                fs::write(dir.join("mountinfo"), format!("1 1 {number} / /data rw - ext4 /dev/sdd1 rw\n")).expect("written");
            }
        }
    };
    process("4001", "bash", "bash", "0::/user.slice", Some("/mnt/pve/backup/notes.txt"));
    process("4002", "kvm", "/usr/bin/kvm -id 104 -name x", "0::/qemu.slice/104.scope", Some("/mnt/pve/backup/images/104/disk.raw"));
    process("4003", "task", "task UPID:pve1:0000:00:00:vzdump:101:root@pam:", "0::/system.slice", Some("/mnt/pve/backup/dump/x.tmp"));
    process("4004", "nginx", "nginx", "0::/lxc/117/ns", None);
    process("4005", "other", "other", "0::/", Some("/mnt/pve/backup2/x"));
    let (kind, text) = place.refused(Word::UsbUnmount, &json!({"name":"backup"}));
    assert_eq!(kind, ErrorKind::Busy);
    assert_eq!(
        text,
        "/mnt/pve/backup is in use by bash (pid 4001), the container 117, the task UPID:pve1:0000:00:00:vzdump:101:root@pam:, the virtual machine 104"
    );
    assert!(place.read("proc/self/mountinfo").contains("/mnt/pve/backup"));
}

#[test]
fn the_policy_bounds_and_its_absence_closes() {
    let place = Place::new();
    let policy = place.root().join("etc/felhom/fence.toml");
    let with = |text: &str| fs::write(&policy, text).expect("written");
    with("words = [\"usb-mount\"]\nmount_names = [\"backup\"]\ndisks = [\"A1B2-C3D4\"]\n");
    assert_eq!(place.refused(Word::UsbMount, &mount(STICK, "stick")).0, ErrorKind::Policy);
    assert_eq!(place.refused(Word::UsbMount, &mount(SSD, "backup")).0, ErrorKind::Policy);
    assert_eq!(place.refused(Word::UsbUnmount, &json!({"name":"backup"})).0, ErrorKind::Policy);
    place.ok(Word::UsbMount, &mount(STICK, "backup"));
    with("shiny = 1\n");
    assert_eq!(place.refused(Word::Smart, &json!({})).0, ErrorKind::Policy);
    assert!(place.ok(Word::Version, &json!({}))["policy_error"].as_str().unwrap_or_default().contains("shiny"));
    fs::remove_file(&policy).expect("removed");
    for (word, request) in
        [(Word::UsbMount, mount(STICK, "backup")), (Word::UsbUnmount, json!({"name":"backup"})), (Word::GoldenCreate, golden())]
    {
        let (kind, text) = place.refused(word, &request);
        assert!(kind == ErrorKind::Policy && text.contains("only reads work"), "{text}");
    }
    for word in [Word::Version, Word::Smart, Word::Disks, Word::Sensors, Word::UsbStatus] {
        place.ok(word, &json!({}));
    }
    with("words = [\"usb-mount\"]\n");
    fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("mode");
    assert!(place.refused(Word::UsbMount, &mount(STICK, "backup")).1.contains("not to be trusted"));
}

#[test]
fn root_words_need_root_and_the_others_do_not() {
    let place = Place::new();
    let tools = Pretended::new(place.root());
    let host = Host::pretended(place.root(), false, &tools);
    for word in Word::ALL {
        let envelope = answer(&host, word, br#"{"protocol":1,"request":{}}"#, &Caller("tester".into()));
        assert_eq!(envelope.error.map(|e| e.kind), word.needs_root().then_some(ErrorKind::NotRoot), "{word}");
    }
}

#[test]
fn smart_asks_every_disk_once_and_bridges_twice() {
    let place = Place::new();
    let tools = Pretended::new(place.root());
    let reply = place.ask_with(&tools, Word::Smart, &json!({})).ok.expect("an answer");
    let rows: Vec<_> =
        reply["disks"].as_array().expect("disks").iter().map(|d| format!("{} {} {}", d["disk"], d["device_type"], d["standby"])).collect();
    assert_eq!(
        rows,
        [
            r#""/dev/nvme0n1" "nvme" false"#,
            r#""/dev/sda" "sat" false"#,
            r#""/dev/sdb" "sat" false"#,
            r#""/dev/sdc" "sat" true"#,
            r#""/dev/sdd" "sat" false"#,
            r#""/dev/sde" null false"#,
            r#""/dev/sdf" null false"#,
        ]
    );
    let asked: Vec<String> = tools.ran.borrow().iter().map(|w| w[1..].join(" ")).filter(|w| w.ends_with("/dev/sde")).collect();
    assert_eq!(asked, ["--json=c -a -n standby,3 /dev/sde", "--json=c -a -n standby,3 -d sat /dev/sde"]);
    assert_eq!(place.ok(Word::Smart, &json!({"disk":"/dev/sdb"}))["disks"].as_array().map(Vec::len), Some(1));
    assert_eq!(place.refused(Word::Smart, &json!({"disk":"/dev/sdz"})).0, ErrorKind::NotFound);
}

#[test]
fn a_host_without_sensors_is_an_answer() {
    let place = Place::new();
    fs::remove_file(place.root().join("sim/sensors.json")).expect("removed");
    assert_eq!(place.ok(Word::Sensors, &json!({}))["sensors"], json!({}));
}

/// Item 19: a helper that is killed half-way has left its first line.
#[test]
fn the_journal_has_a_line_at_the_start_and_one_at_the_end() {
    let lines = |place: &Place| place.read("var/log/felhom-fence.log").lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let place = Place::new();
    let mut tools = Pretended::new(place.root());
    tools.power_cut = Some(0);
    let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| place.ask_with(&tools, Word::UsbMount, &mount(SSD, "backup"))));
    assert!(cut.is_err());
    assert_eq!(lines(&place), [format!("usb-mount for tester: started {SSD} as backup")]);

    let place = Place::new();
    place.ok(Word::UsbStatus, &json!({}));
    place.refused(Word::UsbUnmount, &json!({"name":"../x"}));
    place.ask_with(&Pretended::new(place.root()), Word::GoldenCreate, &golden());
    let lines = lines(&place);
    assert_eq!(lines[..2], ["usb-status for tester: started", "usb-status for tester: ok"]);
    assert!(lines[2] == "usb-unmount for tester: started" && lines[3].starts_with("usb-unmount for tester: BadRequest: "), "{lines:?}");
    assert!(lines[4].starts_with("golden-create for tester: started 9000 from local:vztmpl/") && lines[5].contains(": ok 9000 from"));
    assert_eq!(lines.len(), 6);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn no_bytes_on_stdin_do_anything_but_a_refusal(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), word in 0_usize..8) {
        let place = Place::new();
        let tools = Pretended::new(place.root());
        let host = Host::pretended(place.root(), true, &tools);
        let envelope = answer(&host, Word::ALL[word], &bytes, &Caller("tester".into()));
        proptest::prop_assert!(envelope.error.is_some() && (1..=99).contains(&envelope.exit()));
        proptest::prop_assert!(tools.ran.borrow().is_empty());
    }
}
