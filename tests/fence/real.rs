//! The real sudo, visudo and sshd in a mount namespace. The machine itself is not changed.

use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Directories that get an overlay, so users, rules and keys can be created in them.
const LAYERS: &str = "etc usr/libexec usr/sbin var/lib root mnt run dev";

/// Mounts the overlays, then runs the test again inside.
const SETUP: &str = r#"
set -eu
top=$(mktemp -d); mount -t tmpfs tmpfs "$top"
mkdir "$top/old-dev"; mount --rbind /dev "$top/old-dev"
for dir in $LAYERS; do
  mkdir -p "$top/$dir/upper" "$top/$dir/work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$top/$dir/upper,workdir=$top/$dir/work" "/$dir"
done
mkdir -p /dev/pts /dev/shm; mount --bind "$top/old-dev/pts" /dev/pts
exec "$@"
"#;

fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("this is not root".into());
    }
    let needed = ["/usr/bin/sudo", "/usr/sbin/visudo", "/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/unshare", "/usr/sbin/useradd"];
    needed.into_iter().find(|tool| !Path::new(tool).exists()).map(|tool| format!("{tool} is not installed"))
}

/// Builds the released helper: static, without other features.
fn static_helper() -> Option<PathBuf> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/static");
    let built = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .args([
            "build",
            "--quiet",
            "--no-default-features",
            "--features",
            "fence",
            "--bin",
            "felhom-fence",
            "--target",
            &target,
            "--target-dir",
        ])
        .arg(&dir)
        .output()
        .ok()?;
    built.status.success().then(|| dir.join(target).join("debug/felhom-fence"))
}

fn skip(why: &str) {
    assert!(std::env::var_os("FELHOM_REQUIRE_REAL").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

/// Item 20. `tests/lab/readme --debian` does the same with `cargo install` and a fresh Debian 13.
#[test]
fn the_readme_steps_work_in_a_clean_root_without_a_toolchain() {
    let tool = ["/usr/bin/dpkg-query", "/usr/bin/apt-cache"].into_iter().find(|tool| !Path::new(tool).exists());
    if let Some(why) = missing().or_else(|| tool.map(|tool| format!("{tool} is not installed"))) {
        return skip(&why);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let probe = Command::new("unshare").args(["-m", "--uts", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output().expect("unshare runs");
    if !probe.status.success() {
        return skip(&format!("no mount namespace: {}", String::from_utf8_lossy(&probe.stderr)));
    }
    let bin = assert_cmd::cargo::cargo_bin!("felhom").parent().expect("a directory");
    let ran = Command::new(here.join("tests/lab/readme")).arg(bin).timeout(std::time::Duration::from_secs(120)).output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains(" 0 failed"), "{said}{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn with_real_sudo_and_sshd() {
    if let Some(why) = missing() {
        return skip(&why);
    }
    let Some(helper) = static_helper() else { return skip("the static helper cannot be built here") };
    let myself = std::env::current_exe().expect("the test itself");
    let probe = Command::new("unshare").args(["-m", "sh", "-c", SETUP, "sh", "true"]).env("LAYERS", LAYERS).output().expect("unshare runs");
    if !probe.status.success() {
        return skip(&format!("no mount namespace with layers: {}", String::from_utf8_lossy(&probe.stderr)));
    }
    let ran = Command::new("unshare")
        .args(["-m", "--pid", "--fork", "--mount-proc", "sh", "-c", SETUP, "sh"])
        .arg(myself)
        .args(["--exact", "fence::inside::everything", "--nocapture"])
        .env("LAYERS", LAYERS)
        .env("FELHOM_INSIDE", "1")
        .env("FELHOM_STATIC_HELPER", helper)
        .timeout(std::time::Duration::from_secs(300))
        .assert()
        .success();
    eprintln!("{}", String::from_utf8_lossy(&ran.get_output().stdout));
}
