//! The commands that use the root helper, with the real binary against the demo host.

use assert_cmd::Command;
use serde_json::Value;

const SSD: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";

struct Demo {
    home: tempfile::TempDir,
}

impl Demo {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a directory") }
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let out = Command::new(assert_cmd::cargo::cargo_bin!("felhom"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("XDG_CACHE_HOME", self.home.path().join("cache"))
            .arg("demo")
            .args(args)
            .output()
            .expect("felhom runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
    }

    /// A file of the simulated host.
    fn host_file(&self, path: &str) -> std::path::PathBuf {
        self.home.path().join("state/felhom/demo/host").join(path)
    }

    fn json(&self, args: &[&str]) -> Value {
        let (code, stdout, stderr) = self.run(&[args, &["-o", "json"]].concat());
        assert_eq!((code, stderr.as_str()), (0, ""), "{args:?}");
        serde_json::from_str(&stdout).expect("JSON")
    }
}

#[test]
fn usb_from_list_to_unmount() {
    let demo = Demo::new();
    let list = demo.json(&["usb", "list"]);
    let keys: Vec<&str> = list[0].as_object().expect("a row").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["disk", "partition", "uuid", "fstype", "label", "size_bytes", "model", "serial", "mounted_at", "unit", "usable", "why_not"]
    );
    assert_eq!(list.as_array().map(Vec::len), Some(3));

    let (code, stdout, stderr) = demo.run(&["usb", "mount", SSD, "--name", "backup", "--plan"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("[fence] usb-mount on the demo host") && stdout.ends_with("nothing was changed\n"), "{stdout}");
    assert_eq!(demo.json(&["usb", "status"]), serde_json::json!([]));

    let done = demo.json(&["usb", "mount", SSD, "--name", "backup"]);
    assert_eq!((&done[0]["status"], &done[0]["place"], &done[0]["state"]), (&"ok".into(), &"/mnt/pve/backup".into(), &"mounted".into()));
    assert_eq!(demo.json(&["usb", "mount", SSD, "--name", "backup"])[0]["status"], "unchanged");
    assert_eq!(demo.json(&["usb", "list"])[0]["mounted_at"], "/mnt/pve/backup");
    let status = demo.json(&["usb", "status"]);
    assert_eq!((&status[0]["name"], &status[0]["state"], &status[0]["node"]), (&"backup".into(), &"mounted".into(), &"pve1".into()));

    assert_eq!((status[0]["size_bytes"].as_u64(), status[0]["used_bytes"].as_u64()), (Some(2_000_000_000_000), Some(200_000_000_000)));

    assert_eq!(demo.json(&["usb", "unmount", "backup", "--keep"])[0]["status"], "ok");
    let (code, _, stderr) = demo.run(&["usb", "status"]);
    assert!(code == 0 && stderr.contains(&format!("felhom usb mount {SSD} --name backup")), "{stderr}");
    assert_eq!(demo.json(&["usb", "unmount", "backup"])[0]["status"], "ok");
    let (code, stdout, stderr) = demo.run(&["usb", "unmount", "backup"]);
    assert_eq!((code, stdout.as_str()), (5, ""));
    assert!(stderr.contains("'backup'"), "{stderr}");
}

/// Item 17.
#[test]
fn usb_status_shows_an_incomplete_mount_and_usb_mount_repairs_it() {
    let demo = Demo::new();
    let mount = ["usb", "mount", SSD, "--name", "backup", "--options", "ro"];
    assert_eq!(demo.json(&mount)[0]["status"], "ok");
    assert_eq!(demo.json(&["usb", "status"])[0]["problems"], serde_json::json!([]));
    let wanted = demo.host_file("etc/systemd/system/multi-user.target.wants/mnt-pve-backup.mount");
    std::fs::remove_file(&wanted).expect("removed");
    let (code, stdout, stderr) = demo.run(&["usb", "status"]);
    assert!(code == 0 && stdout.contains("not enabled"), "{stdout}");
    assert!(stderr.contains(&format!("`felhom usb mount {SSD} --name backup --options ro`")), "{stderr}");
    let row = &demo.json(&["usb", "status", "--progress", "none", "--quiet"])[0];
    assert_eq!((&row["state"], row["problems"].as_array().map(Vec::len)), (&"mounted".into(), Some(1)));
    assert_eq!(demo.json(&mount)[0]["status"], "ok");
    assert!(wanted.symlink_metadata().is_ok());
    assert_eq!(demo.json(&mount)[0]["status"], "unchanged");
    // The record is missing while the disk is mounted.
    std::fs::remove_file(demo.host_file("etc/systemd/system/mnt-pve-backup.mount")).expect("removed");
    assert_eq!(demo.json(&mount)[0]["status"], "ok");
    assert_eq!(demo.json(&["usb", "status"])[0]["state"], "mounted");
}

/// Item 19.
#[test]
fn a_masked_unit_is_refused_with_the_mask_and_the_fix() {
    let demo = Demo::new();
    demo.json(&["usb", "list"]);
    std::os::unix::fs::symlink("/dev/null", demo.host_file("etc/systemd/system/mnt-pve-backup.mount")).expect("linked");
    let (code, stdout, stderr) = demo.run(&["usb", "mount", SSD, "--name", "backup"]);
    assert_eq!(code, 3, "{stdout}");
    assert!(stderr.contains("masked by /etc/systemd/system/mnt-pve-backup.mount"), "{stderr}");
    assert!(stderr.contains("systemctl unmask 'mnt-pve-backup.mount'"), "{stderr}");
}

/// Item 18.
#[test]
fn golden_containers_default_to_all_cores_of_the_host() {
    let demo = Demo::new();
    demo.json(&["usb", "list"]);
    let policy = demo.host_file("etc/felhom/fence.toml");
    let text = std::fs::read_to_string(&policy).expect("the policy").replace("max_cores = 4", "max_cores = 2");
    std::fs::write(&policy, text).expect("written");
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let create = ["guest", "create", "lxc", template, "--hostname", "gold", "--storage", "local-lvm", "--golden", "--vmid", "9051"];
    let (code, stdout, stderr) = demo.run(&create);
    assert_eq!(code, 4, "{stdout} {stderr}");
    assert!(stderr.contains("cores 4") && stderr.contains("--cores 2"), "{stderr}");
    assert_eq!(demo.run(&[&create[..], &["--cores", "2"]].concat()).0, 0);
}

#[test]
fn a_golden_container_has_the_features_and_networks_asked_for() {
    let demo = Demo::new();
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let create = ["guest", "create", "lxc", template, "--hostname", "gold", "--storage", "local-lvm", "--cores", "2", "--golden"];
    let net = "bridge=vmbr0,hwaddr=BC:24:11:00:09:0A,mtu=1400,link_down=1";
    let plan = demo.json(&[&create[..], &["--vmid", "9051", "--features", "nesting=0", "--net", net, "--plan"]].concat());
    let request = &plan["items"][0]["steps"][0]["params"]["request"];
    assert_eq!((&request["features"]["nesting"], &request["features"]["keyctl"]), (&false.into(), &true.into()), "{plan}");
    let (code, stdout, stderr) = demo.run(&[&create[..], &["--vmid", "9051", "--features", "nesting=0", "--net", net]].concat());
    assert_eq!(code, 0, "{stdout} {stderr}");
    let config = demo.json(&["guest", "config", "9051"]);
    let net0 = config["net0"].as_str().unwrap_or_default();
    assert!(["hwaddr=BC:24:11:00:09:0A", "mtu=1400", "link_down=1"].iter().all(|part| net0.contains(part)), "{config}");
    assert_eq!(config["features"], "keyctl=1");
    let (code, _, stderr) = demo.run(&[&create[..], &["--vmid", "9052", "--features", "nesting=1,keyctl=1"]].concat());
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_denial_by_the_policy_hints_at_the_policy() {
    let demo = Demo::new();
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let create = ["guest", "create", "lxc", template, "--hostname", "gold", "--storage", "local-lvm", "--golden", "--cores", "2"];
    for outside in [&["--vmid", "1000000"][..], &["--net", "bridge=vmbr77"], &["--vmid", "9051", "--memory", "999999"]] {
        let (code, _, stderr) = demo.run(&[&create[..], outside].concat());
        assert_eq!(code, 4, "{stderr}");
        let hint = stderr.split_once("hint: ").expect("a hint").1;
        assert!(hint.contains("/etc/felhom/fence.toml") && !hint.contains("role check"), "{outside:?}: {stderr}");
    }
    // Whatever the policy file is like, the hint is about it.
    std::fs::write(demo.host_file("etc/felhom/fence.toml"), "nonsense").expect("written");
    let (code, _, stderr) = demo.run(&["usb", "mount", SSD, "--name", "backup", "--yes"]);
    assert!(code == 4 && stderr.contains("correct /etc/felhom/fence.toml") && !stderr.contains("role check"), "{code} {stderr}");
}

#[test]
fn usb_refusals_have_their_exit_codes() {
    let demo = Demo::new();
    let code = |args: &[&str], word: &str| {
        let (code, _, stderr) = demo.run(args);
        assert!(stderr.contains(word), "{args:?}: {stderr}");
        code
    };
    assert_eq!(code(&["usb", "mount", "A1B2-C3D4", "--name", "stick", "--as-storage"], "4 GiB"), 3);
    assert_eq!(code(&["usb", "mount", "k7d5C0-LjjP-CEDy-8aOL-Tfc8-cy0H-GD9RKO", "--name", "x"], "not a filesystem UUID"), 2);
    assert_eq!(code(&["usb", "mount", SSD, "--name", "../x"], "not a mount name"), 2);
    assert_eq!(code(&["usb", "mount", SSD, "--name", "backup", "--read-only"], "read-only mode"), 3);
    assert_eq!(code(&["usb", "mount", "11111111-2222-4333-8444-555555555555", "--name", "x"], "plugged in"), 5);
    assert_eq!(code(&["usb", "mount", SSD, "--name", "backup", "--persist", "forever"], "forever"), 2);
}

#[test]
fn smart_and_sensors() {
    let demo = Demo::new();
    let rows = demo.json(&["node", "smart", "pve1"]);
    let brief: Vec<String> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|r| {
            format!(
                "{} {} {}",
                r["disk"].as_str().unwrap_or("?"),
                r["verdict"].as_str().unwrap_or("?"),
                r["source"].as_str().unwrap_or("?")
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            "/dev/nvme0n1 ok fence",
            "/dev/sda ok fence",
            "/dev/sdb warning fence",
            "/dev/sdc standby fence",
            "/dev/sdd ok fence",
            "/dev/sde unknown fence",
            "/dev/sdf unknown fence"
        ]
    );
    let keys: Vec<&str> = rows[0].as_object().expect("a row").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "node",
            "disk",
            "model",
            "serial",
            "kind",
            "verdict",
            "temperature_c",
            "power_on_hours",
            "wear_percent",
            "reallocated",
            "pending",
            "media_errors",
            "reasons",
            "source"
        ]
    );
    let full = demo.json(&["node", "smart", "pve1", "--disk", "/dev/sda", "--full"]);
    assert_eq!((full.as_array().map(Vec::len), full[0]["attributes"].as_array().map(Vec::len)), (Some(1), Some(6)));
    let sensors = demo.json(&["node", "sensors"]);
    assert!(sensors.as_array().expect("rows").iter().any(|r| r["chip"] == "/dev/sda" && r["value"] == 34.0), "{sensors}");
    let (code, stdout, stderr) = demo.run(&["node", "sensors", "pve9"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("is on pve1"), "{stderr}");
}

#[test]
fn commands_and_sudoers_rule_are_printed() {
    let demo = Demo::new();
    let (code, stdout, _) = demo.run(&["fence", "show", "-o", "json"]);
    let rows: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((code, rows.as_array().map(Vec::len)), (0, Some(8)));
    let (code, stdout, stderr) = demo.run(&["fence", "sudoers", "--user", "operator"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.ends_with("operator ALL=(root:root) NOSETENV: NOPASSWD: FELHOM_FENCE\n"), "{stdout}");
    let (code, stdout, _) = demo.run(&["fence", "sudoers", "--user", "a b"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
}

#[test]
fn a_disk_as_a_storage() {
    let demo = Demo::new();
    let mount = ["usb", "mount", SSD, "--name", "backup", "--as-storage", "usbdisk", "--content", "backup"];
    assert_eq!(
        (&demo.json(&mount)[0]["status"], &demo.json(&["usb", "status"])[0]["storages"]),
        (&"ok".into(), &serde_json::json!(["usbdisk"]))
    );
    assert_eq!(demo.json(&mount)[0]["status"], "unchanged");
    let storages = demo.json(&["storage", "list", "--node", "pve1"]);
    assert!(storages.as_array().expect("rows").iter().any(|s| s["storage"] == "usbdisk" && s["active"] == true), "{storages}");
    // Unmounting a disk that is in use as a storage needs --disable-storage or a confirmation.
    let (code, stdout, stderr) = demo.run(&["usb", "unmount", "backup"]);
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("--yes"), "{stderr}");
    assert_eq!(demo.json(&["usb", "unmount", "backup", "--disable-storage"])[0]["status"], "ok");
}

#[test]
fn a_golden_container_is_created_by_the_root_helper() {
    let demo = Demo::new();
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    let create = [
        "guest",
        "create",
        "lxc",
        template,
        "--hostname",
        "gold",
        "--storage",
        "local-lvm",
        "--golden",
        "--vmid",
        "9050",
        "--net",
        "bridge=vmbr0,ip=dhcp",
    ];
    let (code, stdout, stderr) = demo.run(&[&create[..], &["--plan"]].concat());
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("[fence] golden-create on the demo host: 9050"), "{stdout}");
    let (code, stdout, stderr) = demo.run(&[&create[..], &["-o", "json"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let done: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((&done[0]["status"], &done[0]["features"]), (&"ok".into(), &"nesting=1,keyctl=1".into()));
    let (code, stdout, _) = demo.run(&["guest", "config", "9050", "-o", "json"]);
    assert!(code == 0 && stdout.contains("keyctl=1"), "{stdout}");
    let (code, _, stderr) = demo.run(&create);
    assert!(code == 3 && stderr.contains("9050 is in use"), "{stderr}");
    // Invalid templates are refused before the helper is called.
    let (code, _, stderr) = demo.run(&["guest", "create", "lxc", "-", "--hostname", "x", "--storage", "local"]);
    assert!(code == 2 && stderr.contains("not a container template"), "{stderr}");
}

#[test]
fn routes_lists_the_helper_commands() {
    let demo = Demo::new();
    let rows = demo.json(&["routes", "usb mount"]);
    let fence: Vec<&str> =
        rows.as_array().expect("rows").iter().filter(|r| r["backend"] == "fence").filter_map(|r| r["path"].as_str()).collect();
    assert_eq!(fence, ["usb-mount", "disks", "usb-status"]);
    assert!(rows.as_array().expect("rows").iter().any(|r| r["backend"] == "api" && r["path"] == "/storage"), "{rows}");
}
