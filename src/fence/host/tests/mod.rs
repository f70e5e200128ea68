//! The helper's commands on a simulated host: effects, refusals, and idempotence.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Caller, Host, Tool, answer};
use crate::fence::protocol::{Envelope, ErrorKind, PROTOCOL, Word};
use crate::fence::simulated::{SimulatedTools, ToolFailure, seed};

const SSD: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";
const STICK: &str = "A1B2-C3D4";
const UNIT: &str = "etc/systemd/system/mnt-pve-backup.mount";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/mnt-pve-backup.mount";

mod golden;
mod repair;
mod replace;
mod systemd;

use golden::golden;

struct TestHost {
    dir: tempfile::TempDir,
}

impl TestHost {
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

    fn ask_with(&self, tools: &SimulatedTools<'_>, word: Word, request: &Value) -> Envelope {
        let host = Host::simulated(self.root(), true, tools);
        let bytes = json!({"protocol":PROTOCOL,"request":request}).to_string();
        answer(&host, word, bytes.as_bytes(), &Caller("tester".into()))
    }

    fn ask(&self, word: Word, request: &Value) -> Envelope {
        self.ask_with(&SimulatedTools::new(self.root()), word, request)
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
fn mounting_twice_changes_nothing() {
    let host = TestHost::new();
    let first = host.ok(Word::UsbMount, &mount(SSD, "backup"));
    assert_eq!((first["changed"].as_bool(), first["mount"]["state"].as_str()), (Some(true), Some("mounted")));
    assert_eq!(first["mount"]["device"], "/dev/sdd1");
    assert!(host.read("etc/systemd/system/mnt-pve-backup.mount").contains("JobTimeoutSec=60"));
    assert!(host.root().join("etc/systemd/system/multi-user.target.wants/mnt-pve-backup.mount").symlink_metadata().is_ok());
    assert!(host.read("proc/self/mountinfo").contains("/mnt/pve/backup nosuid,nodev,noexec,noatime"));

    let again = host.ok(Word::UsbMount, &mount(SSD, "backup"));
    assert_eq!((again["changed"].as_bool(), again["done"].as_array().map(Vec::len)), (Some(false), Some(0)));
    assert_eq!(host.read("proc/self/mountinfo").matches("/mnt/pve/backup").count(), 1);
    assert_eq!(
        host.read("var/log/felhom-fence.log").lines().collect::<Vec<_>>(),
        ["started", "ok", "started", "ok"].map(|what| format!("usb-mount for tester: {what} {SSD} as backup"))
    );
}

#[test]
fn unmount_undoes_everything() {
    let host = TestHost::new();
    let before = host.read("proc/self/mountinfo");
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    let gone = host.ok(Word::UsbUnmount, &json!({"name":"backup"}));
    assert_eq!(gone["changed"], true);
    assert_eq!(host.read("proc/self/mountinfo"), before);
    assert!(!host.root().join("etc/systemd/system/mnt-pve-backup.mount").exists());
    assert!(!host.root().join("mnt/pve/backup").exists());
    assert_eq!(host.ok(Word::UsbUnmount, &json!({"name":"backup"}))["changed"], false);
}

#[test]
fn a_kept_mount_is_mounted_again_after_a_replug() {
    let host = TestHost::new();
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    host.ok(Word::UsbUnmount, &json!({"name":"backup","keep":true}));
    let state = |host: &TestHost| host.ok(Word::UsbStatus, &json!({}))["mounts"][0]["state"].clone();
    assert_eq!(state(&host), "not_mounted");
    let saved = host.read("sim/lsblk.json");
    host.lsblk(|blocks| blocks.as_array_mut().expect("a list").retain(|b| b["name"] != "sdd"));
    assert_eq!(state(&host), "unplugged");
    assert_eq!(host.refused(Word::UsbMount, &mount(SSD, "backup")).0, ErrorKind::NotFound);
    fs::write(host.root().join("sim/lsblk.json"), saved).expect("plugged in again");
    assert_eq!(host.ok(Word::UsbMount, &mount(SSD, "backup"))["changed"], true);
    assert_eq!(state(&host), "mounted");
}

#[test]
fn fstab_mounts_and_temporary_mounts() {
    let host = TestHost::new();
    let before = host.read("etc/fstab");
    host.ok(Word::UsbMount, &json!({"uuid":SSD,"name":"backup","persist":"fstab","options":["ro"]}));
    assert!(host.read("etc/fstab").contains("noatime,ro,x-systemd.device-timeout=60s,x-felhom=backup 0 2\n"));
    assert_eq!(host.refused(Word::UsbMount, &mount(SSD, "backup")).0, ErrorKind::Exists);
    host.ok(Word::UsbUnmount, &json!({"name":"backup"}));
    assert_eq!(host.read("etc/fstab"), before);

    host.ok(Word::UsbMount, &json!({"uuid":STICK,"name":"stick","persist":"none"}));
    assert_eq!(host.ok(Word::UsbStatus, &json!({}))["mounts"][0]["persist"], "none");
    assert_eq!(host.read("etc/fstab"), before);
    host.ok(Word::UsbUnmount, &json!({"name":"stick"}));
    assert_eq!(host.ok(Word::UsbStatus, &json!({}))["mounts"], json!([]));
}

#[test]
fn dangerous_mounts_are_refused() {
    let host = TestHost::new();
    let says = |kind: ErrorKind, request: &Value, word: &str| {
        let (seen, text) = host.refused(Word::UsbMount, request);
        assert!(seen == kind && text.contains(word), "{request}: {seen:?} {text}");
    };
    says(ErrorKind::Refused, &mount("6a1c2f00-0d1b-4f6e-9a10-1f0e5d2c3b4a", "root"), "is not a USB disk");
    says(ErrorKind::NotFound, &mount("00000000-0000-4000-8000-000000000000", "x"), "plugged in");
    says(ErrorKind::BadRequest, &mount("/dev/sdd1", "x"), "not a filesystem UUID");
    says(ErrorKind::BadRequest, &mount(SSD, "../../etc"), "not a mount name");

    fs::create_dir(host.root().join("mnt/pve/full")).expect("made");
    fs::write(host.root().join("mnt/pve/full/file"), "x").expect("written");
    says(ErrorKind::Refused, &mount(SSD, "full"), "not empty");
    std::os::unix::fs::symlink("/etc", host.root().join("mnt/pve/link")).expect("linked");
    says(ErrorKind::Refused, &mount(SSD, "link"), "not a real directory");
    fs::write(host.root().join("etc/systemd/system/mnt-pve-theirs.mount"), "[Mount]\nWhat=/dev/sdz1\nWhere=/mnt/pve/theirs\n")
        .expect("written");
    says(ErrorKind::Refused, &mount(SSD, "theirs"), "not felhom's");
    host.ok(Word::UsbMount, &mount(STICK, "stick"));
    says(ErrorKind::Exists, &mount(SSD, "stick"), "another disk");
    says(ErrorKind::Exists, &mount(STICK, "other"), "name 'stick'");
    let table = host.read("etc/fstab");
    fs::write(host.root().join("etc/fstab"), format!("{table}UUID={SSD} /srv ext4 defaults 0 2\n")).expect("written");
    says(ErrorKind::Refused, &mount(SSD, "backup"), "/srv");
    fs::write(host.root().join("etc/fstab"), "broken line\n").expect("written");
    says(ErrorKind::Refused, &mount(SSD, "backup"), "line 1");
    fs::write(host.root().join("etc/fstab"), &table).expect("written");
    fs::write(host.root().join("etc/systemd/system/srv-x.mount"), format!("[Mount]\nWhat=/dev/disk/by-uuid/{SSD}\nWhere=/srv/x\n"))
        .expect("written");
    says(ErrorKind::Refused, &mount(SSD, "backup"), "srv-x.mount");
    assert!(!host.root().join("mnt/pve/backup").exists(), "a refused mount creates nothing");
}

fn problems(host: &TestHost) -> Vec<String> {
    let row = &host.ok(Word::UsbStatus, &json!({}))["mounts"][0];
    row["problems"].as_array().expect("problems").iter().map(|p| p.as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_failed_first_mount_is_undone_and_explained() {
    let host = TestHost::new();
    let mut tools = SimulatedTools::new(host.root());
    tools.failures.push(ToolFailure {
        tool: Tool::Systemctl,
        when: "mnt-pve-backup.mount".into(),
        code: 1,
        stderr: "Job for mnt-pve-backup.mount failed.".into(),
    });
    tools.failures[0].when = "start".into();
    let error = host.ask_with(&tools, Word::UsbMount, &mount(SSD, "backup")).error.expect("a failure");
    assert_eq!((error.kind, error.code, error.tool.as_deref()), (ErrorKind::Tool, Some(1), Some("systemctl")));
    assert!(!host.root().join("etc/systemd/system/mnt-pve-backup.mount").exists());
    let words: Vec<String> = tools.ran.borrow().iter().map(|w| w.join(" ")).collect();
    assert!(words.contains(&"/usr/bin/chattr +i /mnt/pve/backup".to_owned()), "{words:?}");
    assert!(words.iter().all(|w| w.starts_with("/usr/")), "{words:?}");
}

#[test]
fn another_filesystem_at_the_mount_point_is_foreign() {
    let host = TestHost::new();
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    let table = host.read("proc/self/mountinfo").replace("/dev/sdd1", "/dev/sda1");
    fs::write(host.root().join("proc/self/mountinfo"), table).expect("written");
    let (kind, text) = host.refused(Word::UsbMount, &mount(SSD, "backup"));
    assert!(kind == ErrorKind::Refused && text.contains("/dev/sda1"), "{text}");
    assert_eq!(host.refused(Word::UsbUnmount, &json!({"name":"backup"})).0, ErrorKind::Refused);
    assert_eq!(host.ok(Word::UsbStatus, &json!({}))["mounts"][0]["state"], "foreign");
}

#[test]
fn unmount_lists_the_users_of_the_disk() {
    let host = TestHost::new();
    host.ok(Word::UsbMount, &mount(SSD, "backup"));
    let number = crate::fence::mountinfo::parse(&host.read("proc/self/mountinfo")).pop().expect("our mount").device;
    let process = |pid: &str, comm: &str, cmdline: &str, cgroup: &str, opens: Option<&str>| {
        let dir = host.root().join("proc").join(pid);
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
    let (kind, text) = host.refused(Word::UsbUnmount, &json!({"name":"backup"}));
    assert_eq!(kind, ErrorKind::Busy);
    assert_eq!(text, "/mnt/pve/backup is in use by VM 104, bash (pid 4001), container 117, task UPID:pve1:0000:00:00:vzdump:101:root@pam:");
    assert!(host.read("proc/self/mountinfo").contains("/mnt/pve/backup"));
}

#[test]
fn only_the_policy_enables_changes() {
    let host = TestHost::new();
    let policy = host.root().join("etc/felhom/fence.toml");
    let with = |text: &str| fs::write(&policy, text).expect("written");
    with("words = [\"usb-mount\"]\nmount_names = [\"backup\"]\ndisks = [\"A1B2-C3D4\"]\n");
    assert_eq!(host.refused(Word::UsbMount, &mount(STICK, "stick")).0, ErrorKind::Policy);
    assert_eq!(host.refused(Word::UsbMount, &mount(SSD, "backup")).0, ErrorKind::Policy);
    assert_eq!(host.refused(Word::UsbUnmount, &json!({"name":"backup"})).0, ErrorKind::Policy);
    host.ok(Word::UsbMount, &mount(STICK, "backup"));
    with("shiny = 1\n");
    assert_eq!(host.refused(Word::Smart, &json!({})).0, ErrorKind::Policy);
    assert!(host.ok(Word::Version, &json!({}))["policy_error"].as_str().unwrap_or_default().contains("shiny"));
    fs::remove_file(&policy).expect("removed");
    for (word, request) in
        [(Word::UsbMount, mount(STICK, "backup")), (Word::UsbUnmount, json!({"name":"backup"})), (Word::GoldenCreate, golden())]
    {
        let (kind, text) = host.refused(word, &request);
        assert!(kind == ErrorKind::Policy && text.contains("/etc/felhom/fence.toml"), "{text}");
    }
    for word in [Word::Version, Word::Smart, Word::Disks, Word::Sensors, Word::UsbStatus] {
        host.ok(word, &json!({}));
    }
    with("words = [\"usb-mount\"]\n");
    fs::set_permissions(&policy, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("mode");
    assert!(host.refused(Word::UsbMount, &mount(STICK, "backup")).1.contains("not trusted"));
}

#[test]
fn only_root_commands_need_root() {
    let host = TestHost::new();
    let tools = SimulatedTools::new(host.root());
    let host = Host::simulated(host.root(), false, &tools);
    for word in Word::ALL {
        let envelope = answer(&host, word, br#"{"protocol":1,"request":{}}"#, &Caller("tester".into()));
        assert_eq!(envelope.error.map(|e| e.kind), word.needs_root().then_some(ErrorKind::NotRoot), "{word}");
    }
}

#[test]
fn smart_reads_each_disk_once_and_unknown_bridges_twice() {
    let host = TestHost::new();
    let tools = SimulatedTools::new(host.root());
    let reply = host.ask_with(&tools, Word::Smart, &json!({})).ok.expect("an answer");
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
    assert_eq!(host.ok(Word::Smart, &json!({"disk":"/dev/sdb"}))["disks"].as_array().map(Vec::len), Some(1));
    assert_eq!(host.refused(Word::Smart, &json!({"disk":"/dev/sdz"})).0, ErrorKind::NotFound);
}

#[test]
fn a_host_without_sensors_is_not_an_error() {
    let host = TestHost::new();
    fs::remove_file(host.root().join("sim/sensors.json")).expect("removed");
    assert_eq!(host.ok(Word::Sensors, &json!({}))["sensors"], json!({}));
}

/// Item 19: a helper that is killed half-way has written its first line.
#[test]
fn the_journal_has_a_line_for_the_start_and_the_end() {
    let lines = |host: &TestHost| host.read("var/log/felhom-fence.log").lines().map(ToOwned::to_owned).collect::<Vec<_>>();
    let host = TestHost::new();
    let mut tools = SimulatedTools::new(host.root());
    tools.power_cut = Some(0);
    let cut = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| host.ask_with(&tools, Word::UsbMount, &mount(SSD, "backup"))));
    assert!(cut.is_err());
    assert_eq!(lines(&host), [format!("usb-mount for tester: started {SSD} as backup")]);

    let host = TestHost::new();
    host.ok(Word::UsbStatus, &json!({}));
    host.refused(Word::UsbUnmount, &json!({"name":"../x"}));
    host.ask_with(&SimulatedTools::new(host.root()), Word::GoldenCreate, &golden());
    let lines = lines(&host);
    assert_eq!(lines[..2], ["usb-status for tester: started", "usb-status for tester: ok"]);
    assert!(lines[2] == "usb-unmount for tester: started" && lines[3].starts_with("usb-unmount for tester: BadRequest: "), "{lines:?}");
    assert!(lines[4].starts_with("golden-create for tester: started 9000 from local:vztmpl/") && lines[5].contains(": ok 9000 from"));
    assert_eq!(lines.len(), 6);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]
    #[test]
    fn random_requests_are_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), word in 0_usize..8) {
        let host = TestHost::new();
        let tools = SimulatedTools::new(host.root());
        let host = Host::simulated(host.root(), true, &tools);
        let envelope = answer(&host, Word::ALL[word], &bytes, &Caller("tester".into()));
        proptest::prop_assert!(envelope.error.is_some() && (1..=99).contains(&envelope.exit()));
        proptest::prop_assert!(tools.ran.borrow().is_empty());
    }
}
