//! A change whose answer was lost is never sent twice: its task is looked for instead.

use crate::api::tasks::{self, Filter};
use crate::api::{Call, Request, Upid};
use crate::fault::{Fault, Kind, Result};
use crate::routes;
use crate::transport::Client;

/// What is known of a task whose UPID never arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    pub node: String,
    /// Its type; several joined by `|`, where it may be one of them.
    pub kind: String,
    /// The guest's number, where the task has one.
    pub id: Option<String>,
    pub user: String,
    /// The host's time when it was sent, in Unix seconds.
    pub since: u64,
}

/// Slack for the clocks: a task's start has whole seconds.
const SLACK: u64 = 2;

/// What to look for after `request` was sent at our time `sent` and its answer was lost. `None` where it starts no task.
pub fn lost(client: &Client, request: &Request, sent: u64) -> Option<Lost> {
    let (row, bound) = routes::find(request)?;
    let kind = task_type(row.task?, request).to_owned();
    // An answer tells the host's clock; the lost one may have been the first.
    let _ = client.get_once(&Call::<serde_json::Value>::get(crate::path!["version"]));
    let single = |text: String| (!text.contains(',')).then_some(text);
    let id = bound.get("vmid").cloned().or_else(|| request.param("vmid").map(crate::api::Value::shown)).and_then(single);
    let since = u64::try_from(i64::try_from(sent).ok()? + client.clock_ahead()).unwrap_or(sent).saturating_sub(SLACK);
    Some(Lost { node: bound.get("node").cloned()?, kind, id, user: client.who().to_owned(), since })
}

/// Creating and restoring are one call with two types of task.
fn task_type(usual: &'static str, request: &Request) -> &'static str {
    let restores = request.param("restore").is_some_and(|value| value.shown() == "1") || request.param("archive").is_some();
    match usual {
        "vzcreate" | "vzrestore" => {
            if restores {
                "vzrestore"
            } else {
                "vzcreate"
            }
        }
        "qmcreate" | "qmrestore" => {
            if restores {
                "qmrestore"
            } else {
                "qmcreate"
            }
        }
        other => other,
    }
}

/// The task that the lost answer named. More than one that could be it is an unknown outcome too.
pub fn find_lost(client: &Client, lost: &Lost) -> Result<Upid> {
    let filter = Filter {
        vmid: lost.id.as_ref().and_then(|id| id.parse().ok()),
        kind: (!lost.kind.contains('|')).then(|| lost.kind.clone()),
        since: Some(lost.since),
        limit: 50,
        ..Filter::default()
    };
    let mut found: Vec<Upid> =
        client.get(&tasks::list(&lost.node, &filter))?.into_iter().map(|entry| entry.upid).filter(|upid| fits(lost, upid)).collect();
    found.dedup();
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Fault::new(Kind::Unknown, format!("{} has begun no {} task on {}", lost.user, lost.kind, lost.node))),
        n => {
            let names: Vec<String> = found.iter().map(Upid::to_string).collect();
            Err(Fault::new(Kind::Unknown, format!("{n} tasks could be it: {}", names.join(", "))))
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
        let call = |name: &str, value: &str| Call::<()>::post(crate::path!["nodes", "pve1", "lxc"]).with(name, value).request;
        assert_eq!(task_type("vzcreate", &call("restore", "1")), "vzrestore");
        assert_eq!(task_type("vzcreate", &call("restore", "0")), "vzcreate");
        assert_eq!(task_type("qmrestore", &call("archive", "local:backup/x.vma")), "qmrestore");
        assert_eq!(task_type("qmrestore", &call("memory", "512")), "qmcreate");
        assert_eq!(task_type("vzdump", &call("restore", "1")), "vzdump");
    }

    #[test]
    fn only_a_task_of_the_same_kind_guest_user_and_time_fits() {
        let lost = Lost {
            node: "pve1".into(),
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
    }
}
