//! Backups with bind mounts, which no token can restore.

use serde_json::json;

use crate::backup::{archive, set, text};
use crate::support::{Host, Terminal};

fn prepared() -> (Host, String) {
    let host = Host::baseline();
    set(&host, 103, "features", "nesting=1,keyctl=1");
    set(&host, 103, "mp0", "local-lvm:103/vm-103-disk-1.raw,mp=/mnt/data,backup=1,size=1G");
    set(&host, 103, "mp1", "local-lvm:103/vm-103-disk-2.raw,mp=/mnt/bulk,backup=0,size=1G");
    set(&host, 103, "mp2", "/srv/bind,mp=/mnt/bind");
    let volid = archive(&host, "103");
    (host, volid)
}

#[test]
fn bind_mounts_are_refused_before_anything_is_sent() {
    let (host, volid) = prepared();
    host.run(["guest", "restore", &volid]).fails(3).says("mp2 (/mnt/bind)").says("--without-binds");
    assert_eq!(host.count("POST", "/lxc"), 0);
}

#[test]
fn without_binds_lists_all_other_volumes() {
    let (host, volid) = prepared();
    let run = host.run(["guest", "restore", &volid, "--without-binds", "-o", "json"]).ok().says("pct set 100 -mp2 /srv/bind,mp=/mnt/bind");
    let result = &run.json()[0];
    assert_eq!((text(result, "features"), &result["by_root"]), ("nesting=1,keyctl=1", &json!(["pct set 100 -mp2 /srv/bind,mp=/mnt/bind"])));
    assert_eq!(result["not_in_archive"], json!(["mp1 (/mnt/bulk): no backup=1, 1 GiB", "mp2 (/mnt/bind): bind mount"]));
    let sent = host.requests().into_iter().find(|r| r.method == "POST" && r.path.ends_with("/lxc")).unwrap();
    let param = |key: &str| sent.params.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    assert_eq!(
        (param("rootfs"), param("mp0"), param("mp1"), param("mp2")),
        ("local-lvm:1".into(), "local-lvm:1,mp=/mnt/data,backup=1".into(), "local-lvm:1,mp=/mnt/bulk,backup=0".into(), String::new())
    );
    let config = host.with_state(|state| state.guests[&100].config.clone()).unwrap();
    assert!(config.contains_key("mp0") && config.contains_key("mp1") && !config.contains_key("mp2"));
}

#[test]
fn a_terminal_user_is_asked() {
    let (host, volid) = prepared();
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(120, 30, &env, &["guest", "restore", &volid]) else { return };
    terminal.until("Restore it without them?");
    terminal.types("y");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("pct set 100 -mp2"), "{screen}");
}
