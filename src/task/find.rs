//! A change whose answer was lost is never sent again: its task is looked for instead.

use crate::api::tasks::{self, Filter};
use crate::api::{Request, Upid};
use crate::fault::{Fault, Kind, Result};
use crate::routes;
use crate::transport::Client;

/// What is known of a task whose UPID did not arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The node that runs it; `None` for a call of the whole cluster.
    pub node: Option<String>,
    /// Its type; several joined by `|`, if it may be one of them.
    pub kind: String,
    /// The ID in its UPID, if that is known.
    pub id: Option<String>,
    pub user: String,
    /// The earliest time it can have started, by the host's clock, in Unix seconds.
    pub since: u64,
}

/// What to look for after the answer to `request` was lost. `None` if it starts no task. `since` is the host's time when it was sent.
pub fn lost(client: &Client, request: &Request, since: u64) -> Option<Lost> {
    let (row, bound) = routes::find(request)?;
    let kind = task_types(row.task?, request);
    let param = |name: &str| request.param(name).map(crate::api::Value::shown);
    let id = match (bound.get("vmid"), param("vmid")) {
        (Some(vmid), _) => Some(vmid.clone()),
        // A backup of several guests is one task without an ID.
        (None, Some(vmid)) => Some(if vmid.parse::<u32>().is_ok() { vmid } else { String::new() }),
        (None, None) => None,
    };
    Some(Lost { node: bound.get("node").cloned(), kind, id, user: client.who().to_owned(), since })
}

/// The types of task that a call starts. Creating and restoring are one call; requests for guests under HA are tasks of their own.
fn task_types(usual: &'static str, request: &Request) -> String {
    let restores = request.param("restore").is_some_and(|value| value.shown() == "1") || request.param("archive").is_some();
    match usual {
        "vzcreate|vzrestore" => if restores { "vzrestore" } else { "vzcreate" }.into(),
        "qmcreate|qmrestore" => if restores { "qmrestore" } else { "qmcreate" }.into(),
        "vzstart" | "qmstart" => format!("{usual}|hastart"),
        "vzstop" | "qmstop" | "vzshutdown" | "qmshutdown" => format!("{usual}|hastop"),
        "vzmigrate" | "qmigrate" => format!("{usual}|hamigrate"),
        other => other.into(),
    }
}

/// The task that the lost answer named. If several could be it, the outcome is unknown too.
pub fn find_lost(client: &Client, lost: &Lost) -> Result<Upid> {
    let entries = match &lost.node {
        Some(node) => {
            let filter = Filter {
                vmid: lost.id.as_ref().and_then(|id| id.parse().ok()),
                kind: (!lost.kind.contains('|')).then(|| lost.kind.clone()),
                since: Some(lost.since),
                limit: 50,
                ..Filter::default()
            };
            client.get(&tasks::list(node, &filter))?
        }
        None => client.get(&tasks::recent())?,
    };
    let mut found: Vec<Upid> = entries.into_iter().map(|entry| entry.upid).filter(|upid| fits(lost, upid) && !client.knows(upid)).collect();
    found.dedup();
    let place = lost.node.as_ref().map_or_else(|| "the cluster".to_owned(), |node| format!("node '{node}'"));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Fault::new(
            Kind::Unknown,
            format!("{} started no {} task on {place} since then", lost.user, lost.kind.replace('|', " or ")),
        )),
        n => {
            let names: Vec<String> = found.iter().map(Upid::to_string).collect();
            Err(Fault::new(Kind::Unknown, format!("{n} tasks match: {}", names.join(", "))))
        }
    }
}

fn fits(lost: &Lost, upid: &Upid) -> bool {
    lost.kind.split('|').any(|kind| upid.kind == kind)
        && upid.user == lost.user
        && upid.starttime >= lost.since
        && lost.id.as_ref().is_none_or(|id| *id == upid.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_is_another_type_of_task_than_a_creation() {
        let call = |name: &str, value: &str| crate::api::Call::<()>::post(crate::path!["nodes", "pve1", "lxc"]).with(name, value).request;
        assert_eq!(task_types("vzcreate|vzrestore", &call("restore", "1")), "vzrestore");
        assert_eq!(task_types("vzcreate|vzrestore", &call("restore", "0")), "vzcreate");
        assert_eq!(task_types("qmcreate|qmrestore", &call("archive", "local:backup/x.vma")), "qmrestore");
        assert_eq!(task_types("qmcreate|qmrestore", &call("memory", "512")), "qmcreate");
        assert_eq!(task_types("vzdump", &call("restore", "1")), "vzdump");
        assert_eq!(task_types("vzstart", &call("skiplock", "1")), "vzstart|hastart");
    }

    #[test]
    fn only_a_task_of_the_same_type_guest_user_and_time_fits() {
        let lost = Lost {
            node: Some("pve1".into()),
            kind: "vzdump".into(),
            id: Some("101".into()),
            user: "felhom@pve!agent".into(),
            since: 0x6B00_36A6,
        };
        let upid = |text: &str| text.parse::<Upid>().expect("a UPID");
        assert!(fits(&lost, &upid("UPID:pve1:00000110:00036452:6B0036A6:vzdump:101:felhom@pve!agent:")));
        assert!(!fits(&lost, &upid("UPID:pve1:00000110:00036452:6B0036A5:vzdump:101:felhom@pve!agent:")));
        assert!(!fits(&lost, &upid("UPID:pve1:00000110:00036452:6B0036A6:vzdump:102:felhom@pve!agent:")));
        assert!(!fits(&lost, &upid("UPID:pve1:00000110:00036452:6B0036A6:vzdump:101:root@pam:")));
        assert!(!fits(
            &Lost { id: Some(String::new()), ..lost },
            &upid("UPID:pve1:00000110:00036452:6B0036A6:vzdump:101:felhom@pve!agent:")
        ));
    }
}
