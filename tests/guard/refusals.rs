//! What felhom itself refuses is exit code 3, and nothing is sent.

use crate::support::Host;

/// Command lines that felhom refuses on the demo site, with a word of the reason.
const REFUSED: &[(&[&str], &str)] = &[
    (&["guest", "restore", "--from", "101", "--vmid", "102", "--storage", "local-lvm"], "102"),
    (&["guest", "restore", "--from", "101", "--vmid", "101", "--overwrite", "--storage", "local-lvm"], "running"),
    (&["guest", "suspend", "202"], "stopped"),
    (&["guest", "resume", "202"], "stopped"),
    (&["guest", "start", "120"], "lock"),
    (&["guest", "stop", "110"], "--yes"),
    (&["guest", "stop", "101", "--read-only"], "FELHOM_READ_ONLY"),
    (&["guest", "delete", "101", "--confirm", "101"], "running"),
    (&["guest", "delete", "202"], "--confirm 202"),
    (&["guest", "clone", "900", "--vmid", "101"], "101"),
    (&["guest", "mountpoint", "add", "102", "--volume", "local-lvm:1", "--path", "/srv/dumps"], "/srv/dumps"),
    (&["snapshot", "create", "101", "before-update"], "before-update"),
    (&["snapshot", "rollback", "101", "before-update"], "--confirm before-update"),
    (&["backup", "job", "create", "nightly", "--storage", "local", "--schedule", "02:00", "--guest", "110"], "nightly"),
    (&["node", "reboot", "pve1"], "--confirm pve1"),
];

#[test]
fn every_refusal_of_felhom_is_exit_3_and_sends_nothing() {
    let host = Host::demo().with_token("root@pam!demo");
    host.run(["snapshot", "create", "101", "before-update"]).ok();
    let before = writes(&host);
    for (words, reason) in REFUSED {
        let run = host.run(*words).fails(3);
        assert!(run.stderr.contains(reason), "{words:?} does not name '{reason}': {run}");
        assert_eq!(writes(&host), before, "{words:?} sent something: {run}");
    }
}

fn writes(host: &Host) -> usize {
    host.requests().iter().filter(|request| request.method != "GET").count()
}
