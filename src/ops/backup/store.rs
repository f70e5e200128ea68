//! The target storage of backups.

use std::collections::BTreeMap;

use crate::api::storage::{self, Storage};
use crate::fault::{Fault, Kind, Result};
use crate::session::Session;

/// The storages of each node, or the error of a node.
pub type PerNode = BTreeMap<String, Result<Vec<Storage>>>;

/// Lists the storages of these nodes.
pub fn per_node<'a>(session: &Session, nodes: impl IntoIterator<Item = &'a str>) -> Result<PerNode> {
    let mut found = PerNode::new();
    for node in nodes {
        if found.contains_key(node) {
            continue;
        }
        let answer = match session.client()?.get(&storage::list(node)) {
            Err(fault) if fault.kind != Kind::NodeDown => return Err(fault),
            settled => settled,
        };
        found.insert(node.to_owned(), answer);
    }
    Ok(found)
}

/// Returns the names of usable storages.
pub fn names(stores: &[Storage], content: &str) -> Vec<String> {
    stores.iter().filter(|s| s.allows(content) && s.enabled && s.active).map(|s| s.storage.clone()).collect()
}

/// Returns the named storage, or the only one for backups.
pub fn choose(found: &PerNode, wanted: Option<&str>) -> Result<String> {
    let seen: Vec<&Storage> = found.values().filter_map(|answer| answer.as_ref().ok()).flatten().collect();
    let mut fit: Vec<String> =
        found.values().filter_map(|answer| answer.as_ref().ok()).flat_map(|stores| names(stores, "backup")).collect();
    fit.sort();
    fit.dedup();
    let would_do = if fit.is_empty() { "allow backups on a storage first".to_owned() } else { format!("use one of: {}", fit.join(", ")) };
    let Some(wanted) = wanted else {
        return match &fit[..] {
            [only] => Ok(only.clone()),
            [] if seen.is_empty() && found.values().any(Result::is_err) => {
                Err(found.values().find_map(|answer| answer.clone().err()).unwrap_or_else(|| Fault::other("no node answered")))
            }
            [] => Err(Fault::not_found("there is no storage that takes backups and that this token may see")
                .with_hint("grant Datastore.AllocateSpace on /storage/NAME; `felhom storage list` shows the visible ones")),
            _ => {
                Err(Fault::usage("missing --storage: several storages allow backups").with_hint(format!("choose from {}", fit.join(", "))))
            }
        };
    };
    if !seen.iter().any(|s| s.storage == wanted) {
        return Err(Fault::not_found(format!("no storage '{wanted}', or the token cannot see it")).with_hint(would_do));
    }
    Ok(wanted.to_owned())
}

/// Checks that a storage is usable on a node.
pub fn check<'a>(stores: &'a [Storage], name: &str, node: &str, content: &str) -> Result<&'a Storage> {
    let fit = names(stores, content);
    let would_do = if fit.is_empty() {
        format!("allow {content} on a storage of {node} first")
    } else {
        format!("use a storage of {node} that allows {content}: {}", fit.join(", "))
    };
    let Some(store) = stores.iter().find(|s| s.storage == name) else {
        return Err(Fault::not_found(format!("no storage '{name}' on {node}, or the token cannot see it")).with_hint(would_do));
    };
    if !store.allows(content) {
        let why = match (content, store.kind.as_str()) {
            ("backup", "lvm" | "lvmthin" | "zfspool" | "rbd" | "iscsi" | "iscsidirect" | "zfs") => {
                format!("it is block storage ({}), which cannot store files", store.kind)
            }
            _ => format!("its content types are {}", if store.content.is_empty() { "empty" } else { &store.content }),
        };
        return Err(Fault::refused(format!("storage '{name}' on {node} does not allow {content}: {why}")).with_hint(would_do));
    }
    if !store.enabled {
        return Err(Fault::refused(format!("storage '{name}' is disabled on {node}")).with_hint(would_do));
    }
    if !store.active {
        return Err(Fault::refused(format!("storage '{name}' is not active on {node}: check its disk or server")).with_hint(would_do));
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stores() -> Vec<Storage> {
        serde_json::from_value(json!([
            {"storage": "local", "type": "dir", "content": "iso,backup", "enabled": 1, "active": 1},
            {"storage": "local-lvm", "type": "lvmthin", "content": "rootdir,images", "enabled": 1, "active": 1},
            {"storage": "usb", "type": "dir", "content": "backup", "enabled": 1, "active": 0},
        ]))
        .expect("storages")
    }

    #[test]
    fn the_only_storage_is_chosen_and_unusable_ones_are_refused() {
        let found: PerNode = [("pve1".to_owned(), Ok(stores()))].into();
        assert_eq!(choose(&found, None).expect("one allows backups"), "local");
        assert_eq!(choose(&found, Some("nosuch")).expect_err("none").kind, Kind::NotFound);
        let fault = check(&stores(), "local-lvm", "pve1", "backup").expect_err("block storage");
        assert_eq!(fault.kind, Kind::Refused);
        assert!(fault.message.contains("block storage") && fault.hint().contains("local"), "{fault:?}");
        assert!(check(&stores(), "usb", "pve1", "backup").expect_err("no disk").message.contains("not active"));
        let mut two = stores();
        two[2].active = true;
        assert_eq!(choose(&[("pve1".to_owned(), Ok(two))].into(), None).expect_err("two of them").exit_code(), 2);
    }
}
