//! What opens something is shown nowhere: not in plans, results, errors, logs, the journal or the shelf.

use felhom::demo::faults::{Fault, Trouble};

use crate::support::{Host, Run};

const SECRET: &str = "Geheim0815XYZ";

/// A parameter of Proxmox that holds a secret, in a call that has it.
const PARAMS: &[(&str, &str, &str)] = &[
    ("put", "/access/password", "password"),
    ("put", "/access/password", "confirmation-password"),
    ("post", "/access/users", "password"),
    ("post", "/access/users", "keys"),
    ("post", "/access/domains", "client-key"),
    ("post", "/access/domains", "password"),
    ("post", "/access/domains", "tfa"),
    ("post", "/access/tfa/root@pam", "totp"),
    ("post", "/access/tfa/root@pam", "value"),
    ("post", "/access/tfa/root@pam", "challenge"),
    ("post", "/access/openid/login", "code"),
    ("post", "/access/ticket", "otp"),
    ("post", "/access/ticket", "tfa-challenge"),
    ("post", "/access/vncticket", "vncticket"),
    ("post", "/cluster/acme/account", "eab-hmac-key"),
    ("post", "/cluster/acme/plugins", "data"),
    ("post", "/cluster/metrics/server/x", "token"),
    ("post", "/cluster/notifications/endpoints/gotify", "token"),
    ("post", "/cluster/notifications/endpoints/smtp", "password"),
    ("post", "/cluster/notifications/endpoints/webhook", "secret"),
    ("post", "/cluster/notifications/endpoints/webhook", "header"),
    ("post", "/cluster/sdn/dns", "key"),
    ("post", "/cluster/sdn/ipams", "token"),
    ("post", "/cluster/config/join", "password"),
    ("post", "/nodes/pve1/certificates/custom", "key"),
    ("put", "/nodes/pve1/subscription", "key"),
    ("post", "/nodes/pve1/lxc", "password"),
    ("post", "/nodes/pve1/lxc", "ssh-public-keys"),
    ("post", "/nodes/pve1/qemu", "cipassword"),
    ("put", "/nodes/pve1/qemu/201/config", "sshkeys"),
    ("put", "/nodes/pve1/qemu/201/config", "args"),
    ("post", "/nodes/pve1/qemu/201/agent/set-user-password", "password"),
    ("post", "/nodes/pve1/qemu/201/agent/file-write", "content"),
    ("post", "/nodes/pve1/qemu/201/agent/exec", "input-data"),
    ("post", "/storage", "password"),
    ("post", "/storage", "encryption-key"),
    ("post", "/storage", "keyring"),
    ("put", "/storage/nas", "master-pubkey"),
];

fn state(host: &Host) -> String {
    let state = host.home.state();
    let staged = std::fs::read_dir(state.join("staged")).into_iter().flatten().flatten();
    let staged = staged.map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default());
    staged.chain([std::fs::read_to_string(state.join("journal.jsonl")).unwrap_or_default()]).collect()
}

#[track_caller]
fn tight(host: &Host, run: &Run) {
    let all = format!("{run}{}", state(host));
    assert!(!all.contains(SECRET), "{all}");
}

#[test]
fn no_secret_parameter_is_shown_or_kept() {
    let host = Host::demo().with_token("root@pam!demo");
    // Most of these lack what else the call needs: the host refuses them.
    host.forgive("");
    for (method, path, key) in PARAMS {
        let setting = format!("{key}={SECRET}");
        for extra in [&["--plan"][..], &["--plan", "-o", "json"], &["--read-only"], &["--stage"]] {
            let shown = host.run(["api", method, path, &setting].iter().chain(extra));
            tight(&host, &shown);
            let plan = extra[0] == "--plan";
            assert_eq!(shown.code, if plan { 0 } else { 3 }, "{path} {key} {extra:?}: {shown}");
            assert!(!plan || shown.stdout.contains("***"), "{path} {key} {extra:?}: {shown}");
        }
        // As commands for root, what is public may stand: it would not work without.
        let commands = host.run(["api", method, path, &setting, "--plan=pveum"]).ok();
        let public = ["sshkeys", "ssh-public-keys", "master-pubkey", "args"].contains(key);
        assert_eq!(commands.stdout.contains(SECRET), public, "{path} {key}: {commands}");
        // Nobody is to set a mask by running it.
        assert!(public || commands.stdout.starts_with("# "), "{path} {key}: {commands}");
        let sent = host.run(["api", method, path, &setting, "-vv", "--confirm", &word(&host, &["api", method, path, &setting])]);
        tight(&host, &sent);
    }
    assert!(host.requests().iter().any(|request| request.method != "GET"), "some were sent");
}

/// What `--confirm` must name.
fn word(host: &Host, words: &[&str]) -> String {
    let plan = host.run(words.iter().chain(&["--plan", "-o", "json"])).ok().json();
    plan["confirm"][0].as_str().unwrap_or("-").to_owned()
}

#[test]
fn a_guests_settings_are_masked_wherever_they_are_shown() {
    let host = Host::demo().with_token("root@pam!demo");
    host.with_state(|state| {
        let guest = state.guests.get_mut(&201).unwrap();
        guest.config.insert("sshkeys".into(), format!("ssh-ed25519%20{SECRET}").into());
        guest.config.insert("args".into(), format!("-object secret,id=s,data={SECRET}").into());
        guest.pending.insert("args".into(), format!("-object secret,id=t,data={SECRET}2").into());
        let archives = format!("cipassword: {SECRET}");
        guest.config.insert("description".into(), format!("an old note\n{archives}\npassword={SECRET}").into());
    })
    .unwrap();
    for words in [
        &["guest", "config", "201"][..],
        &["guest", "config", "201", "-o", "json"],
        &["guest", "config", "201", "--pending"],
        &["guest", "config", "201", "--pending", "-o", "json"],
        &["guest", "show", "201", "-o", "json"],
        &["guest", "set", "201", "--delete", "args", "--plan"],
        &["guest", "set", "201", "description=new", "--plan", "-o", "json"],
        &["guest", "set", "201", "description=new"],
    ] {
        let shown = host.run(words);
        assert_eq!(shown.code, 0, "{shown}");
        tight(&host, &shown);
    }
    let id = host.run(["history", "-o", "id"]).ok().stdout;
    tight(&host, &host.run(["history", "show", id.trim(), "-o", "json"]).ok());
}

#[test]
fn what_a_host_says_is_masked_by_its_form() {
    let host = Host::demo();
    let said = format!(
        "no: PVE:root@pam:6B0036A6::{SECRET}= felhom@pve!agent={SECRET} PVEVNC:6B0036A6::{SECRET} \
         apitoken=PVEAPIToken=root@pam!t={SECRET},host=x 6B0036A8:{SECRET}{SECRET}{SECRET} password={SECRET}"
    );
    for (method, path, words) in [
        ("GET", "/nodes/*/lxc/110/config", &["guest", "config", "110"][..]),
        ("GET", "/cluster/resources", &["guest", "list"]),
        ("POST", "/nodes/*/lxc/110/status/stop", &["guest", "stop", "110", "--yes"]),
    ] {
        for extra in [&["-vv"][..], &["-o", "json"], &["-o", "csv"]] {
            host.inject(Fault::new(method, path, Trouble::Status { code: 500, reason: said.clone() }).times(1));
            let shown = host.run(words.iter().chain(extra));
            assert_eq!(shown.code, 1, "{shown}");
            assert!(shown.stderr.contains("***"), "{shown}");
            tight(&host, &shown);
        }
    }
    tight(&host, &host.run(["history", "-o", "json"]).ok());
}

#[test]
fn so_is_what_a_task_says() {
    let host = Host::demo();
    let upid = host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "--detach"]).ok().lines()[0].to_owned();
    host.run(["task", "wait", &upid]).ok();
    host.with_state(|state| {
        let task = state.tasks.iter_mut().find(|task| task.upid() == upid).unwrap();
        task.lines[0].text = format!("mount -o username=x,password={SECRET} //nas/x");
        let end = task.lines.last_mut().unwrap();
        end.text = format!("TASK ERROR: PVE:root@pam:6B0036A6::{SECRET}");
        task.exit = format!("login with PVE:root@pam:6B0036A6::{SECRET}");
    })
    .unwrap();
    for words in [
        &["task", "log", &upid][..],
        &["task", "log", &upid, "-o", "json"],
        &["task", "log", "-f", &upid],
        &["task", "show", &upid, "-o", "json"],
        &["task", "list", "-o", "json"],
        &["task", "list", "-o", "csv"],
        &["task", "wait", &upid],
        &["task", "wait", &upid, "-o", "json"],
    ] {
        let shown = host.run(words);
        assert!(shown.stdout.contains("***") || shown.stderr.contains("***"), "{shown}");
        tight(&host, &shown);
    }
}
