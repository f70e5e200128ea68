//! The lab's build script, with fake versions of slow programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::Command;

use crate::support::need_tool;

/// Runs tests/lab/build with apt's sources from `etc`. Returns its exit code, its output and the arguments of mmdebstrap.
fn build(etc: &Path) -> (i32, String, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).expect("made");
    let fake = |name: &str, script: &str| {
        let file = bin.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("mode");
    };
    let root = "for dir in boot etc/systemd/network etc/systemd/system/multi-user.target.wants etc/ssh/sshd_config.d usr/sbin; do mkdir -p \"$LAB/vmroot/$dir\"; done";
    fake("mmdebstrap", &format!("echo \"$@\" > \"$LAB/mmdebstrap.args\"\n{root}"));
    for tool in ["mkfs.ext4", "mkfs.vfat", "ssh-keygen"] {
        fake(tool, "case $* in *-C\\ lab*) echo key > \"$LAB/key\"; echo key > \"$LAB/key.pub\";; esac");
    }
    fake("sfdisk", "cat > /dev/null");
    let config = dir.path().join("apt.conf");
    fs::write(&config, format!("Dir::Etc \"{}\";\n", etc.display())).expect("written");
    let lab = dir.path().join("lab");
    let out = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/build"))
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("APT_CONFIG", &config)
        .env("FELHOM_LAB_DIR", &lab)
        .env("LAB", &lab)
        .output()
        .expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    (out.status.code().unwrap_or(-1), said, fs::read_to_string(lab.join("mmdebstrap.args")).unwrap_or_default())
}

/// Item 29.
#[test]
fn the_lab_is_built_with_deb822_sources_only() {
    if need_tool("apt-get").is_none() {
        return;
    }
    let etc = tempfile::tempdir().expect("a directory");
    let sources = etc.path().join("sources.list.d");
    fs::create_dir(&sources).expect("made");
    let other = "Types: deb\nURIs: https://packages.example.com/tools\nSuites: stable\nComponents: main\n";
    fs::write(sources.join("a.sources"), other).expect("written");
    fs::write(sources.join("old.sources.disabled"), other.replace("tools", "debian")).expect("written");
    let debian = "Types: deb\nURIs: http://mirror.example.com/debian\nSuites: trixie\nComponents: main\n";
    fs::write(sources.join("debian.sources"), debian).expect("written");
    let (code, said, args) = build(etc.path());
    assert_eq!(code, 0, "{said}");
    assert!(args.trim_end().ends_with(" http://mirror.example.com/debian"), "{args}");
    for what in ["http://mirror.example.com/debian", "root.img", "disks", "done"] {
        assert!(said.contains(what), "no {what} in {said}");
    }

    fs::remove_dir_all(&sources).expect("removed");
    fs::write(etc.path().join("sources.list"), "deb [arch=amd64] http://old.example.com/debian/ trixie main\n").expect("written");
    let (code, said, args) = build(etc.path());
    assert!(code == 0 && args.trim_end().ends_with(" http://old.example.com/debian"), "{said} {args}");

    // Without any source: Debian's default mirror.
    fs::remove_file(etc.path().join("sources.list")).expect("removed");
    let (code, said, args) = build(etc.path());
    assert!(code == 0 && args.trim_end().ends_with(" http://deb.debian.org/debian"), "{said} {args}");
}
