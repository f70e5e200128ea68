//! Guests on the demo host, beyond the transcripts.

use crate::support::desk::{Demo, LIMITED, ROOT};

const CT: &str = "/nodes/pve1/lxc/101";
const VM: &str = "/nodes/pve1/qemu/202";
const TEMPLATE: &str = "local:vztmpl/debian-12-rig_1.0_amd64.tar.zst";

/// Backs up a guest and returns the backup.
fn archive(demo: &Demo, vmid: &str, more: &[(&str, &str)]) -> String {
    let mut params = vec![("vmid", vmid), ("storage", "local"), ("mode", "stop"), ("compress", "zstd")];
    params.extend(more);
    let answer = demo.post("/nodes/pve1/vzdump", &params);
    assert_eq!(demo.exit(&answer), "OK", "{:?}", demo.log(&answer));
    let list = demo.get(&format!("/nodes/pve1/storage/local/content?content=backup&vmid={vmid}"));
    list.as_array().unwrap().last().unwrap()["volid"].as_str().unwrap().to_owned()
}

#[test]
fn changes_of_a_running_container_are_pending_where_required() {
    let demo = Demo::start();
    assert_eq!(demo.exit(&demo.post(&format!("{CT}/status/start"), &[])), "OK");
    demo.put(&format!("{CT}/config"), &[("memory", "256"), ("nameserver", "192.0.2.53")]).data();
    let pending = demo.get(&format!("{CT}/pending"));
    let row = |key: &str| pending.as_array().unwrap().iter().find(|row| row["key"] == key).cloned().unwrap();
    assert_eq!(row("memory")["value"], 256);
    assert_eq!(row("nameserver")["pending"], "192.0.2.53");
    assert!(row("nameserver").get("value").is_none());
    // Without `current`, pending changes are included.
    assert_eq!(demo.get(&format!("{CT}/config"))["nameserver"], "192.0.2.53");
    assert!(demo.get(&format!("{CT}/config?current=1")).get("nameserver").is_none());
    demo.exit(&demo.post(&format!("{CT}/status/reboot"), &[]));
    assert_eq!(demo.get(&format!("{CT}/config?current=1"))["nameserver"], "192.0.2.53");
}

#[test]
fn a_pending_change_can_be_reverted() {
    let demo = Demo::start();
    demo.exit(&demo.post(&format!("{CT}/status/start"), &[]));
    demo.put(&format!("{CT}/config"), &[("delete", "ostype")]);
    demo.put(&format!("{CT}/config"), &[("searchdomain", "example.org")]).data();
    demo.put(&format!("{CT}/config"), &[("revert", "searchdomain")]).data();
    assert!(demo.get(&format!("{CT}/config")).get("searchdomain").is_none());
    let refused = demo.put(&format!("{CT}/config"), &[("delete", "memory")]);
    assert_eq!((refused.status, refused.reason.as_str()), (500, "unable to delete required option 'memory'"));
}

#[test]
fn an_old_digest_is_refused() {
    let demo = Demo::start();
    let digest = demo.get(&format!("{CT}/config"))["digest"].as_str().unwrap().to_owned();
    demo.put(&format!("{CT}/config"), &[("description", "one"), ("digest", &digest)]).data();
    let late = demo.put(&format!("{CT}/config"), &[("description", "two"), ("digest", &digest)]);
    assert_eq!(late.reason, "detected modified configuration - file changed by other user? Try again.");
    let late = demo.put(&format!("{VM}/config"), &[("description", "two"), ("digest", &digest)]);
    assert_eq!(late.reason, "checksum mismatch (file change by other user?)");
}

#[test]
fn a_new_network_device_gets_an_address_and_its_type() {
    let demo = Demo::start();
    demo.put(&format!("{CT}/config"), &[("net1", "name=eth1,bridge=vmbr0,firewall=yes")]).data();
    let net = demo.get(&format!("{CT}/config"))["net1"].as_str().unwrap().to_owned();
    assert!(net.starts_with("name=eth1,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:"), "{net}");
    assert!(net.ends_with(",type=veth"), "{net}");
    demo.put(&format!("{VM}/config"), &[("net1", "virtio,bridge=vmbr0")]).data();
    let net = demo.get(&format!("{VM}/config"))["net1"].as_str().unwrap().to_owned();
    assert!(net.starts_with("virtio=BC:24:11:") && net.ends_with(",bridge=vmbr0"), "{net}");
}

#[test]
fn a_mount_point_is_created_detached_and_destroyed() {
    let demo = Demo::start();
    demo.put(&format!("{CT}/config"), &[("mp0", "local-lvm:1,mp=/data")]).data();
    demo.put(&format!("{CT}/config"), &[("delete", "mp0")]).data();
    let config = demo.get(&format!("{CT}/config"));
    assert_eq!(config["unused0"], "local-lvm:101/vm-101-disk-1.raw");
    let on_storage = || demo.get("/nodes/pve1/storage/local-lvm/content?vmid=101").as_array().unwrap().len();
    assert_eq!(on_storage(), 2);
    demo.put(&format!("{CT}/config"), &[("delete", "unused0")]).data();
    assert_eq!(on_storage(), 1);
    let wrong = demo.put(&format!("{CT}/config"), &[("mp0", "local:1,mp=/data")]);
    assert_eq!(wrong.reason, "storage 'local' does not allow content type 'rootdir' (Container)");
}

#[test]
fn a_limited_token_changes_what_its_privileges_allow() {
    let demo = Demo::start();
    demo.put("/access/acl", &[("path", "/vms/101"), ("roles", "NoAccess"), ("users", "nobody@pve")]).data();
    demo.post("/access/roles", &[("roleid", "Options"), ("privs", "VM.Config.Options,VM.Audit")]).data();
    demo.grant(LIMITED, "/vms/101", "Options");
    let change = |params: &[(&str, &str)]| demo.call(LIMITED, "PUT", &format!("{CT}/config"), params);
    change(&[("onboot", "1"), ("description", "mine")]).data();
    assert_eq!(change(&[("memory", "512")]).reason, "Permission check failed (/vms/101, VM.Config.Memory)");
    assert_eq!(change(&[("cores", "2")]).reason, "Permission check failed (/vms/101, VM.Config.CPU)");
    assert_eq!(change(&[("hostname", "x")]).reason, "Permission check failed (/vms/101, VM.Config.Network)");
    assert_eq!(change(&[("mp0", "local-lvm:1,mp=/data")]).reason, "Permission check failed (/vms/101, VM.Config.Disk)");
    assert_eq!(change(&[("features", "nesting=1")]).reason, "Permission check failed (/vms/101, VM.Allocate)");
    demo.post("/access/roles", &[("roleid", "Net"), ("privs", "VM.Config.Network")]).data();
    demo.grant(LIMITED, "/vms/101", "Net");
    let net = change(&[("net1", "name=eth1,bridge=vmbr0")]);
    assert_eq!(net.reason, "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)");
    assert_eq!(demo.get(&format!("{CT}/config"))["description"], "mine\n");
}

#[test]
fn a_token_restores_only_where_it_may_use_the_bridge() {
    let demo = Demo::start();
    let volid = archive(&demo, "101", &[]);
    let restore = |vmid: &str| {
        let params = [("vmid", vmid), ("ostemplate", &*volid), ("restore", "1"), ("storage", "local-lvm"), ("unique", "1")];
        demo.call(LIMITED, "POST", "/nodes/pve1/lxc", &params)
    };
    assert_eq!(restore("153").reason, "Permission check failed");
    for (path, role) in [("/vms", "PVEVMAdmin"), ("/storage/local", "PVEDatastoreUser"), ("/storage/local-lvm", "PVEDatastoreUser")] {
        demo.grant(LIMITED, path, role);
    }
    let words = "unable to restore CT 153 - 403 Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)";
    assert_eq!(demo.exit(&restore("153")), words);
    assert_eq!(demo.call(ROOT, "GET", "/nodes/pve1/lxc/153/config", &[]).status, 500);
    demo.grant(LIMITED, "/sdn", "PVESDNUser");
    assert_eq!(demo.exit(&restore("153")), "OK");
    let (old, new) = (demo.get(&format!("{CT}/config")), demo.get("/nodes/pve1/lxc/153/config"));
    assert_ne!(old["net0"], new["net0"]);
    assert_eq!(old["hostname"], new["hostname"]);
    assert_eq!(new["rootfs"], "local-lvm:153/vm-153-disk-0.raw,size=1G");
}

#[test]
fn features_survive_a_restore_but_cannot_be_asked_for() {
    let demo = Demo::start();
    demo.host
        .with_state(|state| state.guests.get_mut(&101).unwrap().config.insert("features".into(), "nesting=1,keyctl=1".into()))
        .unwrap();
    let volid = archive(&demo, "101", &[]);
    let base = [("vmid", "160"), ("ostemplate", &*volid), ("restore", "1"), ("storage", "local-lvm")];
    let mut asked = base.to_vec();
    asked.push(("features", "nesting=1,keyctl=1"));
    let refused = demo.post("/nodes/pve1/lxc", &asked);
    assert_eq!(refused.reason, "Permission check failed (changing feature flags for privileged container is only allowed for root@pam)");
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/lxc", &base)), "OK");
    assert_eq!(demo.get("/nodes/pve1/lxc/160/config")["features"], "nesting=1,keyctl=1");
}

#[test]
fn a_restore_without_space_fails_in_its_task_and_leaves_nothing() {
    let demo = Demo::start();
    let volid = archive(&demo, "101", &[]);
    let params = [("vmid", "161"), ("ostemplate", &*volid), ("restore", "1"), ("rootfs", "local-lvm:500")];
    let exit = demo.exit(&demo.post("/nodes/pve1/lxc", &params));
    assert!(exit.starts_with("unable to restore CT 161 - ") && exit.contains("No space left on device"), "{exit}");
    assert_eq!(demo.call(ROOT, "GET", "/nodes/pve1/lxc/161/config", &[]).status, 500);
    assert_eq!(demo.get("/nodes/pve1/storage/local-lvm/content?vmid=161").as_array().unwrap().len(), 0);
}

#[test]
fn a_backup_locks_its_guest_until_it_is_stopped() {
    let demo = Demo::at_speed(0.01);
    let answer = demo.post("/nodes/pve1/vzdump", &[("vmid", "101"), ("storage", "local"), ("mode", "stop")]);
    let upid = answer.data().as_str().unwrap().to_owned();
    assert_eq!(demo.get(&format!("{CT}/config"))["lock"], "backup");
    assert_eq!(demo.delete(CT).reason, "CT is locked (backup)");
    let second = demo.post("/nodes/pve1/vzdump", &[("vmid", "102"), ("storage", "local"), ("lockwait", "0")]);
    assert_eq!(demo.exit(&second), "unexpected status");
    demo.delete(&format!("/nodes/pve1/tasks/{upid}")).data();
    assert_eq!(demo.exit(&answer), "job errors");
    assert!(demo.get(&format!("{CT}/config")).get("lock").is_none());
}

#[test]
fn pruning_keeps_covered_and_protected_backups() {
    let demo = Demo::start();
    let first = archive(&demo, "101", &[("protected", "1"), ("notes-template", "{{guestname}} of {{cluster}}")]);
    let second = archive(&demo, "101", &[]);
    let third = archive(&demo, "101", &[("prune-backups", "keep-last=1")]);
    let list = demo.get("/nodes/pve1/storage/local/content?content=backup");
    let left: Vec<&str> = list.as_array().unwrap().iter().map(|row| row["volid"].as_str().unwrap()).collect();
    assert_eq!(left, [first.as_str(), third.as_str()]);
    assert_ne!(second, third);
    assert_eq!(list[0]["notes"], "ct101 of standalone node");
}

#[test]
fn an_invalid_notes_template_is_refused() {
    let demo = Demo::start();
    let base = [("vmid", "101"), ("storage", "local")];
    for (template, words) in
        [("{{nope}}", "found unknown: variable 'nope' at char 4\n"), ("a\\tb", "found unknown: escape sequence '\\t' at char 1\n")]
    {
        let mut params = base.to_vec();
        params.push(("notes-template", template));
        let refused = demo.post("/nodes/pve1/vzdump", &params);
        assert_eq!(refused.body["errors"]["notes-template"], words, "{refused:?}");
    }
    let refused = demo.post("/nodes/pve1/vzdump", &[("storage", "local")]);
    assert_eq!(refused.body["errors"]["vmid"], "property is missing");
    let refused = demo.post("/nodes/pve1/vzdump", &[("storage", "local"), ("vmid", "101"), ("all", "1")]);
    assert_eq!(refused.body["errors"]["all"], "option conflicts with option 'vmid'");
}

#[test]
fn snapshots_have_parents_and_a_rollback_restores_settings() {
    let demo = Demo::start();
    let snap = |name: &str| demo.exit(&demo.post(&format!("{CT}/snapshot"), &[("snapname", name)]));
    demo.put(&format!("{CT}/config"), &[("description", "kept")]).data();
    assert_eq!((snap("one").as_str(), snap("two").as_str()), ("OK", "OK"));
    demo.put(&format!("{CT}/config"), &[("memory", "999")]).data();
    assert_eq!(demo.exit(&demo.post(&format!("{CT}/snapshot/one/rollback"), &[("start", "1")])), "OK");
    let config = demo.get(&format!("{CT}/config"));
    assert_eq!((config["memory"].as_i64(), config["parent"].as_str()), (Some(128), Some("one")));
    assert_eq!(config["description"], "kept\n");
    assert_eq!(demo.get(&format!("{CT}/status/current"))["status"], "running");
    assert_eq!(demo.exit(&demo.delete(&format!("{CT}/snapshot/one"))), "OK");
    let list = demo.get(&format!("{CT}/snapshot"));
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert!(list[0].get("parent").is_none(), "{list}");
}

#[test]
fn a_vm_is_created_resized_paused_and_cloned() {
    let demo = Demo::start();
    let params = [
        ("vmid", "210"),
        ("name", "new"),
        ("memory", "512"),
        ("scsi0", "dirct:1"),
        ("net0", "virtio,bridge=vmbr0"),
        ("ide2", "none,media=cdrom"),
    ];
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/qemu", &params)), "OK");
    let config = demo.get("/nodes/pve1/qemu/210/config");
    assert_eq!(config["boot"], "order=scsi0;ide2;net0");
    assert_eq!(config["scsi0"], "dirct:210/vm-210-disk-0.qcow2,size=1G");
    assert_eq!(config["memory"], "512");
    assert!(config["smbios1"].as_str().unwrap().starts_with("uuid="));
    assert_eq!(demo.exit(&demo.put("/nodes/pve1/qemu/210/resize", &[("disk", "scsi0"), ("size", "+1G")])), "OK");
    assert_eq!(demo.get("/nodes/pve1/qemu/210/config")["scsi0"], "dirct:210/vm-210-disk-0.qcow2,size=2G");
    let shrink = demo.put("/nodes/pve1/qemu/210/resize", &[("disk", "scsi0"), ("size", "1G")]);
    assert_eq!(demo.exit(&shrink), "shrinking disks is not supported");
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/qemu/210/status/start", &[])), "OK");
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/qemu/210/status/suspend", &[])), "OK");
    assert_eq!(demo.get("/nodes/pve1/qemu/210/status/current")["qmpstatus"], "paused");
    assert_eq!(demo.post("/nodes/pve1/qemu/210/status/shutdown", &[]).reason, "VM is paused - cannot shutdown");
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/qemu/210/status/resume", &[])), "OK");
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/qemu/210/clone", &[("newid", "211"), ("full", "1")])), "OK");
    let (old, new) = (demo.get("/nodes/pve1/qemu/210/config"), demo.get("/nodes/pve1/qemu/211/config"));
    assert_eq!(new["name"], "Copy-of-new");
    assert_ne!((&old["net0"], &old["smbios1"]), (&new["net0"], &new["smbios1"]));
    assert_eq!(demo.delete("/nodes/pve1/qemu/210").reason, "VM 210 is running - destroy failed");
}

#[test]
fn a_vm_is_backed_up_and_restored() {
    let demo = Demo::start();
    let volid = archive(&demo, "202", &[]);
    assert!(volid.ends_with(".vma.zst"), "{volid}");
    let params = [("vmid", "220"), ("archive", &*volid), ("storage", "local-lvm"), ("unique", "1")];
    let answer = demo.post("/nodes/pve1/qemu", &params);
    assert_eq!(demo.exit(&answer), "OK");
    assert!(demo.log(&answer).iter().any(|line| line.starts_with("progress 100% (read ")));
    let (old, new) = (demo.get(&format!("{VM}/config")), demo.get("/nodes/pve1/qemu/220/config"));
    assert_ne!(old["net0"], new["net0"]);
    assert_ne!(old["vmgenid"], new["vmgenid"]);
    assert_eq!(old["name"], new["name"]);
    let there = demo.post("/nodes/pve1/qemu", &params);
    assert_eq!(there.reason, "unable to restore VM 220 - VM 220 already exists on node 'pve1'");
}

#[test]
fn a_template_does_not_start_and_has_linked_clones() {
    let demo = Demo::start();
    demo.post(&format!("{CT}/template"), &[]).data();
    let config = demo.get(&format!("{CT}/config"));
    assert_eq!((config["template"].as_i64(), config["rootfs"].as_str()), (Some(1), Some("local-lvm:101/base-101-disk-0.raw,size=1G")));
    let start = demo.post(&format!("{CT}/status/start"), &[]);
    assert_eq!(demo.exit(&start), "you can't start a CT if it's a template");
    assert_eq!(demo.exit(&demo.post(&format!("{CT}/clone"), &[("newid", "140"), ("hostname", "copy")])), "OK");
    let rootfs = demo.get("/nodes/pve1/lxc/140/config")["rootfs"].as_str().unwrap().to_owned();
    assert_eq!(rootfs, "local-lvm:140/vm-140-disk-0.raw,size=1G");
}

#[test]
fn missing_objects_have_the_messages_of_a_real_host() {
    let demo = Demo::start();
    let reason = |method: &str, path: &str, params: &[(&str, &str)]| demo.call(ROOT, method, path, params).reason;
    assert_eq!(reason("POST", "/nodes/pve1/qemu/999/status/reset", &[]), "unable to find configuration file for VM 999 on node 'pve1'");
    assert_eq!(reason("POST", &format!("{VM}/status/reboot"), &[]), "VM 202 not running");
    assert_eq!(demo.exit(&demo.post(&format!("{VM}/status/stop"), &[])), "OK");
    let params = [("vmid", "150"), ("ostemplate", TEMPLATE), ("mp0", "local-lvm:1,mp=/x")];
    assert_eq!(reason("POST", "/nodes/pve1/lxc", &params), "mount points configured, but 'rootfs' not set - aborting");
    for restore in ["0", "1"] {
        let params = [("vmid", "150"), ("ostemplate", TEMPLATE), ("storage", "local-lvm"), ("pool", "nosuch"), ("restore", restore)];
        assert_eq!(reason("POST", "/nodes/pve1/lxc", &params), "Permission check failed (pool 'nosuch' does not exist)");
    }
    let params = [("vmid", "150"), ("ostemplate", "local:iso/x.iso"), ("storage", "local-lvm")];
    let words = "unable to use volume local:iso/x.iso - content type needs to be 'vztmpl'";
    assert_eq!(reason("POST", "/nodes/pve1/lxc", &params), words);
    let params = [("vmid", "150"), ("ostemplate", TEMPLATE), ("storage", "local-lvm"), ("pool", "pool1"), ("start", "1")];
    assert_eq!(demo.exit(&demo.post("/nodes/pve1/lxc", &params)), "OK");
    assert_eq!(demo.get("/nodes/pve1/lxc/150/status/current")["status"], "running");
    assert_eq!(demo.get("/nodes/pve1/lxc/150/config")["rootfs"], "local-lvm:150/vm-150-disk-0.raw,size=4G");
    let members = demo.get("/pools/pool1")["members"].to_string();
    assert!(members.contains("150"), "{members}");
}

#[test]
fn an_agent_answers_only_when_it_runs() {
    let demo = Demo::start();
    let ping = |demo: &Demo| demo.post(&format!("{VM}/agent/ping"), &[]);
    demo.put(&format!("{VM}/config"), &[("agent", "1")]).data();
    assert_eq!(ping(&demo).reason, "VM 202 is not running");
    demo.exit(&demo.post(&format!("{VM}/status/start"), &[]));
    assert_eq!(ping(&demo).reason, "QEMU guest agent is not running");
    demo.host.with_state(|state| state.guests.get_mut(&202).unwrap().agent = true).unwrap();
    assert_eq!(ping(&demo).data()["result"].to_string(), "{}");
    let nets = demo.get(&format!("{VM}/agent/network-get-interfaces"));
    assert_eq!(nets["result"][1]["hardware-address"], "bc:24:11:2b:68:fc");
}

#[test]
fn a_disk_moves_to_another_storage_and_to_another_guest() {
    let demo = Demo::start();
    let answer = demo.post(&format!("{CT}/move_volume"), &[("volume", "rootfs"), ("storage", "dirct")]);
    assert_eq!(demo.exit(&answer), "OK");
    let config = demo.get(&format!("{CT}/config"));
    assert_eq!(config["rootfs"], "dirct:101/vm-101-disk-0.raw,size=1G");
    assert_eq!(config["unused0"], "local-lvm:101/vm-101-disk-0.raw");
    demo.put(&format!("{VM}/config"), &[("scsi1", "dirct:1")]).data();
    let answer = demo.post(&format!("{VM}/move_disk"), &[("disk", "scsi1"), ("target-vmid", "201"), ("target-disk", "scsi5")]);
    assert_eq!(demo.exit(&answer), "OK");
    assert!(demo.get(&format!("{VM}/config")).get("scsi1").is_none());
    assert_eq!(demo.get("/nodes/pve1/qemu/201/config")["scsi5"], "dirct:201/vm-201-disk-1.qcow2,size=1G");
    let neither = demo.post(&format!("{VM}/move_disk"), &[("disk", "scsi0")]);
    assert_eq!(neither.body["errors"]["storage"], "both 'storage' and 'target-vmid' missing, either needs to be set");
}

#[test]
fn a_container_with_a_bind_mount_has_no_snapshots_and_keeps_it_until_it_stops() {
    let demo = Demo::start();
    demo.host.with_state(|state| state.guests.get_mut(&101).unwrap().config.insert("mp0".into(), "/srv/x,mp=/mnt/x".into())).unwrap();
    assert_eq!(demo.exit(&demo.post(&format!("{CT}/snapshot"), &[("snapname", "s1")])), "snapshot feature is not available");
    demo.exit(&demo.post(&format!("{CT}/status/start"), &[]));
    demo.put(&format!("{CT}/config"), &[("delete", "mp0")]).data();
    let pending = demo.get(&format!("{CT}/pending"));
    let row = pending.as_array().unwrap().iter().find(|row| row["key"] == "mp0").unwrap();
    assert_eq!((row["value"].as_str(), row["delete"].as_i64()), (Some("/srv/x,mp=/mnt/x"), Some(1)));
    demo.exit(&demo.post(&format!("{CT}/status/stop"), &[]));
    let pending = demo.get(&format!("{CT}/pending")).to_string();
    assert!(!pending.contains("mp0"), "{pending}");
}

#[test]
fn the_agent_role_allows_what_a_real_host_allowed() {
    let demo = Demo::start();
    let privileges = "VM.Allocate,VM.Audit,VM.Config.Disk,VM.Config.CPU,VM.Config.Memory,VM.Config.Network,VM.Config.Options,VM.PowerMgmt,\
                      VM.Snapshot,VM.Snapshot.Rollback,VM.Backup,Datastore.Allocate,Datastore.AllocateSpace,Datastore.Audit,Sys.Audit,SDN.Use";
    demo.post("/access/roles", &[("roleid", "Agent"), ("privs", privileges)]).data();
    demo.grant(LIMITED, "/", "Agent");
    let call = |method: &str, path: &str, params: &[(&str, &str)]| demo.call(LIMITED, method, path, params);
    let done = |method: &str, path: &str, params: &[(&str, &str)]| {
        let answer = call(method, path, params);
        assert_eq!(demo.exit(&answer), "OK", "{method} {path} {:?}", demo.log(&answer));
    };
    let backup = [("vmid", "101"), ("storage", "local"), ("mode", "stop"), ("prune-backups", "keep-last=2")];
    let log = demo.log(&call("POST", "/nodes/pve1/vzdump", &backup));
    assert!(log[0].contains(" --prune-backups 'keep-last=2'") && log.last().unwrap() == "TASK OK", "{log:?}");
    let list = call("GET", "/nodes/pve1/storage/local/content", &[("content", "backup")]).data().clone();
    let volid = list[0]["volid"].as_str().unwrap().to_owned();
    done("POST", &format!("{CT}/snapshot"), &[("snapname", "before")]);
    done("POST", &format!("{CT}/snapshot/before/rollback"), &[]);
    let restore = [("vmid", "180"), ("ostemplate", &*volid), ("restore", "1"), ("storage", "local-lvm"), ("unique", "1")];
    done("POST", "/nodes/pve1/lxc", &restore);
    call("PUT", "/nodes/pve1/lxc/180/config", &[("memory", "256"), ("mp0", "local-lvm:1,mp=/data,backup=0")]).data();
    done("PUT", "/nodes/pve1/lxc/180/resize", &[("disk", "rootfs"), ("size", "+1G")]);
    done("POST", "/nodes/pve1/lxc/180/status/start", &[]);
    done("POST", "/nodes/pve1/lxc/180/status/shutdown", &[]);
    done("DELETE", "/nodes/pve1/lxc/180", &[("purge", "1")]);
    let create = [("vmid", "181"), ("ostemplate", TEMPLATE), ("rootfs", "local-lvm:1"), ("features", "nesting=1")];
    done("POST", "/nodes/pve1/lxc", &create);
    let path = format!("/nodes/pve1/storage/local/content/{}", volid.replace('/', "%2F"));
    call("PUT", &path, &[("notes", "kept")]).data();
    done("DELETE", &path, &[]);
    let denied = |method: &str, path: &str, params: &[(&str, &str)]| call(method, path, params).reason;
    let words = "Permission check failed (/vms/101, VM.Clone)";
    assert_eq!(denied("POST", &format!("{CT}/clone"), &[("newid", "190")]), words);
    let words = "Permission check failed (/storage/local, Datastore.AllocateTemplate)";
    assert_eq!(denied("POST", "/nodes/pve1/storage/local/upload", &[("content", "iso"), ("filename", "x.iso")]), words);
}
