//! Storage definitions: each type has its own options.

use crate::support::Host;

#[test]
fn a_storage_from_creation_to_removal() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["storage", "create", "dir", "scratch", "--path", "/srv/scratch", "--content", "iso"]).ok();
    let shown = host.run(["storage", "show", "scratch", "-o", "json"]).ok().json();
    assert_eq!((shown["type"].as_str(), shown["path"].as_str()), (Some("dir"), Some("/srv/scratch")));
    host.run(["storage", "create", "nfs", "scratch", "--server", "192.0.2.5", "--export", "/x"])
        .fails(3)
        .says("felhom storage set scratch");
    host.run(["storage", "set", "scratch", "--content", "iso,vztmpl"]).ok();
    host.run(["storage", "remove", "scratch", "--confirm", "scratch"]).ok();
    host.run(["storage", "set", "scratch", "--content", "iso"]).fails(5).says("scratch");
}

#[test]
fn options_of_another_type_are_refused_before_anything_is_sent() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["storage", "create", "dir", "scratch", "--path", "/srv", "--server", "192.0.2.5"]).fails(2).says("--server");
    host.run(["storage", "create", "nfs", "share", "--server", "192.0.2.5"]).fails(2).says("--export");
    host.run(["storage", "create", "nosuch", "share"]).fails(2);
    assert!(host.requests().is_empty());
    host.run(["storage", "set", "local", "--krbd"]).fails(2).says("type dir").says("--krbd").says("felhom storage create dir --help");
    host.run(["storage", "set", "local", "--unset", "sparse"]).fails(2).says("--sparse");
    assert_eq!(host.count("PUT", "/storage/local"), 0);
}

#[test]
fn a_password_is_no_plain_value_of_a_flag() {
    let host = Host::demo().with_token("root@pam!demo");
    let words =
        ["storage", "create", "cifs", "office", "--server", "192.0.2.6", "--share", "x", "--username", "u", "--password", "hunter22"];
    host.run(words).fails(2);
    assert!(host.requests().is_empty());
}
