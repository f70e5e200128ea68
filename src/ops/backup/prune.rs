//! Pruning backups by a retention policy, guest by guest. The host decides which ones are removed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::api::backup::{self, Mark};
use crate::api::{GuestKind, storage};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Item, Step, Target};
use crate::ops::backup::archive::{self, Archive, Filter};
use crate::ops::backup::{Keep, hidden};
use crate::ops::guests::{self, Guest};
use crate::session::Session;

/// A backup with the effect of the retention policy.
#[derive(Debug, Clone, Serialize)]
pub struct Preview {
    #[serde(flatten)]
    pub archive: Archive,
    pub mark: &'static str,
}

/// The backups of one guest on one storage.
pub struct Group {
    pub node: String,
    pub storage: String,
    pub vmid: u32,
    pub kind: GuestKind,
    pub name: Option<String>,
    pub archives: Vec<(Archive, Mark)>,
}

/// Which backups to prune.
pub struct Wanted<'a> {
    pub keep: &'a Keep,
    pub storage: Option<&'a str>,
    /// Names or VMIDs of guests; all guests if empty. A deleted guest needs its VMID.
    pub guests: &'a [String],
}

pub fn word(mark: Mark) -> &'static str {
    match mark {
        Mark::Keep => "keep",
        Mark::Remove => "remove",
        Mark::Protected => "protected",
        Mark::Renamed => "renamed",
        Mark::Other => "unknown",
    }
}

/// Asks the host for the effect of the policy, for each guest and storage.
pub fn groups(session: &Session, wanted: &Wanted<'_>) -> Result<Vec<Group>> {
    let filter = Filter { storage: wanted.storage.map(str::to_owned), ..Filter::default() };
    let mut found = archive::all(session, &filter)?;
    if let Some(storage) = wanted.storage.filter(|name| !found.looked.contains(*name)) {
        let why = if found.unseen.is_empty() {
            "it does not exist, does not allow backups, or is hidden from the token".to_owned()
        } else {
            found.unseen.join("; ")
        };
        return Err(Fault::not_found(format!("cannot search storage '{storage}': {why}")));
    }
    found.warn(session);
    let existing = guests::all(session)?;
    let numbers = numbers(&existing, wanted.guests)?;
    let mut sorted: BTreeMap<(u32, &'static str, String, String), Vec<Archive>> = BTreeMap::new();
    for archive in std::mem::take(&mut found.archives) {
        if let (Some(vmid), Some(kind)) = (archive.vmid, archive.kind)
            && (numbers.is_empty() || numbers.contains(&vmid))
        {
            sorted.entry((vmid, kind.word(), archive.storage.clone(), archive.node.clone())).or_default().push(archive);
        }
    }
    if let Some(none) = numbers.iter().find(|vmid| !sorted.keys().any(|key| key.0 == **vmid)) {
        let fault = Fault::not_found(format!("no backup of {none} is visible to the token"));
        let hidden = hidden::of_list(session, &found, Some(*none));
        return Err(fault.with_hint(hidden.unwrap_or_else(|| "run `felhom backup list` to list the backups".into())));
    }
    sorted
        .into_iter()
        .map(|((vmid, kind, storage, node), archives)| {
            let kind = if kind == "lxc" { GuestKind::Lxc } else { GuestKind::Qemu };
            let marked = session.client()?.get(&backup::prune_preview(&node, &storage, &wanted.keep.wire(), vmid, kind))?;
            let mark = |a: &Archive| marked.iter().find(|m| m.volid == a.archive).map_or(Mark::Other, |m| m.mark);
            let archives = archives
                .into_iter()
                .map(|archive| {
                    let mark = mark(&archive);
                    (archive, mark)
                })
                .collect();
            let name = existing.iter().find(|g| g.vmid == vmid && g.kind == kind).and_then(|g| g.name.clone());
            Ok(Group { node, storage, vmid, kind, name, archives })
        })
        .collect()
}

fn numbers(existing: &[Guest], words: &[String]) -> Result<BTreeSet<u32>> {
    let words = words.iter().flat_map(|word| crate::api::list::split(word));
    words.map(|word| word.parse::<u32>().map_or_else(|_| guests::find(existing, word).map(|guest| guest.vmid), Ok)).collect()
}

impl Group {
    pub fn previews(&self) -> impl Iterator<Item = Preview> + '_ {
        self.archives.iter().map(|(archive, mark)| Preview { archive: archive.clone(), mark: word(*mark) })
    }

    fn marked(&self, mark: Mark) -> Vec<String> {
        self.archives.iter().filter(|(_, m)| *m == mark).map(|(archive, _)| archive.archive.clone()).collect()
    }
}

/// Prepares a call for each guest and storage with backups to remove.
pub fn plan(groups: &[Group], keep: &Keep) -> Change {
    let mut change = Change::new(format!("prune backups, keeping {keep}"));
    for group in groups {
        let target =
            Target { node: Some(group.node.clone()), vmid: Some(group.vmid), name: group.name.clone(), kind: Some(group.kind.word()) };
        let removed = group.marked(Mark::Remove);
        let mut item = Item::new("prune", target)
            .lane(format!("{} {}", group.node, group.storage))
            .extra("storage", group.storage.as_str())
            .extra("kept", group.marked(Mark::Keep).len())
            .extra("protected", group.marked(Mark::Protected).len())
            .extra("removed", Json::Array(Vec::new()));
        if removed.is_empty() {
            change.items.push(item.unchanged());
            continue;
        }
        for (archive, _) in group.archives.iter().filter(|(_, mark)| *mark == Mark::Remove) {
            item = item.loses(format!("{} ({} old)", archive.archive, crate::units::seconds(archive.age())));
        }
        item = item.fact("archives that go", removed.join(", ")).word(&group.storage);
        let call = backup::prune(&group.node, &group.storage, &keep.wire(), group.vmid, group.kind);
        change.items.push(item.step(Step::call("prune", call)));
    }
    change
}

/// Verifies after the task that the backups are removed.
pub fn verify(session: &Session, groups: &[Group], item: &Item) -> Result<Map<String, Json>> {
    let storage = item.extra.get("storage").and_then(Json::as_str).unwrap_or_default();
    let group = groups.iter().find(|g| {
        Some(g.vmid) == item.target.vmid
            && g.storage == storage
            && Some(&g.node) == item.target.node.as_ref()
            && Some(g.kind.word()) == item.target.kind
    });
    let Some(group) = group else { return Ok(Map::new()) };
    let call = storage::content(&group.node, &group.storage).with("content", "backup").with("vmid", group.vmid);
    let left: BTreeSet<String> = session.client()?.get(&call)?.into_iter().map(|volume| volume.volid).collect();
    let (gone, stayed): (Vec<String>, Vec<String>) = group.marked(Mark::Remove).into_iter().partition(|volid| !left.contains(volid));
    if !stayed.is_empty() {
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but these still exist: {}", stayed.join(", "))));
    }
    Ok(Map::from_iter([("removed".to_owned(), json!(gone))]))
}
