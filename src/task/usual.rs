//! Durations of earlier tasks, as an estimate for tasks without a percentage in their log.

use std::time::Duration;

use crate::api::Upid;
use crate::api::tasks::{self, Entry, Filter, Verdict};
use crate::transport::Client;

/// Task types that take long enough for an estimate.
const LONG: &[&str] = &[
    "vzdump",
    "vzcreate",
    "vzrestore",
    "qmcreate",
    "qmrestore",
    "vzclone",
    "qmclone",
    "vzmigrate",
    "qmigrate",
    "move_volume",
    "qmmove",
    "resize",
    "vzsnapshot",
    "qmsnapshot",
    "vzrollback",
    "qmrollback",
];
/// Minimum number of earlier tasks.
const ENOUGH: usize = 2;

/// Returns the median duration of the guest's earlier tasks of this type, or `None` if the list cannot be read.
pub fn usual(client: &Client, upid: &Upid) -> Option<Duration> {
    if !LONG.contains(&upid.kind.as_str()) {
        return None;
    }
    let filter = Filter { vmid: Some(upid.vmid()?), kind: Some(upid.kind.clone()), limit: 10, ..Filter::default() };
    middle(&client.get_once(&tasks::list(&upid.node, &filter)).ok()?)
}

fn middle(earlier: &[Entry]) -> Option<Duration> {
    let good = |entry: &&Entry| entry.status.as_deref().is_some_and(|status| Verdict::of(status).good());
    let mut took: Vec<u64> = earlier.iter().filter(good).filter_map(|entry| Some(entry.endtime?.saturating_sub(entry.starttime))).collect();
    took.sort_unstable();
    let middle = *took.get(took.len() / 2)?;
    (took.len() >= ENOUGH && middle > 0).then(|| Duration::from_secs(middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(took: u64, status: &str) -> Entry {
        let upid = "UPID:pve1:00000110:00036452:6B0036A6:vzdump:101:root@pam:";
        serde_json::from_value(serde_json::json!({"upid": upid, "starttime": 100, "endtime": 100 + took, "status": status}))
            .expect("an entry")
    }

    #[test]
    fn the_middle_of_those_that_ended_well() {
        assert_eq!(
            middle(&[entry(10, "OK"), entry(900, "OK"), entry(12, "WARNINGS: 1"), entry(1, "job errors")]),
            Some(Duration::from_secs(12))
        );
        assert_eq!(middle(&[entry(10, "OK")]), None, "one is not the usual");
        assert_eq!(middle(&[]), None);
    }
}
