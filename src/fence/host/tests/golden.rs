//! Golden containers: arguments of `pct`, policy, errors of `pct`.

use std::fs;

use serde_json::{Value, json};

use super::TestHost;
use crate::fence::protocol::{ErrorKind, Word};
use crate::fence::simulated::SimulatedTools;

pub(super) fn golden() -> Value {
    json!({"vmid":9000,"template":"local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst","storage":"local-lvm","size_gib":8,"hostname":"gold",
        "cores":2,"memory_mib":1024,"nets":[{"bridge":"vmbr0","ip":"dhcp","ip6":{"static":{"address":"2001:db8::9","prefix":64}},"vlan":20,"firewall":true}],
        "nameservers":["192.0.2.1","2001:db8::1"],"tags":["golden"],"password":"correct horse",
        "ssh_keys":["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA me@here"]})
}

#[test]
fn the_arguments_are_fixed_and_do_not_contain_the_password() {
    let host = TestHost::new();
    let keys = host.root().join("run/felhom/keys-9000");
    let tools = SimulatedTools::new(host.root()).with_pct(|words, stdin| {
        assert_eq!(
            words.join(" "),
            "create 9000 local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst --unprivileged 1 --features nesting=1,keyctl=1 --hostname gold \
             --rootfs local-lvm:8 --cores 2 --memory 1024 --net0 name=eth0,bridge=vmbr0,ip=dhcp,ip6=2001:db8::9/64,tag=20,firewall=1 \
             --nameserver 192.0.2.1 2001:db8::1 --tags golden --ssh-public-keys /run/felhom/keys-9000 --password"
        );
        assert_eq!(stdin, b"correct horse\ncorrect horse\n");
        assert!(fs::read_to_string(&keys).expect("the keys").starts_with("ssh-ed25519 "));
        Ok("extracting archive\n".into())
    });
    let reply = host.ask_with(&tools, Word::GoldenCreate, &golden());
    assert_eq!(reply.ok.expect("an answer")["log"], json!(["extracting archive"]));
    assert!(!keys.exists(), "the key file is removed");
    assert!(!host.read("var/log/felhom-fence.log").contains("horse"));
    assert_eq!(host.refused(Word::GoldenCreate, &golden()).0, ErrorKind::Exists);
}

#[test]
fn the_policy_limits_golden_containers() {
    let host = TestHost::new();
    let with = |key: &str, value: Value| {
        let mut request = golden();
        request[key] = value;
        host.refused(Word::GoldenCreate, &request)
    };
    for (key, value) in [
        ("vmid", json!(99)),
        ("storage", json!("other")),
        ("template", json!("other:vztmpl/d.tar.gz")),
        ("size_gib", json!(33)),
        ("memory_mib", json!(4097)),
        ("cores", json!(5)),
        ("nets", json!([{"bridge":"vmbr9"}])),
    ] {
        assert_eq!(with(key, value.clone()).0, ErrorKind::Policy, "{key} {value}");
    }
    for (key, value) in [
        ("template", json!("-")),
        ("template", json!("local:backup/vzdump-lxc-101.tar.zst")),
        ("mp0", json!("/etc,mp=/x")),
        ("features", json!({"nesting":true,"keyctl":false})),
        ("features", json!({"mount":"nfs"})),
        ("hostname", json!("--help")),
        ("nets", json!([{"bridge":"vmbr0,ip=1"}])),
        ("nets", json!([{"bridge":"vmbr0","ip":{"static":{"address":"192.0.2.1","prefix":33}}}])),
        ("size_gib", json!(0)),
    ] {
        assert_eq!(with(key, value.clone()).0, ErrorKind::BadRequest, "{key} {value}");
    }
}

/// Item 18.
#[test]
fn a_missing_value_counts_as_the_default_of_pct() {
    let host = TestHost::new();
    let policy = host.read("etc/felhom/fence.toml");
    let set_limit = |limit: &str, value: u32| {
        let text = policy.lines().filter(|line| !line.starts_with(limit)).collect::<Vec<_>>().join("\n");
        fs::write(host.root().join("etc/felhom/fence.toml"), format!("{text}\n{limit} = {value}\n")).expect("written");
    };
    let without = |keys: &[&str]| {
        let mut request = golden();
        keys.iter().for_each(|key| drop(request.as_object_mut().expect("an object").remove(*key)));
        let error = host.ask(Word::GoldenCreate, &request).error.expect("a refusal");
        (error.kind, error.message, error.hint.unwrap_or_default())
    };
    // All CPUs of the host, 512 MiB of memory and 512 MiB of swap.
    set_limit("max_cores", 3);
    let (kind, text, hint) = without(&["cores"]);
    assert!(kind == ErrorKind::Policy && text.contains("cores 4") && hint.contains("--cores 3"), "{text}: {hint}");
    set_limit("max_memory_mib", 511);
    let (kind, text, hint) = without(&["memory_mib"]);
    assert!(kind == ErrorKind::Policy && text.contains("memory 512") && hint.contains("--memory 511"), "{text}: {hint}");
    let mut request = golden();
    request["memory_mib"] = json!(511);
    let error = host.ask(Word::GoldenCreate, &request).error.expect("a refusal");
    assert!(error.kind == ErrorKind::Policy && error.message.contains("swap 512"), "{error}");
    request["swap_mib"] = json!(0);
    host.ok(Word::GoldenCreate, &request);
    // If the number of CPUs is unknown, no default is allowed.
    fs::write(host.root().join("etc/felhom/fence.toml"), &policy).expect("written");
    fs::write(host.root().join("sys/devices/system/cpu/present"), "0,2-5,7\n").expect("written");
    assert!(without(&["cores"]).1.contains("cores 6"));
    fs::remove_file(host.root().join("sys/devices/system/cpu/present")).expect("removed");
    assert_eq!(without(&["cores"]).0, ErrorKind::Internal);
}

#[test]
fn an_error_of_pct_is_passed_on() {
    let host = TestHost::new();
    let tools = SimulatedTools::new(host.root()).with_pct(|_, _| Err("storage 'local-lvm' is not online".into()));
    let envelope = host.ask_with(&tools, Word::GoldenCreate, &golden());
    assert_eq!(envelope.exit(), 19, "255 is ssh's own exit code");
    let error = envelope.error.expect("a failure");
    assert_eq!((error.kind, error.code, error.text.as_deref()), (ErrorKind::Tool, Some(255), Some("storage 'local-lvm' is not online")));
}
