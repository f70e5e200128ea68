//! Root on the node, through ssh or on the node itself: no password, and nothing to compare.

use std::os::unix::fs::PermissionsExt;

use felhom::demo::Options;

use super::support::{Fresh, PASSWORD};
use crate::support::{Host, Run, demo_options, need_tool, run};

/// A folder with a `pvesh` that asks this host as root@pam, and an `ssh` that ends on this machine.
fn node(fresh: &Fresh) -> Option<String> {
    need_tool("curl")?;
    need_tool("jq")?;
    let folder = fresh.host.home.path().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let put = |name: &str, text: &str| {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).unwrap();
    };
    put("pvesh", include_str!("../support/pvesh"));
    put("pvesh.env", &format!("FELHOM_STANDIN_ENDPOINT={}\nFELHOM_STANDIN_PASSWORD={PASSWORD}\n", fresh.host.endpoint()));
    put("ssh", "#!/bin/sh\nfor last; do :; done\nexec sh -c \"$last\"\n");
    Some(format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default()))
}

fn bootstrap(fresh: &Fresh, path: &str, via: &str, more: &[&str]) -> Run {
    let address = fresh.address();
    let mut args = vec!["role", "bootstrap", "--host", &address, "--via", via, "--store", "file"];
    args.extend(more);
    run(fresh.host.home.felhom(args).env("PATH", path))
}

#[test]
fn root_on_the_node_needs_no_password_and_vouches_for_the_certificate() {
    for via in ["ssh", "local"] {
        let fresh = Fresh::new();
        let Some(path) = node(&fresh) else { return };
        let made = bootstrap(&fresh, &path, via, &["-o", "json"]).ok().json();
        assert_eq!((made["trust"].as_str(), made["token_id"].as_str()), (Some("ca"), Some("felhom@pve!agent")), "{made}");
        assert!(made["missing"].as_array().unwrap().is_empty());
        let list = fresh.felhom(&["guest", "list", "-o", "id"]).ok();
        assert_eq!(list.lines().len(), 5, "{list}");
        assert!(!fresh.config().contains("transport"), "the new context goes over https: {}", fresh.config());
        assert_eq!(bootstrap(&fresh, &path, via, &[]).ok().stdout, "nothing to do\n", "{via}");
    }
}

#[test]
fn a_bootstrap_over_ssh_of_a_context_without_an_endpoint_takes_the_address_of_the_node() {
    // The port of a real node, at an address that nothing else uses.
    let listen = "127.8.0.6:8006";
    let fresh = Fresh { host: Host::with(&Options { baseline: true, listen: listen.parse().unwrap(), ..demo_options() }) };
    let Some(path) = node(&fresh) else { return };
    fresh.host.with_state(|state| state.nodes.values_mut().for_each(|node| node.ip = "127.8.0.6".into())).unwrap();
    fresh.host.home.configure("current = \"node\"\n[contexts.node]\ntransport = \"ssh\"\n[contexts.node.ssh]\nhost = \"root@node\"\n");
    let args = ["role", "bootstrap", "--via", "ssh", "--store", "file", "-o", "json"];
    let made = run(fresh.host.home.felhom(args).env("PATH", &path)).ok().json();
    assert_eq!((made["trust"].as_str(), made["context"].as_str()), (Some("ca"), Some("node")), "{made}");
    assert!(fresh.config().contains(listen) && fresh.config().contains("root@node"), "{}", fresh.config());
    let list = fresh.felhom(&["guest", "list", "-o", "id"]).ok();
    assert_eq!(list.lines().len(), 5, "{list}");
}
