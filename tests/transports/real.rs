//! The real sshd in a mount namespace. Root's keys and known hosts are not changed.

use assert_cmd::Command;

use crate::support::need_tool;

/// Mounts an overlay on `/root`, then runs the test again inside.
const SETUP: &str = r#"
set -eu
top=$(mktemp -d); mount -t tmpfs tmpfs "$top"
mkdir -p "$top/upper" "$top/work"
mount -t overlay overlay -o "lowerdir=/root,upperdir=$top/upper,workdir=$top/work" /root
mkdir -p /run/sshd
exec "$@"
"#;

#[test]
fn all_transports_behave_the_same() {
    for tool in ["sshd", "ssh", "ssh-keygen", "curl", "jq", "unshare", "setsid"] {
        if need_tool(tool).is_none() {
            return;
        }
    }
    let real = std::env::var("FELHOM_REQUIRE_REAL").is_ok_and(|v| v == "1");
    if !rustix::process::geteuid().is_root() {
        assert!(!real, "this test needs root");
        eprintln!("skipped: this is not root");
        return;
    }
    let probe = Command::new("unshare").args(["-m", "sh", "-c", SETUP, "sh", "true"]).output().unwrap();
    if !probe.status.success() {
        assert!(!real, "no mount namespace: {}", String::from_utf8_lossy(&probe.stderr));
        eprintln!("skipped: no mount namespace here");
        return;
    }
    let ran = Command::new("unshare")
        .args(["-m", "--pid", "--fork", "--mount-proc", "sh", "-c", SETUP, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "transports::inside::everything", "--nocapture"])
        .env("FELHOM_TRANSPORTS_INSIDE", "1")
        .timeout(std::time::Duration::from_secs(240))
        .assert()
        .success();
    let text = String::from_utf8_lossy(&ran.get_output().stdout).into_owned();
    assert!(text.contains("1 passed"), "{text}");
}
