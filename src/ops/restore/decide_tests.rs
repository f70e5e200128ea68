use serde_json::{Value as Json, json};

use super::*;
use crate::api::GuestKind;
use crate::fault::Kind;
use crate::ops::backup::Archive;
use crate::ops::restore::{config, identity};

const CONFIG: &str = "features: nesting=1,keyctl=1\nhostname: ct103\nmemory: 128\nmp0: local-lvm:1,mp=/mnt/data,backup=1,size=1G\nmp1: local-lvm:2,mp=/mnt/bulk,backup=0,size=1G\nnet0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:EE:21:9B,ip=10.10.10.103/24,type=veth\nrootfs: local-lvm:0,size=1G\nunprivileged: 1\n";

fn known(config: &str) -> Known {
    let archived = config::read(config);
    let volume =
        json!({"volid": "local:backup/vzdump-lxc-103-2026_11_20-12_45_36.tar.zst", "content": "backup", "vmid": 103, "size": 1_000_000});
    Known {
        archive: Archive::of("t", "pve1", serde_json::from_value(volume).expect("a volume")),
        kind: GuestKind::Lxc,
        identity: identity::of(GuestKind::Lxc, &archived.values),
        archived,
        node: "pve1".into(),
        vmid: 170,
        existing: None,
        snapshots: Vec::new(),
        others: Vec::new(),
        unreadable: 0,
        source: None,
        stores: serde_json::from_value(json!([
            {"storage": "local", "type": "dir", "content": "backup", "enabled": 1, "active": 1, "avail": 1_u64 << 40},
            {"storage": "local-lvm", "type": "lvmthin", "content": "rootdir,images", "enabled": 1, "active": 1, "avail": 8_u64 << 30},
            {"storage": "thick", "type": "lvm", "content": "rootdir,images", "enabled": 1, "active": 1, "avail": 2_u64 << 30},
        ]))
        .expect("storages"),
        held: None,
        managed: None,
    }
}

fn request() -> Request {
    Request {
        archive: None,
        from: None,
        at: None,
        vmid: None,
        storage: None,
        identity: IdentityMode::Auto,
        hostname: None,
        start: false,
        overwrite: false,
        without_binds: false,
        trust_archive: false,
        node: None,
        pool: None,
        bwlimit: None,
    }
}

fn source(running: bool) -> Other {
    Other {
        label: "103 (ct103)".into(),
        runs: running.then_some("runs"),
        identity: identity::of(GuestKind::Lxc, &config::read(CONFIG).values),
    }
}

#[test]
fn macs_are_new_next_to_the_source_and_kept_without_it() {
    let gone = decide(&known(CONFIG), &request(), false).expect("decided");
    assert!(!gone.fresh && gone.shared.is_empty() && gone.hostname.is_none() && gone.warnings.is_empty(), "{gone:?}");
    let mut beside = known(CONFIG);
    beside.others.push(source(true));
    let decision = decide(&beside, &request(), false).expect("decided");
    assert!(decision.fresh && decision.shared.is_empty());
    assert_eq!(decision.hostname.as_deref(), Some("ct103-restored"));
    assert!(decision.warnings.iter().any(|w| w.contains("10.10.10.103")), "{:?}", decision.warnings);
}

#[test]
fn a_guest_is_not_started_if_its_address_is_in_use() {
    let mut beside = known(CONFIG);
    beside.others.push(source(true));
    let fault = decide(&beside, &Request { start: true, ..request() }, false).expect_err("in use");
    assert_eq!((fault.kind, fault.message.contains("10.10.10.103")), (Kind::Refused, true));
    beside.others = vec![source(false)];
    assert!(decide(&beside, &Request { start: true, ..request() }, false).is_ok(), "a stopped guest does not matter");
}

#[test]
fn kept_macs_in_use_need_a_confirmation() {
    let mut beside = known(CONFIG);
    beside.others.push(source(false));
    let decision = decide(&beside, &Request { identity: IdentityMode::Keep, ..request() }, false).expect("decided");
    assert_eq!((decision.fresh, decision.shared.len()), (false, 1));
}

#[test]
fn bind_mounts_are_skipped_by_listing_all_volumes() {
    let known = known(&format!("{CONFIG}mp2: /srv/bind,mp=/mnt/bind\n"));
    assert_eq!(decide(&known, &request(), false).expect_err("no token can").kind, Kind::Refused);
    let decision = decide(&known, &request(), true).expect("decided");
    let restated: Vec<String> = decision.layout.restated.iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(restated, ["rootfs=local-lvm:1", "mp0=local-lvm:1,mp=/mnt/data,backup=1", "mp1=local-lvm:1,mp=/mnt/bulk,backup=0"]);
    assert_eq!(decision.by_root, ["pct set 170 -mp2 /srv/bind,mp=/mnt/bind"]);
    assert_eq!(decision.not_in_archive, ["mp1 (/mnt/bulk): no backup=1, 1 GiB", "mp2 (/mnt/bind): bind mount"]);
}

#[test]
fn storage_and_space() {
    let wrong = decide(&known(CONFIG), &Request { storage: Some("local".into()), ..request() }, false).expect_err("takes no volumes");
    assert_eq!((wrong.kind, wrong.hint().contains("local-lvm")), (Kind::Refused, true));
    let full = decide(&known(CONFIG), &Request { storage: Some("thick".into()), ..request() }, false).expect_err("3 GiB on 2");
    assert_eq!((full.kind, full.message.contains("2 GiB free")), (Kind::Refused, true));
    let missing = decide(&known(CONFIG), &Request { storage: Some("nosuch".into()), ..request() }, false).expect_err("none");
    assert_eq!(missing.kind, Kind::NotFound);
    let mut thin = known(CONFIG);
    thin.stores[1].avail = Some(1 << 30);
    assert!(decide(&thin, &request(), false).expect("thin volumes may fit").warnings.iter().any(|w| w.contains("may grow")));
}

#[test]
fn host_settings_need_trust_unless_the_source_has_them() {
    let text = format!("{CONFIG}hookscript: local:snippets/x.sh\n");
    let mut strange = known(&text);
    assert_eq!(decide(&strange, &request(), false).expect_err("a hook script").kind, Kind::Refused);
    let trusted = decide(&strange, &Request { trust_archive: true, ..request() }, false).expect("trusted");
    assert_eq!(trusted.root_level, ["hookscript: local:snippets/x.sh"]);
    strange.source = Some(config::read(&text).values);
    assert!(decide(&strange, &request(), false).is_ok());
}

#[test]
fn missing_privileges_are_reported_before_the_call() {
    let mut limited = known(CONFIG);
    let held: Json = json!({"/vms": {"VM.Allocate": 1}, "/vms/103": {"VM.Backup": 1}, "/storage": {"Datastore.AllocateSpace": 1}});
    limited.held = Some(serde_json::from_value(held).expect("privileges"));
    let fault = decide(&limited, &request(), false).expect_err("no SDN.Use");
    assert_eq!(
        (fault.kind, fault.path.as_deref(), fault.privilege.as_deref()),
        (Kind::Denied, Some("/sdn/zones/localnetwork/vmbr0"), Some("SDN.Use"))
    );
    assert!(!fault.message.contains("VM.Allocate"), "{}", fault.message);
}
