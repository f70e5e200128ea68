//! Refusals about this machine's contexts, about roles, and of the root helper.

use super::Said;
use crate::role::support::Fresh;
use crate::support::{Demo, Home, run};

const SSD: &str = "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b";
const STICK: &str = "A1B2-C3D4";
/// The UUID of a disk that is swap space.
const SWAP: &str = "11111111-2222-4333-8444-555555555555";

pub fn contexts_and_roles(said: &mut Said) {
    let home = Home::new();
    let add = |name: &str, host: &str| run(&mut home.felhom(["context", "add", name, "--transport", "ssh", "--ssh", host]));
    add("box", "root@192.0.2.10").ok();
    said.run(&add("box", "root@192.0.2.11"));
    said.run(&run(&mut home.felhom(["context", "remove", "box"])));
    let fresh = Fresh::new();
    fresh.host.home.configure("[contexts.other]\nsystem_roots = true\n[[contexts.other.endpoints]]\nurl = \"https://192.0.2.9:8006\"\n");
    said.run(&fresh.bootstrap(&["-c", "other"]));
    fresh.bootstrap(&[]).ok();
    let user = |enable: bool, expire: i64| {
        fresh
            .host
            .with_state(|state| {
                let user = state.access.users.get_mut("felhom@pve").unwrap();
                (user.enable, user.expire) = (enable, expire);
            })
            .unwrap();
    };
    user(false, 0);
    said.run(&fresh.bootstrap(&[]));
    user(true, 1);
    said.run(&fresh.bootstrap(&[]));
}

pub fn the_root_helper(said: &mut Said) {
    let demo = Demo::new();
    demo.run(["usb", "list"]).ok();
    let host = demo.home.state().join("demo/host");
    let alter = |file: &str, changes: &[(&str, &str)]| {
        let text = std::fs::read_to_string(host.join(file)).unwrap();
        let altered = changes.iter().fold(text.clone(), |text, (from, to)| text.replace(from, to));
        assert_ne!(altered, text, "{file}");
        std::fs::write(host.join(file), altered).unwrap();
    };
    alter("sim/lsblk.json", &[("k7d5C0-LjjP-CEDy-8aOL-Tfc8-cy0H-GD9RKO", SWAP)]);
    said.run(&demo.run(["usb", "mount", SWAP, "--name", "swap"]));
    said.run(&demo.run(["usb", "mount", STICK, "--name", "stick", "--as-storage"]));
    said.run(&demo.run(["usb", "mount", SSD, "--name", "backup", "--as-storage", "local"]));
    demo.run(["usb", "mount", SSD, "--name", "backup"]).ok();
    // What the helper refuses is in its own words, which are no site of felhom's.
    for mount in [["usb", "mount", SSD, "--name", "other"], ["usb", "mount", STICK, "--name", "backup"]] {
        demo.run(mount).fails(3).says("usb-mount");
    }
    alter("etc/felhom/fence.toml", &[("vmid_min = 100", "vmid_min = 101"), ("vmid_max = 999999", "vmid_max = 104")]);
    let template = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst";
    said.run(&demo.run(["guest", "create", "lxc", template, "--hostname", "gold", "--storage", "local-lvm", "--golden"]));
    let real =
        ["context", "add", "real", "--endpoint", "https://192.0.2.1", "--token-id", "a@pve!bb", "--secret", "env:X", "--system-roots"];
    said.run(&demo.run(real));
}
