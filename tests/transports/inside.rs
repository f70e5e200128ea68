//! The part of the test that runs in a namespace, where root's SSH keys can be changed.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use felhom::demo::Options;

use crate::support::{Home, Host, Run, demo_options, eventually, run};

/// The transports to the same host.
const TRANSPORTS: [&str; 3] = ["https", "ssh", "local"];

struct Site {
    host: Host,
    home: Home,
    tools: tempfile::TempDir,
    sshd: std::process::Child,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

impl Site {
    fn command(&self, transport: &str, args: &[&str]) -> assert_cmd::Command {
        let mut command = self.home.felhom(["-c", transport].iter().chain(args));
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.tools.path().display());
        command.env("PATH", path).env("HOME", "/root").env("XDG_RUNTIME_DIR", self.tools.path());
        command
    }

    fn run(&self, transport: &str, args: &[&str]) -> Run {
        run(&mut self.command(transport, args))
    }
}

fn sh(script: &str) {
    let out = assert_cmd::Command::new("sh").args(["-euc", script]).output().unwrap();
    assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Creates a fake `pvesh` that asks the demo host.
fn fake_pvesh(host: &Host) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("pvesh");
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/pvesh"), &tool).unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = format!("FELHOM_STANDIN_ENDPOINT={}\nFELHOM_STANDIN_PASSWORD='{}'\n", host.endpoint(), host.password().reveal());
    fs::write(dir.path().join("pvesh.env"), settings).unwrap();
    dir
}

#[expect(clippy::disallowed_methods, reason = "a server of another program that outlives the call")]
fn serve(port: u16, tools: &std::path::Path) -> std::process::Child {
    sh(
        "mkdir -p -m 700 /root/.ssh; cd /root/.ssh; rm -f host login other; for key in host login other; do ssh-keygen -q -t ed25519 -N '' -f $key; done; cat login.pub > authorized_keys; chmod 600 authorized_keys",
    );
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey /root/.ssh/host\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nStrictModes no\nPidFile none\nSetEnv PATH={}:/usr/sbin:/usr/bin:/sbin:/bin\n",
        tools.display()
    );
    fs::write("/root/.ssh/sshd_config", config).unwrap();
    let key = fs::read_to_string("/root/.ssh/host.pub").unwrap();
    fs::write("/root/.ssh/known_hosts", format!("[127.0.0.1]:{port} {key}")).unwrap();
    let entry = |name: &str, port: u16, key: &str, extra: &str| {
        format!(
            "Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile /root/.ssh/{key}\n  IdentitiesOnly yes\n{extra}"
        )
    };
    let ssh = [
        // The default post-quantum key exchange takes most of the time of a connection.
        "KexAlgorithms curve25519-sha256\n".to_owned(),
        entry("node", port, "login", ""),
        entry("stranger", port, "login", "  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n"),
        entry("locked", port, "other", ""),
        entry("gone", 1, "login", ""),
        // Used by `role bootstrap --host ADDRESS`.
        entry("127.0.0.1", port, "login", ""),
    ];
    fs::write("/root/.ssh/config", ssh.concat()).unwrap();
    let child = std::process::Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f", "/root/.ssh/sshd_config"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("sshd listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    child
}

fn site() -> Site {
    let host = Host::with(&Options { speed: 20.0, ..demo_options() });
    let tools = fake_pvesh(&host);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let sshd = serve(port, tools.path());
    let home = Home::new();
    let secret = home.path().join("secret");
    fs::write(&secret, host.secret("root@pam!demo")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let ssh: String = [("ssh", "node"), ("stranger", "stranger"), ("locked", "locked"), ("gone", "gone")]
        .iter()
        .map(|(name, to)| format!("[contexts.{name}]\ntransport = \"ssh\"\n[contexts.{name}.ssh]\nhost = \"{to}\"\n"))
        .collect();
    home.configure(&format!(
        "current = \"https\"\n[contexts.https]\ntoken_id = \"root@pam!demo\"\nsecret = \"file:{}\"\nca_file = \"{}\"\n[[contexts.https.endpoints]]\nurl = \"{}\"\n[contexts.local]\ntransport = \"local\"\n{ssh}",
        secret.display(),
        host.ca_file().display(),
        host.endpoint()
    ));
    Site { host, home, tools, sshd }
}

#[test]
fn everything() {
    if std::env::var_os("FELHOM_TRANSPORTS_INSIDE").is_none() {
        eprintln!("skipped: this test changes root's SSH keys, and runs only in its namespace");
        return;
    }
    let site = site();
    reads_are_equal(&site);
    values_are_not_changed(&site);
    errors_have_the_same_kind(&site);
    the_task_status_decides(&site);
    a_killed_client_leaves_the_task_running(&site);
    secrets_are_not_sent_as_arguments(&site);
    bootstrap_over_ssh_creates_a_working_token(&site);
    doctor_over_ssh_skips_other_checks(&site);
    ssh_failures_are_distinguished(&site);
}

fn reads_are_equal(site: &Site) {
    for args in [
        &["guest", "list", "-o", "id"][..],
        &["guest", "config", "101", "-o", "json"],
        &["storage", "list", "-o", "json", "--columns", "storage,node,kind"],
        &["guest", "next-id"],
    ] {
        let first = site.run("https", args).ok();
        assert!(!first.stdout.is_empty());
        for transport in &TRANSPORTS[1..] {
            assert_eq!(site.run(transport, args).ok().stdout, first.stdout, "{transport} {args:?}");
        }
    }
}

fn values_are_not_changed(site: &Site) {
    let text = "it's a \"test\"; $HOME `id` & * = + ;\nline two, ünïcode -n";
    for transport in TRANSPORTS {
        let set = format!("description={text}");
        site.run(transport, &["api", "put", "/nodes/pve1/lxc/101/config", &set]).ok();
        let read = site.run(transport, &["guest", "config", "101", "-o", "json"]).ok().json();
        assert_eq!(read["description"].as_str().unwrap().trim_end(), text, "{transport}");
        site.run(transport, &["api", "put", "/nodes/pve1/lxc/101/config", "delete=description"]).ok();
    }
}

fn errors_have_the_same_kind(site: &Site) {
    // Sends calls that felhom would refuse on its own, to get the host's errors.
    site.host.forgive("");
    let cases = [
        (&["api", "get", "/nodes/pve1/lxc/999/config", "-o", "json"][..], "not_found"),
        (&["api", "get", "/nosuch", "-o", "json"], "not_implemented"),
        (&["api", "put", "/nodes/pve1/lxc/101/config", "memory=abc", "-o", "json"], "bad_parameter"),
        (&["api", "post", "/access/roles", "roleid=FelhomAgent", "privs=VM.Audit", "-o", "json"], "exists"),
    ];
    for (args, kind) in cases {
        let first = site.run("https", args);
        assert_eq!(first.error()["kind"], kind, "{first}");
        for transport in &TRANSPORTS[1..] {
            let other = site.run(transport, args);
            assert_eq!(
                (other.code, &other.error()["kind"], &other.error()["errors"]),
                (first.code, &first.error()["kind"], &first.error()["errors"]),
                "{transport}: {other}"
            );
        }
    }
}

fn the_task_status_decides(site: &Site) {
    for transport in TRANSPORTS {
        // pvesh exits with 0 even if its task failed.
        let failed = site.run(transport, &["api", "post", "/nodes/pve1/lxc/999/status/start", "-o", "json"]);
        assert_eq!((failed.code, &failed.error()["kind"]), (6, &"task_failed".into()), "{transport}: {failed}");
        let done =
            site.run(transport, &["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot", "-o", "json"]).ok();
        let upid: felhom::api::Upid = done.json().as_str().unwrap().parse().unwrap();
        assert_eq!((upid.kind.as_str(), upid.id.as_str()), ("vzdump", "101"), "{transport}");
        let user = if transport == "https" { "root@pam!demo" } else { "root@pam" };
        assert_eq!(upid.user, user, "{transport}");
        // A cluster-wide task: the call names no node.
        let applied = site.run(transport, &["api", "put", "/cluster/sdn", "--yes", "-o", "json"]).ok();
        let upid: felhom::api::Upid = applied.json().as_str().unwrap().parse().unwrap();
        assert_eq!((upid.kind.as_str(), upid.user.as_str()), ("reloadnetworkall", user), "{transport}");
    }
}

fn a_killed_client_leaves_the_task_running(site: &Site) {
    let before = site.run("https", &["task", "list", "--type", "vzdump", "--guest", "102", "-o", "id"]).ok().lines().len();
    let mut command = site.command("ssh", &["api", "post", "/nodes/pve1/vzdump", "vmid=102", "storage=local", "mode=snapshot"]);
    // Kills the client while it waits. The worker is a child of pvesh, which must survive the end of ssh.
    let killed = command.timeout(Duration::from_millis(2500)).output().unwrap();
    let begun = Instant::now();
    loop {
        let list = site.run("https", &["task", "list", "--type", "vzdump", "--guest", "102", "-o", "json"]).ok().json();
        let tasks = list.as_array().unwrap().clone();
        if tasks.len() > before && tasks[0]["status"] == "ok" {
            break;
        }
        assert!(tasks.is_empty() || tasks[0]["status"] != "failed", "the task was killed with the client: {:?} {killed:?}", tasks[0]);
        assert!(begun.elapsed() < Duration::from_secs(30), "no task finished: {tasks:?} {killed:?}");
    }
}

fn secrets_are_not_sent_as_arguments(site: &Site) {
    let call = ["api", "put", "/nodes/pve2/qemu/201/config", "cipassword=hunter2", "-o", "json"];
    for transport in &TRANSPORTS[1..] {
        let refused = site.run(transport, &call);
        assert_eq!((refused.code, &refused.error()["kind"]), (2, &"usage".into()), "{refused}");
        assert!(!refused.stderr.contains("hunter2"), "{refused}");
    }
}

fn bootstrap_over_ssh_creates_a_working_token(site: &Site) {
    let address = site.host.endpoint().trim_start_matches("https://").to_owned();
    let bootstrap = |home: &Home| {
        let mut command = home.felhom(["role", "bootstrap", "--host", &address, "--via", "ssh", "--user", "fresh@pve", "--store", "file"]);
        command.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", site.tools.path().display())).env("HOME", "/root");
        run(&mut command)
    };
    let home = Home::new();
    bootstrap(&home).ok().shows("fresh@pve!agent");
    let list = run(&mut home.felhom(["guest", "list", "-o", "id"])).ok();
    assert!(list.lines().len() > 5, "{list}");
    assert_eq!(bootstrap(&home).ok().stdout, "nothing to do\n");
    // As root on the node, `role check` finds the missing side without a password.
    let mut check = home.felhom(["role", "check", "--via", "ssh", "-o", "json"]);
    check.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", site.tools.path().display())).env("HOME", "/root");
    assert_eq!(run(&mut check).ok().json()["case"], "both");
}

fn doctor_over_ssh_skips_other_checks(site: &Site) {
    let page = site.run("ssh", &["doctor", "-o", "json"]).fails(1).json();
    let areas: Vec<&str> = page.as_array().unwrap().iter().map(|f| f["area"].as_str().unwrap()).collect();
    assert!(areas.contains(&"reach") && areas.contains(&"locks"), "{page}");
    assert!(!areas.contains(&"clock") && !areas.contains(&"certificate") && !areas.contains(&"secret"), "{page}");
    assert!(page.to_string().contains("--via ssh -c NAME"), "{page}");
    site.run("ssh", &["role", "check"]).fails(2).says("acts as root@pam");
    site.run("ssh", &["api", "ls", "/"]).ok().shows("/nodes");
}

fn ssh_failures_are_distinguished(site: &Site) {
    for (transport, code, says) in
        [("stranger", 9, "compare the host key"), ("locked", 4, "authorized_keys"), ("gone", 9, "Connection refused")]
    {
        // Without the shared SSH connection of the working context.
        run(site.command(transport, &["guest", "list"]).env_remove("XDG_RUNTIME_DIR")).fails(code).says(says);
    }
}
