//! Impact of raw API calls: the checks of felhom's own commands apply to them too.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::api::{Call, Method, Request, Value, lenient, list};
use crate::fault::{Fault, Result};
use crate::guard::tags::{self, GuardedAction};
use crate::guard::{Done, Item};
use crate::ops::guests::{self, Guest};
use crate::ops::live::{self, Live, Power};
use crate::ops::settings::Wanted;
use crate::ops::{bulk, certificates, checks, destroy, node_power, nodes, reconfigure, sdn, snapshots};
use crate::routes::Risk;
use crate::session::Session;
use crate::units;

/// Adds what the call touches, loses and disrupts, or refuses it. A guest that does not exist has nothing to lose, and the host
/// refuses calls to guests that the token cannot see.
pub fn assess(session: &Session, request: &Request, item: Item) -> Result<Item> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let called =
        |vmid: &str| -> Result<Option<Guest>> { Ok(guests::all(session)?.into_iter().find(|g| g.vmid.to_string() == vmid.trim())) };
    match (request.method, &path[..]) {
        (Method::Post, ["nodes", _, "lxc" | "qemu", vmid, "status", word]) => match called(vmid)? {
            Some(guest) => power(session, &guest, word, item),
            None => Ok(item),
        },
        // Other calls with the same effect.
        (Method::Post, ["nodes", _, "qemu", vmid, "agent", "shutdown"]) => guarded(session, vmid, GuardedAction::Shutdown, item),
        (Method::Post, ["nodes", _, "qemu", vmid, "agent"]) if text(request, "command") == "shutdown" => {
            guarded(session, vmid, GuardedAction::Shutdown, item)
        }
        (Method::Post, ["nodes", _, "qemu", vmid, "monitor"]) => guarded(session, vmid, GuardedAction::Stop, item),
        (Method::Put, ["nodes", _, "qemu", vmid, "unlink"]) => guarded(session, vmid, GuardedAction::Delete, item),
        (Method::Put, ["cluster", "ha", "resources", sid]) if stops(request) => {
            guarded(session, number(sid), GuardedAction::Shutdown, item.risk(Risk::Disruptive))
        }
        (Method::Post, ["cluster", "ha", "resources"]) if stops(request) => {
            guarded(session, number(&text(request, "sid")), GuardedAction::Shutdown, item.risk(Risk::Disruptive))
        }
        (Method::Post, ["nodes", _, "lxc" | "qemu", vmid, "snapshot", name, "rollback"]) => match called(vmid)? {
            Some(guest) => rollback(session, &guest, name, item),
            None => Ok(item),
        },
        (Method::Delete, ["nodes", _, "lxc" | "qemu", vmid]) => match called(vmid)? {
            Some(guest) => delete(session, &guest, request, item),
            None => Ok(item),
        },
        (Method::Put | Method::Post, ["nodes", _, "lxc" | "qemu", vmid, "config"]) => match called(vmid)? {
            Some(guest) => config(session, &guest, request, item),
            None => Ok(item),
        },
        (Method::Post, ["nodes", _, "lxc" | "qemu"]) if flag(request, "force") => match called(&text(request, "vmid"))? {
            Some(guest) => Ok(overwrite(session, &guest, item)),
            None => Ok(item),
        },
        (Method::Post, ["nodes", node, word @ ("stopall" | "suspendall" | "migrateall")]) => {
            several(session, request, Some(node), (*word == "stopall").then_some(GuardedAction::Shutdown), item)
        }
        (Method::Post, ["cluster", "bulk-action", "guest", word @ ("shutdown" | "suspend" | "migrate")]) => {
            several(session, request, None, (*word == "shutdown").then_some(GuardedAction::Shutdown), item)
        }
        (Method::Post, ["nodes", node, "status"]) => node_down(session, node, item),
        (Method::Post, ["nodes", node, "execute"]) => batch(session, node, request, item),
        (Method::Delete, ["nodes", node, "storage", storage, "prunebackups"]) => prune(session, node, storage, request, item),
        (Method::Delete, ["nodes", _, "storage", _, "content", volume]) => volume_goes(session, volume, item),
        (Method::Put, ["cluster", "sdn"]) => sdn::assess(session, item),
        (Method::Put, ["nodes", node, "network"]) => Ok(item
            .touches(format!("node {node} reloads its network with the pending changes"))
            .caution(format!("a mistake cuts {node} and its guests off; `felhom api get /nodes/{node}/network` shows the settings"))),
        (Method::Post | Method::Delete, ["nodes", node, "certificates", "custom"]) => Ok(certificates::assess(node, item)),
        _ => checks::assess(session, request, item),
    }
}

/// Checks what a call did whose task ends with OK although a part of it failed.
pub fn verify(session: &Session, request: &Request, done: &Done) -> Result<()> {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (request.method, &path[..]) {
        (Method::Put, ["cluster", "sdn"]) => sdn::verify(session, done).map(drop),
        _ => bulk::verify(session, request, done),
    }
}

fn text(request: &Request, name: &str) -> String {
    request.param(name).map(Value::shown).unwrap_or_default()
}

fn flag(request: &Request, name: &str) -> bool {
    lenient::parse_bool(&text(request, name))
}

/// Whether HA is told to stop the guest.
fn stops(request: &Request) -> bool {
    matches!(text(request, "state").as_str(), "stopped" | "disabled")
}

/// Returns the VMID in an HA resource ID: `vm:101`, `ct:101`, `101`.
fn number(sid: &str) -> &str {
    sid.rsplit(':').next().unwrap_or(sid)
}

/// Checks each call of a batch as if it were sent alone. A batch that cannot be parsed is refused.
fn batch(session: &Session, node: &str, request: &Request, item: Item) -> Result<Item> {
    #[derive(serde::Deserialize)]
    struct Command {
        path: String,
        method: String,
        #[serde(default)]
        args: Map<String, Json>,
    }
    let commands: Vec<Command> = match serde_json::from_str(&text(request, "commands")) {
        Ok(commands) => commands,
        Err(error) => return Ok(item.refused(Fault::usage(format!("'commands' is not a list of commands: {error}")))),
    };
    commands.iter().try_fold(item, |item, command| {
        let method = match command.method.to_ascii_uppercase().as_str() {
            "GET" => return Ok(item),
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            other => return Ok(item.refused(Fault::usage(format!("'{other}' is not an API method")))),
        };
        let segments = command.path.split('/').filter(|segment| !segment.is_empty());
        let path = ["nodes", node].into_iter().chain(segments);
        let decoded = path.map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned());
        let mut inner = Request::new(method, decoded.collect());
        let values =
            command.args.iter().map(|(key, value)| (key.clone(), Value::Text(lenient::text(value).unwrap_or_else(|| value.to_string()))));
        inner.params.extend(values);
        assess(session, &inner, item.touches(inner.to_string()))
    })
}

/// Checks only the guest's protection.
fn guarded(session: &Session, vmid: &str, guarded_action: GuardedAction, item: Item) -> Result<Item> {
    let guest = guests::all(session)?.into_iter().find(|guest| guest.vmid.to_string() == vmid);
    let refusal = guest.and_then(|guest| tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&guest.tags), guarded_action));
    Ok(match refusal {
        Some(fault) => item.refused(fault),
        None => item,
    })
}

fn power(session: &Session, guest: &Guest, word: &str, item: Item) -> Result<Item> {
    let guarded_action = match word {
        "stop" => Some(GuardedAction::Stop),
        "shutdown" => Some(GuardedAction::Shutdown),
        "reboot" | "reset" => Some(GuardedAction::Reboot),
        "suspend" => None,
        _ => return Ok(item),
    };
    let live = seen(session, guest);
    let tags = live.as_ref().map_or(&guest.tags, |live| &live.tags);
    if let Some(fault) =
        guarded_action.and_then(|guarded_action| tags::refusal(&session.rules, &session.tags, &guest.target(), Some(tags), guarded_action))
    {
        return Ok(item.refused(fault));
    }
    Ok(match live {
        // A stopped guest is not disrupted.
        Some(Live { power: power @ (Power::Stopped | Power::Suspended), .. }) => {
            item.risk(Risk::Safe).touches(format!("{} is already {}", guest.label(), power.word()))
        }
        Some(live) => item.touches(format!("{} is {}", guest.label(), live.power.word())),
        None => item,
    })
}

/// Reads the guest's state; without it, the call keeps its risk from the routing table.
fn seen(session: &Session, guest: &Guest) -> Option<Live> {
    live::read(session, guest).ok()
}

fn rollback(session: &Session, guest: &Guest, name: &str, item: Item) -> Result<Item> {
    if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&guest.tags), GuardedAction::Rollback) {
        return Ok(item.refused(fault));
    }
    let all = snapshots::all(session, guest).unwrap_or_default();
    Ok(match all.iter().find(|snapshot| snapshot.name == name) {
        Some(snapshot) => item.loses(format!("everything that {} wrote since {}", guest.label(), snapshots::moment(snapshot))),
        None => item,
    })
}

fn delete(session: &Session, guest: &Guest, request: &Request, item: Item) -> Result<Item> {
    let found = destroy::archives(session, std::slice::from_ref(guest));
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()));
    let (Some(live), Ok(config)) = (seen(session, guest), config) else {
        // An unreadable guest counts as protected.
        return Ok(match tags::refusal(&session.rules, &session.tags, &guest.target(), None, GuardedAction::Delete) {
            Some(fault) => item.refused(fault),
            None => item,
        });
    };
    // With `force`, a raw call may also delete a running guest.
    let running = live.running() && !flag(request, "force");
    let stopped = if running { live.clone() } else { Live { power: Power::Stopped, ..live.clone() } };
    if let Some(fault) = destroy::refusal(session, guest, &stopped, &config, flag(request, "purge")) {
        return Ok(item.refused(fault));
    }
    let item = if live.running() { item.loses(format!("{} is {} and is stopped first", guest.label(), live.power.word())) } else { item };
    Ok(destroy::impact(session, guest, &live, &config, &found, item))
}

fn config(session: &Session, guest: &Guest, request: &Request, item: Item) -> Result<Item> {
    const STEERING: &[&str] = &["delete", "digest", "revert", "skiplock", "force", "background_delay"];
    // The configuration contains the protection: if it cannot be read, nothing is sent.
    let before = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let mut wanted = Wanted::default();
    for (key, value) in request.params.iter().filter(|(key, _)| !STEERING.contains(&key.as_str())) {
        wanted.set.insert(key.clone(), value.shown());
    }
    wanted.delete.extend(list::split(&text(request, "delete")).map(str::to_owned));
    if let Some(fault) = reconfigure::guarded(session, guest, &before, &wanted) {
        return Ok(item.refused(fault));
    }
    Ok(reconfigure::impact(item, guest, &before, &wanted, guest.running()))
}

fn overwrite(session: &Session, guest: &Guest, item: Item) -> Item {
    if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&guest.tags), GuardedAction::Overwrite) {
        return item.refused(fault);
    }
    item.risk(Risk::Irreversible).word(guest.vmid).loses(format!("the disks of {}, which are overwritten", guest.label()))
}

/// A call for several guests: the named ones, or all running ones.
fn several(session: &Session, request: &Request, node: Option<&str>, guarded_action: Option<GuardedAction>, item: Item) -> Result<Item> {
    // A node's call has one list; the cluster's repeats the parameter.
    let lists = request.params.iter().filter(|(name, _)| name == "vms").map(|(_, value)| value.shown()).collect::<Vec<_>>().join(",");
    let named: BTreeSet<u32> = list::split(&lists).filter_map(|vmid| vmid.parse().ok()).collect();
    let hit: Vec<Guest> = guests::running(session, node)?
        .into_iter()
        .filter(|guest| list::split(&lists).next().is_none() || named.contains(&guest.vmid))
        .collect();
    if let Some(fault) = node_power::guarded(session, &hit, "stop these guests").filter(|_| guarded_action.is_some()) {
        return Ok(item.refused(fault));
    }
    Ok(item.touches(format!("{} running guests: {}", hit.len(), node_power::listed(&hit))))
}

fn node_down(session: &Session, node: &str, item: Item) -> Result<Item> {
    let all = nodes::all(session)?;
    let running = guests::running(session, Some(node))?;
    if let Some(fault) = node_power::guarded(session, &running, &format!("stop node {node}")) {
        return Ok(item.refused(fault));
    }
    Ok(node_power::impact(session, item, node, &all, &running))
}

/// Adds the backups that the host would prune.
fn prune(session: &Session, node: &str, storage: &str, request: &Request, item: Item) -> Result<Item> {
    let mut preview: Call<Vec<Map<String, Json>>> = Call::get(crate::path!["nodes", node, "storage", storage, "prunebackups"]).slow();
    preview.request.params.clone_from(&request.params);
    let marked = match session.client()?.get(&preview) {
        Ok(marked) => marked,
        Err(fault) => return Ok(item.caution(format!("what would be deleted could not be read: {}", fault.message))),
    };
    let word = |map: &Map<String, Json>, key: &str| map.get(key).and_then(lenient::text).unwrap_or_default();
    let goes: Vec<&Map<String, Json>> = marked.iter().filter(|one| word(one, "mark") == "remove").collect();
    if goes.is_empty() {
        return Ok(item.risk(Risk::Safe).touches("no backups are pruned"));
    }
    let old = |one: &Map<String, Json>| one.get("ctime").and_then(lenient::integer).map_or(0, |ctime| units::now().saturating_sub(ctime));
    Ok(goes.into_iter().fold(item, |item, one| {
        item.loses(format!("{} ({} old)", word(one, "volid"), units::seconds(u64::try_from(old(one)).unwrap_or_default())))
    }))
}

/// Deletion of a volume: a backup, an image or a disk. The protection of the disk's guest applies.
fn volume_goes(session: &Session, volume: &str, item: Item) -> Result<Item> {
    let item = item.loses(format!("{volume} and its data"));
    let Some(vmid) = owner(volume) else { return Ok(item) };
    let Some(guest) = guests::all(session)?.into_iter().find(|guest| guest.vmid == vmid) else { return Ok(item) };
    if let Some(fault) = tags::refusal(&session.rules, &session.tags, &guest.target(), Some(&guest.tags), GuardedAction::Delete) {
        return Ok(item.refused(fault));
    }
    checks::volume(session, &guest, volume, item.caution(format!("it belongs to {}, which still exists", guest.label())))
}

/// Returns the VMID in a disk's volume ID: `local-lvm:vm-101-disk-0`, `dirct:101/vm-101-disk-0.raw`.
fn owner(volume: &str) -> Option<u32> {
    let name = volume.rsplit(['/', ':']).next()?;
    let rest = ["vm-", "base-", "subvol-", "basevol-"].iter().find_map(|prefix| name.strip_prefix(prefix))?;
    rest.split('-').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disks_have_a_guest_and_backups_have_none() {
        assert_eq!(owner("local-lvm:vm-101-disk-0"), Some(101));
        assert_eq!(owner("dirct:102/vm-102-disk-1.raw"), Some(102));
        assert_eq!(owner("zfs:base-900-disk-0/vm-103-disk-0"), Some(103));
        assert_eq!(owner("local:backup/vzdump-lxc-101-2026_11_20-12_01_44.tar.zst"), None);
        assert_eq!(owner("local:iso/vm-tools.iso"), None);
    }
}
