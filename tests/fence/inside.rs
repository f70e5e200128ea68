//! The part of the test that runs in a namespace, where users, rules and keys can be changed.

use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::{Value, json};

const HELPER: &str = "/usr/libexec/felhom/felhom-fence";
const DROP_IN: &str = "/etc/sudoers.d/felhom";

struct Site {
    home: tempfile::TempDir,
    port: u16,
    sshd: std::process::Child,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {} {}", self.stdout, self.stderr))
    }
}

impl Site {
    fn felhom(&self, args: &[&str]) -> Run {
        let out = Command::new(assert_cmd::cargo::cargo_bin!("felhom"))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("XDG_CACHE_HOME", self.home.path().join("cache"))
            .args(args)
            .output()
            .expect("felhom runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Run { code: out.status.code().unwrap_or(-1), stdout: text(out.stdout), stderr: text(out.stderr) }
    }

    /// Runs a command line as the helper's user, with the key that has no forced command.
    fn line(&self, line: &str, stdin: &[u8]) -> Run {
        let out = Command::new("ssh").args(["-T", "--", "fence-sudo", line]).write_stdin(stdin).output().expect("ssh runs");
        Run {
            code: out.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&out.stdout).into(),
            stderr: String::from_utf8_lossy(&out.stderr).into(),
        }
    }
}

fn sh(script: &str) -> String {
    let out = Command::new("sh").args(["-euc", script]).output().expect("sh runs");
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[expect(clippy::disallowed_methods, reason = "a server that outlives the call")]
fn serve(port: u16) -> std::process::Child {
    sh(
        "mkdir -p -m 755 /run/sshd; mkdir -p -m 700 /root/.ssh; cd /root/.ssh; for key in host root gate plain; do ssh-keygen -q -t ed25519 -N '' -C $key -f $key; done; cat root.pub > authorized_keys; chmod 600 authorized_keys",
    );
    fs::write(
        "/root/.ssh/sshd_config",
        format!("Port {port}\nListenAddress 127.0.0.1\nHostKey /root/.ssh/host\nUsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPidFile none\nSubsystem sftp internal-sftp\n"),
    )
    .expect("written");
    let host = fs::read_to_string("/root/.ssh/host.pub").expect("a key");
    fs::write("/root/.ssh/known_hosts", format!("[127.0.0.1]:{port} {host}")).expect("written");
    // The default post-quantum key exchange takes most of the time of a connection.
    let mut config = String::from("KexAlgorithms curve25519-sha256\n");
    for (name, user, key) in [("fence-root", "root", "root"), ("fence-gate", "felhom", "gate"), ("fence-sudo", "felhom", "plain")] {
        config.push_str(&format!("Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User {user}\n  IdentityFile /root/.ssh/{key}\n  IdentitiesOnly yes\n  HostKeyAlias [127.0.0.1]:{port}\n"));
    }
    config.push_str("Host fence-nowhere\n  HostName 127.0.0.1\n  Port 1\n");
    config.push_str("Host 127.0.0.1\n  IdentityFile /root/.ssh/root\n  IdentityFile /root/.ssh/gate\n  IdentitiesOnly yes\n");
    fs::write("/root/.ssh/config", config).expect("written");
    let child = std::process::Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f", "/root/.ssh/sshd_config"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("sshd starts");
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(10), "sshd does not listen");
        pause(50);
    }
    child
}

#[expect(clippy::disallowed_methods, reason = "waiting for a server of another program")]
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

fn site() -> Site {
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let sshd = serve(port);
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(home.path().join("config/felhom")).expect("made");
    let contexts: String = ["sudo", "gate", "nowhere"]
        .iter()
        .map(|name| format!("[contexts.{name}]\n[[contexts.{name}.endpoints]]\nurl = \"https://192.0.2.1:8006\"\n[contexts.{name}.fence]\nvia = \"ssh\"\nhost = \"fence-{name}\"\n"))
        .collect();
    let more = "[contexts.fresh]\n[[contexts.fresh.endpoints]]\nurl = \"https://127.0.0.1:8006\"\n[contexts.moved]\n[[contexts.moved.endpoints]]\nurl = \"https://192.0.2.2:8006\"\n[contexts.moved.fence]\nvia = \"ssh\"\nhost = \"fence-nowhere\"\n";
    let file = home.path().join("config/felhom/config.toml");
    fs::write(&file, contexts + more).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("mode");
    Site { home, port, sshd }
}

#[test]
fn everything() {
    if std::env::var_os("FELHOM_INSIDE").is_none() {
        eprintln!("skipped: this test changes users and rules, and runs only in its namespace");
        return;
    }
    let helper = PathBuf::from(std::env::var_os("FELHOM_STATIC_HELPER").expect("the helper"));
    let helper = helper.to_str().expect("a path");
    let journal = UnixDatagram::bind("/dev/log").expect("a journal");
    fs::set_permissions("/dev/log", fs::Permissions::from_mode(0o666)).expect("mode");
    // Read continuously: a full queue would block sshd and sudo.
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    std::thread::spawn(move || {
        let mut bytes = [0_u8; 8192];
        while let Ok(n) = journal.recv(&mut bytes) {
            heard.lock().expect("unpoisoned").push(String::from_utf8_lossy(&bytes[..n]).into_owned());
        }
    });
    let site = site();
    step("install", || install(&site, helper));
    step("context", || context_written(&site, helper));
    step("fence check", || checks_pass(&site));
    step("changed sudoers rules", || changed_rules_are_found(&site));
    step("commands that read", || reads(&site));
    step("malformed input", || malformed_input(&site));
    step("policy", || policy(&site));
    step("golden containers", || golden(&site));
    step("killed client", || killed(&site));
    step("failures", || failures(&site));
    step("journal", || journal_lines(&lines.lock().expect("unpoisoned")));
}

fn step(name: &str, run: impl FnOnce()) {
    let begun = Instant::now();
    eprintln!("… {name}");
    run();
    eprintln!("  {:.1} s", begun.elapsed().as_secs_f64());
}

fn install(site: &Site, helper: &str) {
    let none = site.felhom(&["fence", "install", "--ssh", "fence-root", "--helper", helper]);
    assert_eq!((none.code, none.stdout.as_str()), (5, ""), "{}", none.stderr);
    assert!(none.stderr.contains("'felhom'") && none.stderr.contains("--create-user"), "{}", none.stderr);

    let plan = site.felhom(&["fence", "install", "--ssh", "fence-root", "--create-user", "--helper", helper, "--plan"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(plan.stdout.contains("write the sudoers rule") && plan.stdout.ends_with("nothing was changed\n"), "{}", plan.stdout);
    assert!(!fs::exists(HELPER).expect("looked") && !fs::exists(DROP_IN).expect("looked"));

    let closed = site.felhom(&["fence", "install", "--ssh", "fence-root", "--create-user", "--helper", helper, "--read-only"]);
    assert_eq!(closed.code, 3, "{}", closed.stderr);

    let before = fs::read_to_string(site.home.path().join("config/felhom/config.toml")).expect("the configuration");
    for _ in 0..2 {
        let done = site.felhom(&[
            "fence",
            "install",
            "--ssh",
            "fence-root",
            "--create-user",
            "--key",
            "/root/.ssh/gate.pub",
            "--helper",
            helper,
            "-o",
            "json",
        ]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert_eq!(done.json()[0]["status"], "ok");
        // No context uses this host: nothing is written, and the hint names the setting.
        assert!(done.stderr.contains("felhom@fence-root"), "{}", done.stderr);
        assert_eq!(fs::read_to_string(site.home.path().join("config/felhom/config.toml")).expect("the configuration"), before);
    }
    let mode = |path: &str| sh(&format!("stat -c '%U:%G %a' {path}")).trim().to_owned();
    assert_eq!(mode(HELPER), "root:root 755");
    assert_eq!(mode(DROP_IN), "root:root 440");
    assert_eq!(mode("/etc/felhom/fence.toml"), "root:root 644");
    assert_eq!(mode("/var/lib/felhom/.ssh/authorized_keys"), "root:root 644");
    assert_eq!(sh("ls -A /etc/sudoers.d /usr/libexec/felhom /etc/felhom | grep -c new || true").trim(), "0");
    replaced(site, helper);
    // The second key has no forced command, so it uses sudo.
    sh("cat /root/.ssh/plain.pub >> /var/lib/felhom/.ssh/authorized_keys");
}

/// Item 20: a helper that does not run on the host leaves the installed one in place, and the error names the build target.
fn replaced(site: &Site, helper: &str) {
    let install = |file: &str| site.felhom(&["fence", "install", "--ssh", "fence-root", "--helper", file]);
    let dynamic = assert_cmd::cargo::cargo_bin!("felhom-fence").to_str().expect("a path").to_owned();
    let bytes = fs::read(&dynamic).expect("the helper");
    let interpreter = b"/ld-linux-";
    let at = bytes.windows(interpreter.len()).position(|part| part == interpreter).expect("it is linked dynamically");
    let done = install(&dynamic);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(fs::read(HELPER).expect("installed") == bytes);

    // A missing dynamic loader, which the kernel looks up first.
    let mut broken = bytes[..at + 4096].to_vec();
    broken[at + 1] = b'x';
    fs::write("/run/broken-helper", broken).expect("written");
    let refused = install("/run/broken-helper");
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let target = format!("--target {}-unknown-linux-gnu", std::env::consts::ARCH);
    assert!(refused.stderr.contains("does not run") && refused.stderr.contains(&target), "{}", refused.stderr);
    assert!(fs::read(HELPER).expect("installed") == bytes, "the old helper stays");
    assert_eq!(sh("ls -A /usr/libexec/felhom"), "felhom-fence\n");

    fs::write("/run/other-helper", "#!/bin/sh\n").expect("written");
    let refused = install("/run/other-helper");
    assert!(refused.code == 1 && refused.stderr.contains("not a 64-bit Linux program"), "{}", refused.stderr);
    assert_eq!(install(helper).code, 0);
}

/// Item 20: `fence install` writes the helper's settings to the host's context.
fn context_written(site: &Site, helper: &str) {
    let file = site.home.path().join("config/felhom/config.toml");
    let root = format!("ssh://root@127.0.0.1:{}", site.port);
    let user = format!("ssh://felhom@127.0.0.1:{}", site.port);
    let fence = |context: &str| {
        let shown = site.felhom(&["context", "show", context, "-o", "json"]);
        shown.json()["fence"].to_string()
    };
    let before = fs::read_to_string(&file).expect("the configuration");
    // The context is found by its endpoint, without -c.
    let install = ["fence", "install", "--ssh", &root, "--helper", helper];
    let plan = site.felhom(&[&install[..], &["--plan"]].concat());
    assert!(plan.code == 0 && plan.stdout.contains("context 'fresh'") && plan.stdout.contains(&user), "{} {}", plan.stdout, plan.stderr);
    assert_eq!(fs::read_to_string(&file).expect("the configuration"), before);
    let done = site.felhom(&install);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("felhom fence check -c fresh"), "{}", done.stderr);
    assert!(fence("fresh").contains(&user), "{}", fence("fresh"));
    let list = site.felhom(&["-c", "fresh", "usb", "list", "-o", "json"]);
    assert_eq!((list.code, list.json().is_array()), (0, true), "{}", list.stderr);
    // With -c: an SSH alias of the same host is kept, a setting that does not reach the helper is replaced.
    for (context, expected) in [("sudo", "fence-sudo"), ("moved", &user)] {
        let done = site.felhom(&[&["-c", context], &install[..]].concat());
        assert_eq!(done.code, 0, "{}", done.stderr);
        assert!(fence(context).contains(expected), "{context}: {}", fence(context));
    }
}

fn check(site: &Site, context: &str) -> (i32, Vec<(String, bool)>) {
    let run = site.felhom(&["-c", context, "fence", "check", "-o", "json"]);
    let rows = run.json();
    let rows = rows.as_array().unwrap_or_else(|| panic!("{}", run.stderr));
    for row in rows {
        assert_eq!(row["door"], context);
    }
    (
        run.code,
        rows.iter()
            .map(|r| (format!("{}: {}", r["tried"].as_str().unwrap_or("?"), r["seen"].as_str().unwrap_or("?")), r["ok"] == true))
            .collect(),
    )
}

fn bad(rows: &[(String, bool)]) -> Vec<&str> {
    rows.iter().filter(|r| !r.1).map(|r| r.0.as_str()).collect()
}

fn checks_pass(site: &Site) {
    for (context, least) in [("sudo", 30), ("gate", 18)] {
        let (code, rows) = check(site, context);
        assert_eq!((code, bad(&rows)), (0, vec![]), "{context}");
        assert!(rows.len() >= least, "{context}: {} checks", rows.len());
    }
    // The restricted key does not allow port forwarding.
    let forward =
        Command::new("ssh").args(["-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:1", "fence-gate"]).output().expect("ssh runs");
    assert!(!forward.status.success() && String::from_utf8_lossy(&forward.stderr).contains("administratively prohibited"));
}

fn changed_rules_are_found(site: &Site) {
    let rule = fs::read_to_string(DROP_IN).expect("the rule");
    let with = |text: &str| {
        sh("chmod 640 /etc/sudoers.d/felhom");
        fs::write(DROP_IN, text).expect("written");
        sh("chmod 440 /etc/sudoers.d/felhom");
    };
    for (more, seen) in
        [("shell", "an unknown command: allowed"), ("disks", "`disks` as root: allowed"), ("gate", "`gate` as root: allowed")]
    {
        with(&rule.replace("felhom-fence golden-create", &format!("felhom-fence golden-create, {HELPER} {more}")));
        let (code, rows) = check(site, "sudo");
        assert_eq!(code, 1);
        assert_eq!(bad(&rows), [format!("anything else in sudo's own list: allowed: {HELPER} {more}").as_str(), seen]);
    }
    with(&rule.replace(&format!("{HELPER} version"), HELPER));
    let (code, rows) = check(site, "sudo");
    let failed = bad(&rows).join("\n");
    assert!(code == 1 && failed.contains("no command: allowed") && failed.contains("an extra argument: allowed"), "{failed}");
    with(&format!("{rule}felhom ALL=(ALL) NOPASSWD: ALL\n"));
    let (code, rows) = check(site, "sudo");
    let failed = bad(&rows).join("\n");
    assert!(code == 1 && failed.contains("a root shell: allowed") && failed.contains("a copy of the helper: allowed"), "{failed}");
    with(&rule.replace(&format!("{HELPER} smart, "), ""));
    let (code, rows) = check(site, "sudo");
    assert!(code == 1 && bad(&rows).len() == 1 && bad(&rows)[0].starts_with("`smart` as root: refused"), "{rows:?}");
    let (code, rows) = check(site, "gate");
    assert!(code == 1 && bad(&rows).len() == 1, "{rows:?}");
    with(&rule);
}

fn reads(site: &Site) {
    for context in ["sudo", "gate"] {
        let list = site.felhom(&["-c", context, "usb", "list", "-o", "json"]);
        assert_eq!((list.code, list.json().is_array()), (0, true), "{}", list.stderr);
        let show = site.felhom(&["-c", context, "fence", "show", "-o", "json"]);
        let allowed: Vec<_> = show
            .json()
            .as_array()
            .expect("rows")
            .iter()
            .filter(|r| r["allowed"] == true)
            .map(|r| r["word"].as_str().unwrap_or("?").to_owned())
            .collect();
        assert_eq!(
            allowed,
            ["version", "smart", "usb-mount", "usb-unmount", "disks", "sensors", "usb-status"],
            "golden-create is disabled by default"
        );
        if fs::exists("/usr/sbin/smartctl").unwrap_or(false) {
            let smart = site.felhom(&["-c", context, "node", "smart", "--source", "fence", "-o", "json"]);
            assert_eq!(smart.code, 0, "{}", smart.stderr);
            assert!(smart.json().as_array().expect("rows").iter().all(|r| r["source"] == "fence"));
        }
    }
    let missing = site.felhom(&["-c", "sudo", "usb", "mount", "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b", "--name", "backup"]);
    assert!(missing.code == 5 && missing.stderr.contains("plugged in"), "{}", missing.stderr);
}

fn ask(site: &Site, word: &str, stdin: &[u8]) -> Value {
    let run = site.line(&format!("sudo -n {HELPER} {word}"), stdin);
    let envelope: Value = serde_json::from_str(run.stdout.trim()).unwrap_or_else(|e| panic!("{e}: {} {}", run.stdout, run.stderr));
    let fine = envelope["error"].is_null();
    assert!(if fine { run.code == 0 } else { (1..=99).contains(&run.code) }, "{} {envelope}", run.code);
    envelope
}

fn malformed_input(site: &Site) {
    let kind = |word: &str, stdin: &[u8]| ask(site, word, stdin)["error"]["kind"].clone();
    assert_eq!(kind("version", b""), "bad_request");
    assert_eq!(kind("version", b"\x00\xff\xfe{"), "bad_request");
    assert_eq!(kind("version", br#"{"protocol":1,"request":{"x":1}}"#), "bad_request");
    assert_eq!(kind("version", br#"{"protocol":9,"request":{}}"#), "protocol");
    assert_eq!(kind("usb-mount", &vec![b'['; 70_000]), "bad_request");
    assert_eq!(kind("usb-mount", &vec![b'['; 5_000]), "bad_request");
    assert_eq!(kind("smart", br#"{"protocol":1,"request":{"disk":"/dev/../etc/shadow"}}"#), "bad_request");
    // The caller's environment does not reach the programs that the helper starts.
    let run = site.line(
        &format!("PATH=/tmp LD_LIBRARY_PATH=/tmp SSH_ORIGINAL_COMMAND=x /usr/bin/sudo -n {HELPER} version"),
        br#"{"protocol":1,"request":{}}"#,
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    // Without sudo, the helper itself refuses a command that needs root.
    let plain = site.line(&format!("{HELPER} version"), br#"{"protocol":1,"request":{}}"#);
    assert!(plain.code == 12 && plain.stdout.contains("not_root"), "{}", plain.stdout);
}

fn policy(site: &Site) {
    let mount = br#"{"protocol":1,"request":{"uuid":"3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b","name":"backup"}}"#;
    let golden = golden_request("sleepy", None);
    assert_eq!(ask(site, "golden-create", golden.as_bytes())["error"]["kind"], "policy");
    sh("mv /etc/felhom/fence.toml /etc/felhom/away");
    assert_eq!(ask(site, "usb-mount", mount)["error"]["kind"], "policy");
    assert!(ask(site, "version", br#"{"protocol":1,"request":{}}"#)["ok"]["policy"].is_null());
    sh("mv /etc/felhom/away /etc/felhom/fence.toml; chmod 666 /etc/felhom/fence.toml");
    assert_eq!(ask(site, "usb-mount", mount)["error"]["kind"], "refused");
    sh("chmod 644 /etc/felhom/fence.toml; chown felhom /etc/felhom/fence.toml");
    assert_eq!(ask(site, "usb-mount", mount)["error"]["kind"], "refused");
    sh("chown root /etc/felhom/fence.toml; cp /etc/felhom/fence.toml /tmp/policy; echo 'words = []' >> /etc/felhom/fence.toml");
    assert_eq!(ask(site, "usb-mount", mount)["error"]["kind"], "policy");
    let helper = std::env::var("FELHOM_STATIC_HELPER").expect("the helper");
    let done = site.felhom(&[
        "fence",
        "install",
        "--ssh",
        "fence-root",
        "--helper",
        &helper,
        "--golden",
        "--vmids",
        "9000-9010",
        "--storage",
        "local",
        "--bridge",
        "vmbr0",
        "--replace-policy",
    ]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(fs::read_to_string("/etc/felhom/fence.toml").expect("the policy").contains("\"golden-create\""));
}

fn golden_request(host: &str, password: Option<&str>) -> String {
    let mut request = json!({"vmid":9001,"template":"local:vztmpl/debian-13.tar.zst","storage":"local","size_gib":4,"cores":1,"hostname":host,"nets":[{"bridge":"vmbr0","ip":"dhcp"}]});
    if let Some(password) = password {
        request["password"] = json!(password);
    }
    json!({"protocol":1,"request":request}).to_string()
}

/// A replacement for `pct` that records its arguments, environment and stdin.
fn golden(site: &Site) {
    fs::write(
        "/usr/sbin/pct",
        "#!/bin/sh\ncase \"$*\" in *sleepy*) echo $$ > /run/pct.pid; sleep 60 & echo $! > /run/pct-child.pid; wait;; esac\n\
         printf '%s\\n' \"$@\" > /run/pct.argv; env > /run/pct.env; pwd > /run/pct.pwd; cat /proc/self/limits > /run/pct.limits; nice > /run/pct.nice; cat > /run/pct.stdin\n\
         case \"$*\" in *failing*) echo 'unable to create CT 9001 - no space' >&2; exit 255;; esac\n\
         echo extracting; touch /etc/pve/nodes/pve1/lxc/$2.conf\n",
    )
    .expect("written");
    sh("chmod 755 /usr/sbin/pct; mkdir -p /etc/pve/nodes/pve1/lxc");
    let failed = ask(site, "golden-create", golden_request("failing", None).as_bytes());
    assert_eq!((&failed["error"]["kind"], &failed["error"]["code"]), (&json!("tool"), &json!(255)));
    assert_eq!(failed["error"]["text"], "unable to create CT 9001 - no space");
    let done = ask(site, "golden-create", golden_request("gold", Some("pa ss'w\"ord")).as_bytes());
    assert_eq!(done["ok"], json!({"vmid":9001,"log":["extracting"]}));
    let read = |path: &str| fs::read_to_string(path).expect("written by the fake pct");
    assert_eq!(
        read("/run/pct.argv").lines().collect::<Vec<_>>().join(" "),
        "create 9001 local:vztmpl/debian-13.tar.zst --unprivileged 1 --features nesting=1,keyctl=1 --hostname gold --rootfs local:4 --cores 1 --net0 name=eth0,bridge=vmbr0,ip=dhcp --password"
    );
    assert_eq!(read("/run/pct.stdin"), "pa ss'w\"ord\npa ss'w\"ord\n");
    assert_eq!(read("/run/pct.pwd"), "/\n");
    let names: Vec<String> = read("/run/pct.env")
        .lines()
        .map(|l| l.split('=').next().unwrap_or_default().to_owned())
        .filter(|n| n != "PWD" && n != "_" && n != "SHLVL" && n != "OLDPWD")
        .collect();
    assert_eq!(names.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(), ["HOME", "LC_ALL", "PATH"].into());
    assert_eq!(ask(site, "golden-create", golden_request("gold", None).as_bytes())["error"]["kind"], "exists");
    sh("rm /etc/pve/nodes/pve1/lxc/9001.conf");
    caller_limits(site);
}

/// The caller's resource limits and priority affect neither the helper nor the programs it starts.
fn caller_limits(site: &Site) {
    // Soft limits only: in a container, root may be unable to raise hard ones.
    let limits = "ulimit -S -f 0; ulimit -S -n 40; ulimit -S -t 5; ulimit -S -v 8000000; ulimit -S -s 1024";
    let line = format!("{limits}; nice -n 10 sudo -n {HELPER} golden-create");
    let run = site.line(&line, golden_request("gold", None).as_bytes());
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    let seen = fs::read_to_string("/run/pct.limits").expect("written by the fake pct");
    let limit = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {seen}"));
        line.split_whitespace().next().map(ToOwned::to_owned).expect("a soft limit")
    };
    for (name, expected) in [
        ("Max file size", "unlimited"),
        ("Max cpu time", "unlimited"),
        ("Max address space", "unlimited"),
        ("Max core file size", "0"),
        ("Max open files", "1024"),
        ("Max stack size", "8388608"),
    ] {
        assert_eq!(limit(name), expected, "{name}");
    }
    assert_eq!(fs::read_to_string("/run/pct.nice").expect("written by the fake pct").trim(), "0");
    sh("rm /etc/pve/nodes/pve1/lxc/9001.conf");
}

/// If sudo is killed, the helper and the programs it started end.
#[expect(clippy::disallowed_methods, reason = "a process that is killed on purpose")]
fn killed(site: &Site) {
    let mut sudo = std::process::Command::new("setpriv")
        .args(["--reuid=felhom", "--regid=felhom", "--init-groups", "sudo", "-n", HELPER, "golden-create"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("sudo starts");
    sudo.stdin.take().expect("a pipe").write_all(golden_request("sleepy", None).as_bytes()).expect("written");
    let begun = Instant::now();
    while !fs::exists("/run/pct-child.pid").unwrap_or(false) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the fake pct does not start");
        pause(50);
    }
    pause(200);
    let pids: Vec<String> =
        ["/run/pct.pid", "/run/pct-child.pid"].iter().map(|f| fs::read_to_string(f).expect("a pid").trim().to_owned()).collect();
    sudo.kill().expect("killed");
    let _ = sudo.wait();
    let begun = Instant::now();
    while pids.iter().any(|pid| {
        fs::exists(format!("/proc/{pid}/cwd")).unwrap_or(false)
            && !fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default().contains(") Z ")
    }) {
        assert!(begun.elapsed() < Duration::from_secs(10), "a program started by the helper still runs");
        pause(50);
    }
    // The lock is released.
    assert!(ask(site, "golden-create", golden_request("gold", None).as_bytes())["ok"].is_object());
}

fn failures(site: &Site) {
    let show = |context: &str| {
        let run = site.felhom(&["-c", context, "usb", "status", "-o", "json"]);
        (run.code, run.stderr)
    };
    let smart = |context: &str| {
        let run = site.felhom(&["-c", context, "node", "smart", "--source", "fence"]);
        (run.code, run.stderr)
    };
    sh(&format!("mv {HELPER} {HELPER}.away"));
    for (code, text) in [show("sudo"), show("gate"), smart("sudo")] {
        assert!(code == 1 && text.contains("not installed") && text.contains("felhom fence install"), "{code} {text}");
    }
    sh(&format!("mv {HELPER}.away {HELPER}; mv {DROP_IN} /tmp/rule"));
    for (code, text) in [smart("sudo"), smart("gate")] {
        assert!(code == 4 && text.contains("sudo refuses") && text.contains("felhom fence install"), "{code} {text}");
    }
    assert_eq!(show("sudo").0, 0, "a command without root needs no sudo");
    sh(&format!("mv /tmp/rule {DROP_IN}; mv /root/.ssh/known_hosts /root/.ssh/known"));
    let (code, text) = show("sudo");
    assert!(code == 9 && text.contains("ssh_host_ed25519_key.pub"), "{code} {text}");
    sh("sed 's|AAAA[^ ]*|'\"$(cut -d' ' -f2 /root/.ssh/root.pub)\"'|' /root/.ssh/known > /root/.ssh/known_hosts");
    let (code, text) = show("sudo");
    assert!(code == 9 && text.contains("ssh-keygen -R"), "{code} {text}");
    sh("mv /root/.ssh/known /root/.ssh/known_hosts");
    let (code, text) = show("nowhere");
    assert!(code == 9 && text.contains("Connection refused") && text.contains("safe to try again"), "{code} {text}");
    sh("mv /var/lib/felhom/.ssh/authorized_keys /tmp/keys");
    let (code, text) = show("sudo");
    assert!(code == 4 && text.contains("Permission denied"), "{code} {text}");
    sh("mv /tmp/keys /var/lib/felhom/.ssh/authorized_keys");
    // A newer protocol version.
    sh(&format!(
        "mv {HELPER} {HELPER}.away; printf '#!/bin/sh\\necho %s\\n' \"'{{\\\"protocol\\\":2,\\\"ok\\\":{{}}}}'\" > {HELPER}; chmod 755 {HELPER}"
    ));
    let (code, text) = show("sudo");
    assert!(code == 1 && text.contains("protocol 2") && text.contains("felhom is older"), "{code} {text}");
    sh(&format!("mv {HELPER}.away {HELPER}"));
    assert_eq!(show("sudo").0, 0);
}

fn journal_lines(lines: &[String]) {
    let ours: Vec<&String> = lines.iter().filter(|l| l.starts_with("<86>felhom-fence[")).collect();
    let has = |text: &str| assert!(ours.iter().any(|l| l.contains(text)), "no line with {text:?} in {ours:#?}");
    has("golden-create for felhom (uid ");
    has(": started 9001 from local:vztmpl/debian-13.tar.zst on local");
    has(": ok 9001 from local:vztmpl/debian-13.tar.zst on local");
    has("usb-mount for felhom (uid ");
    has("Policy: the host's policy does not allow");
    assert!(!lines.iter().any(|l| l.contains("pa ss'w")), "a password is in the journal");
}
