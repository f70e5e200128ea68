//! Tasks of the last days, successful and failed.

use super::DAY;
use crate::demo::state::State;
use crate::demo::tasks::{self, TaskSpec};

pub(super) fn add(state: &mut State, now: i64) {
    let tonight = super::last_night(now);
    let mut past: Vec<(i64, &str, &str, TaskSpec)> = Vec::new();
    for night in (0..3).rev() {
        past.push((tonight - night * DAY, "pve1", "root@pam", nightly(&[("101", "web", 34), ("102", "db", 190)])));
        past.push((
            tonight - night * DAY + 1,
            "pve2",
            "root@pam",
            nightly(&[("103", "mail", 71), ("104", "dns", 12), ("201", "homeassistant", 240)]),
        ));
    }
    past.push((now - 9 * DAY, "pve1", "root@pam", TaskSpec::new("vzsnapshot", 101_u32).takes(1.0).ok()));
    past.push((now - 6 * DAY, "pve1", "felhom@pve!agent", TaskSpec::new("vzstart", 110_u32).takes(3.0).ok()));
    past.push((now - 4 * DAY, "pve2", "root@pam", TaskSpec::new("qmsnapshot", 201_u32).log("snapshotting 'drive-scsi0'").takes(4.0).ok()));
    let refused = TaskSpec::new("vzdump", 120_u32)
        .log("INFO: starting new backup job: vzdump 120 --storage local --mode stop")
        .takes(2.0)
        .log("ERROR: Backup of VM 120 failed - no space left on device")
        .log("INFO: Backup job finished with errors");
    past.push((now - 2 * DAY, "pve2", "root@pam", refused.fail("job errors")));
    let update = TaskSpec::new("aptupdate", "").log("starting apt-get update").takes(6.0).log("Reading package lists...");
    past.push((now - DAY / 2, "pve1", "root@pam", update.ok()));
    let warned = TaskSpec::new("qmstart", 203_u32).log("WARN: no efidisk configured! Using temporary efivars disk.").takes(2.0);
    past.push((now - 3 * DAY, "pve3", "root@pam", warned.warnings(1)));
    past.sort_by_key(|(at, ..)| *at);

    // Past tasks ran at speed 1.
    let speed = std::mem::replace(&mut state.speed, 1.0);
    for (at, node, user, spec) in past {
        if state.nodes.contains_key(node) {
            tasks::start(state, spec, node, user, at * 1000);
        }
    }
    state.speed = speed;
}

fn nightly(guests: &[(&str, &str, u32)]) -> TaskSpec {
    let ids: Vec<&str> = guests.iter().map(|(id, ..)| *id).collect();
    let mut spec = TaskSpec::new("vzdump", "")
        .log(format!("INFO: starting new backup job: vzdump {} --mode snapshot --storage nas --compress zstd --quiet 1", ids.join(" ")));
    for (id, name, seconds) in guests {
        spec = spec
            .log(format!("INFO: Starting Backup of VM {id} (lxc)"))
            .log("INFO: status = running")
            .log(format!("INFO: CT Name: {name}"))
            .takes(f64::from(*seconds))
            .log(format!("INFO: archive file size: {}MB", seconds * 19))
            .log(format!("INFO: Finished Backup of VM {id} ({:02}:{:02}:{:02})", seconds / 3600, seconds / 60 % 60, seconds % 60));
    }
    spec.log("INFO: Backup job finished successfully").ok()
}
