//! Listing guests, and selecting them by name, VMID or properties.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::api::cluster::{self, Resource};
use crate::api::list;
use crate::api::{GuestKind, Place, lenient};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Target;
use crate::ops::nodes;
use crate::session::Session;

/// Status of a guest on an offline node.
const UNKNOWN: &str = "unknown";

/// A guest as the cluster lists it.
#[derive(Debug, Clone, Serialize)]
pub struct Guest {
    pub context: String,
    pub node: String,
    pub vmid: u32,
    pub name: Option<String>,
    pub kind: GuestKind,
    /// `unknown` while its node is offline.
    pub status: String,
    /// The last known status of a guest on an offline node.
    pub last_status: Option<String>,
    /// Whether the cluster lists its node as offline.
    #[serde(skip)]
    pub offline: bool,
    pub tags: Vec<String>,
    pub pool: Option<String>,
    pub lock: Option<String>,
    pub template: bool,
    pub ha_state: Option<String>,
    pub cpus: Option<f64>,
    /// CPU usage, 0 to 1.
    pub cpu: Option<f64>,
    pub memory_bytes: Option<u64>,
    pub memory_used_bytes: Option<u64>,
    pub disk_bytes: Option<u64>,
    pub uptime_s: Option<u64>,
}

impl Guest {
    fn of(context: &str, resource: Resource) -> Option<Self> {
        let kind = resource.guest_kind()?;
        Some(Self {
            context: context.into(),
            node: resource.node,
            vmid: resource.vmid?,
            name: resource.name,
            kind,
            status: resource.status.unwrap_or_else(|| UNKNOWN.into()),
            last_status: None,
            offline: false,
            tags: split_tags(resource.tags.as_deref()),
            pool: resource.pool,
            lock: resource.lock,
            template: resource.template,
            ha_state: resource.hastate,
            cpus: resource.maxcpu,
            cpu: resource.cpu,
            memory_bytes: resource.maxmem,
            memory_used_bytes: resource.mem,
            disk_bytes: resource.maxdisk,
            uptime_s: resource.uptime,
        })
    }

    pub fn place(&self) -> Place {
        Place { node: self.node.clone(), kind: self.kind, vmid: self.vmid }
    }

    pub fn target(&self) -> Target {
        Target { node: Some(self.node.clone()), vmid: Some(self.vmid), name: self.name.clone(), kind: Some(self.kind.word()) }
    }

    pub fn running(&self) -> bool {
        self.status == "running"
    }

    /// Returns `runs`, `may run` if the status is unknown, or `None`.
    pub fn runs(&self) -> Option<&'static str> {
        if self.unknown() { Some("may run") } else { self.running().then_some("runs") }
    }

    fn unknown(&self) -> bool {
        self.status == UNKNOWN
    }

    /// Drops the values that the cluster still lists for a guest on an offline node.
    fn forget(&mut self) {
        self.offline = true;
        let last = std::mem::replace(&mut self.status, UNKNOWN.into());
        self.last_status = Some(last).filter(|last| last != UNKNOWN);
        (self.cpu, self.memory_used_bytes, self.uptime_s) = (None, None, None);
    }

    pub fn label(&self) -> String {
        self.target().to_string()
    }
}

/// Splits a list of tags, separated by `;` (in older configurations also `,` or spaces).
pub fn split_tags(tags: Option<&str>) -> Vec<String> {
    list::split(tags.unwrap_or_default()).map(str::to_owned).collect()
}

/// Returns the guests that the token can see, by VMID.
pub fn all(session: &Session) -> Result<Vec<Guest>> {
    // One call returns both: for an offline node, the host keeps listing guests with their last status.
    let (nodes, rest): (Vec<Resource>, Vec<Resource>) =
        session.client()?.get(&cluster::resources())?.into_iter().partition(|resource| resource.kind == "node");
    let offline: BTreeSet<&str> =
        nodes.iter().filter(|node| node.status.as_deref() == Some("offline")).map(|node| node.node.as_str()).collect();
    let mut guests: Vec<Guest> = rest.into_iter().filter_map(|r| Guest::of(&session.context, r)).collect();
    guests.iter_mut().filter(|guest| offline.contains(guest.node.as_str())).for_each(Guest::forget);
    // The cluster's list is up to 10 s old: a newly created guest has no name in it.
    let new: BTreeSet<String> = guests.iter().filter(|guest| guest.name.is_none()).map(|guest| guest.node.clone()).collect();
    for node in new.iter().filter(|node| !offline.contains(node.as_str())) {
        if let Ok(now) = listed_by(session, node, &guests) {
            guests.retain(|guest| guest.node != *node);
            guests.extend(now);
        }
    }
    guests.sort_by_key(|guest| guest.vmid);
    Ok(guests)
}

/// Returns the running guests of one or all nodes, and the guests of offline nodes, which may be running. It asks the nodes
/// themselves, because the cluster's list is up to 10 s old.
pub fn running(session: &Session, node: Option<&str>) -> Result<Vec<Guest>> {
    let known = all(session)?;
    let named = node.map_or_else(|| known.iter().map(|guest| guest.node.clone()).collect(), |node| BTreeSet::from([node.to_owned()]));
    let mut running = Vec::new();
    let online = nodes::online(session, &named);
    for node in &online {
        running.extend(listed_by(session, node, &known)?.into_iter().filter(Guest::running));
    }
    running.extend(known.into_iter().filter(|guest| guest.offline && named.contains(&guest.node)));
    running.sort_by_key(|guest| guest.vmid);
    Ok(running)
}

/// Lists the guests of a node, with pool and HA state from the cluster's list `known`.
fn listed_by(session: &Session, node: &str, known: &[Guest]) -> Result<Vec<Guest>> {
    let mut guests = Vec::new();
    for kind in [GuestKind::Lxc, GuestKind::Qemu] {
        for row in session.client()?.get(&cluster::guests_on(node, kind))? {
            let known = known.iter().find(|guest| guest.vmid == row.vmid.unwrap_or_default());
            let (pool, hastate) = known.map_or((None, None), |guest| (guest.pool.clone(), guest.ha_state.clone()));
            let row = Resource { kind: kind.word().into(), node: node.to_owned(), pool, hastate, ..row };
            guests.extend(Guest::of(&session.context, row));
        }
    }
    Ok(guests)
}

/// Warns once per offline node about selected guests with unknown status.
pub fn warn_unknown(session: &Session, guests: &[Guest], selection: &Selection) {
    let mut unknown: BTreeMap<&str, usize> = BTreeMap::new();
    for guest in guests.iter().filter(|guest| guest.offline && selection.matches_but_status(guest)) {
        *unknown.entry(&guest.node).or_default() += 1;
    }
    for (node, count) in unknown {
        let guests = if count == 1 { "guest" } else { "guests" };
        session.person.warn(&format!("{}: node '{node}' is offline; the status of its {count} {guests} is unknown", session.context));
    }
}

/// The refusal of a VMID that another guest has.
pub fn vmid_in_use(vmid: u32) -> Fault {
    Fault::refused(format!("VMID {vmid} is in use")).with_hint("omit --vmid for the next free one; `felhom guest next-id` prints it")
}

/// Returns a free VMID, or checks the wanted one. VMIDs of guests that the token cannot see count as used.
pub fn free_vmid(session: &Session, wanted: Option<u32>) -> Result<u32> {
    match session.client()?.get(&cluster::next_id(wanted)) {
        Ok(answer) => lenient::integer(&answer)
            .and_then(|vmid| u32::try_from(vmid).ok())
            .ok_or_else(|| Fault::new(Kind::Host, "the host returned no free VMID")),
        Err(fault) => match wanted.filter(|_| fault.errors.contains_key("vmid")) {
            Some(vmid) => Err(vmid_in_use(vmid)),
            None => Err(fault),
        },
    }
}

/// A selection of guests by their properties.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Selection {
    /// All guests
    #[arg(long, help_heading = "Selection")]
    pub all: bool,
    /// Guests with this tag
    #[arg(long, help_heading = "Selection", value_name = "TAG")]
    pub tag: Vec<String>,
    /// Guests in this pool
    #[arg(long, help_heading = "Selection", value_name = "POOL")]
    pub pool: Option<String>,
    /// Guests on this node
    #[arg(long, help_heading = "Selection", value_name = "NODE")]
    pub node: Option<String>,
    /// Containers (lxc) or VMs (qemu)
    #[arg(long = "type", help_heading = "Selection", value_name = "TYPE")]
    pub kind: Option<GuestKind>,
    /// Guests with this status: running, stopped, unknown
    #[arg(long, help_heading = "Selection", value_name = "STATUS")]
    pub status: Option<String>,
}

impl Selection {
    /// Whether any option selects guests.
    pub fn given(&self) -> bool {
        self.all || !self.tag.is_empty() || self.pool.is_some() || self.node.is_some() || self.kind.is_some() || self.status.is_some()
    }

    /// Returns the error of a selection without a match.
    fn unmatched(&self, words: &str) -> Fault {
        let mut said: Vec<String> = Vec::new();
        said.extend((!words.is_empty()).then(|| words.to_owned()));
        said.extend(self.all.then(|| "--all".to_owned()));
        said.extend(self.tag.iter().map(|tag| format!("--tag {tag}")));
        let options = [("pool", &self.pool), ("node", &self.node), ("status", &self.status)];
        said.extend(options.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| format!("--{name} {value}"))));
        said.extend(self.kind.map(|kind| format!("--type {}", kind.word())));
        Fault::not_found(format!("no guest matches {}", said.join(" "))).with_hint("list the visible guests with `felhom guest list`")
    }

    pub fn matches(&self, guest: &Guest) -> bool {
        self.matches_but_status(guest) && self.status.as_ref().is_none_or(|status| guest.status == *status)
    }

    fn matches_but_status(&self, guest: &Guest) -> bool {
        self.tag.iter().all(|tag| guest.tags.contains(tag))
            && self.pool.as_ref().is_none_or(|pool| guest.pool.as_ref() == Some(pool))
            && self.node.as_ref().is_none_or(|node| guest.node == *node)
            && self.kind.is_none_or(|kind| guest.kind == kind)
    }
}

/// Finds a guest by VMID, name or NODE/VMID.
pub fn find<'a>(guests: &'a [Guest], text: &str) -> Result<&'a Guest> {
    let found: Vec<&Guest> = match text.rsplit_once('/') {
        Some((node, rest)) => {
            guests.iter().filter(|g| g.node == node && (g.vmid.to_string() == rest || g.name.as_deref() == Some(rest))).collect()
        }
        None if text.bytes().all(|b| b.is_ascii_digit()) => guests.iter().filter(|g| g.vmid.to_string() == text).collect(),
        None => guests.iter().filter(|g| g.name.as_deref() == Some(text)).collect(),
    };
    match found[..] {
        [guest] => Ok(guest),
        [] => Err(missing(guests, text)),
        _ => {
            let names: Vec<String> = found.iter().map(|g| format!("{}/{}", g.node, g.vmid)).collect();
            Err(Fault::usage(format!("'{text}' is the name of several guests: {}", names.join(", "))).with_hint("use the VMID"))
        }
    }
}

/// Returns the guest of a command; without an argument, lets the user choose at a terminal.
pub fn one(session: &Session, text: Option<&str>) -> Result<Guest> {
    let guests = all(session)?;
    if let Some(text) = text {
        return find(&guests, text).cloned();
    }
    if !session.person.present() {
        return Err(Fault::usage("missing GUEST").with_hint("add a VMID, a name or NODE/VMID; `felhom guest list` lists the guests"));
    }
    let options: Vec<String> = guests
        .iter()
        .map(|g| format!("{:>6}  {:<24} {:<5} {:<8} {}", g.vmid, g.name.as_deref().unwrap_or("-"), g.kind, g.status, g.node))
        .collect();
    match session.person.choose("Which guest?", &options)? {
        Some(index) => Ok(guests[index].clone()),
        None => Err(Fault::refused("no guest selected")),
    }
}

fn missing(guests: &[Guest], text: &str) -> Fault {
    let fault = Fault::not_found(format!("no guest '{text}', or the token cannot see it"));
    if guests.is_empty() {
        return fault.with_hint("check the token's privileges with `felhom role check`: it sees no guest at all");
    }
    let lower = text.to_lowercase();
    let near =
        guests.iter().find(|g| g.name.as_ref().is_some_and(|n| n.to_lowercase().contains(&lower) || lower.contains(&n.to_lowercase())));
    match near.and_then(|g| g.name.as_ref().map(|name| (g.vmid, name))) {
        Some((vmid, name)) => fault.with_hint(format!("try {vmid} ({name}); `felhom guest list` shows all")),
        None => fault.with_hint("list the visible guests with `felhom guest list`"),
    }
}

/// Resolves words such as `101,105-110` and `web`, or a selection. Each guest is returned once, ordered by VMID.
pub fn select(guests: Vec<Guest>, words: &[String], selection: &Selection) -> Result<Vec<Guest>> {
    if words.is_empty() {
        if !selection.given() {
            return Err(Fault::usage("missing GUEST")
                .with_hint("add guests (101, web, 105-110), or select them with --all, --tag, --pool, --node, --type, --status"));
        }
        let chosen: Vec<Guest> = guests.into_iter().filter(|guest| selection.matches(guest)).collect();
        if chosen.is_empty() {
            return Err(selection.unmatched(""));
        }
        return Ok(chosen);
    }
    let mut wanted: BTreeSet<u32> = BTreeSet::new();
    for word in words.iter().flat_map(|word| list::split(word)) {
        match range(word) {
            Some((from, to)) => {
                let before = wanted.len();
                wanted.extend(guests.iter().map(|g| g.vmid).filter(|vmid| (from..=to).contains(vmid)));
                if wanted.len() == before {
                    return Err(
                        Fault::not_found(format!("no guest in the range {word}")).with_hint("list the guests with `felhom guest list`")
                    );
                }
            }
            None => {
                wanted.insert(find(&guests, word)?.vmid);
            }
        }
    }
    if wanted.is_empty() {
        return Err(
            Fault::usage("empty list of guests").with_hint("add guests (101, web, 105-110) or select them with --all, --tag, --pool")
        );
    }
    let chosen: Vec<Guest> = guests.into_iter().filter(|guest| wanted.contains(&guest.vmid) && selection.matches(guest)).collect();
    if chosen.is_empty() { Err(selection.unmatched(&words.join(" "))) } else { Ok(chosen) }
}

/// Resolves words or a selection. A selection by status skips guests with unknown status, with a warning.
pub fn selected(session: &Session, words: &[String], selection: &Selection) -> Result<Vec<Guest>> {
    let guests = all(session)?;
    if words.is_empty() && selection.status.is_some() {
        warn_unknown(session, &guests, selection);
    }
    select(guests, words, selection)
}

/// Like [`selected`], for commands that do not apply to templates: a selection skips them, a named template stays.
pub fn select_usable(session: &Session, words: &[String], selection: &Selection) -> Result<Vec<Guest>> {
    let chosen = selected(session, words, selection)?;
    if !words.is_empty() {
        return Ok(chosen);
    }
    let (templates, usable): (Vec<Guest>, Vec<Guest>) = chosen.into_iter().partition(|guest| guest.template);
    if usable.is_empty() {
        return Err(Fault::not_found("the selection matches templates only").with_hint("name a template by its VMID to select it"));
    }
    if !templates.is_empty() {
        let labels: Vec<String> = templates.iter().map(Guest::label).collect();
        session.person.note(&format!("skipped templates: {}", labels.join(", ")));
    }
    Ok(usable)
}

fn range(word: &str) -> Option<(u32, u32)> {
    let (from, to) = word.split_once('-').or_else(|| word.split_once(':'))?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// Calls a guest's node, and retries if the guest has moved to another node.
pub fn with_place<T>(session: &Session, guest: &Guest, call: impl Fn(&Place) -> Result<T>) -> Result<T> {
    if guest.offline {
        return Err(Fault::new(Kind::NodeDown, format!("node '{}' is offline; nothing was sent to it", guest.node)));
    }
    let place = guest.place();
    match call(&place) {
        Err(fault) if fault.kind == Kind::NotFound => {
            let now = all(session)?.into_iter().find(|other| other.vmid == guest.vmid && other.node != guest.node);
            match now {
                Some(moved) => call(&moved.place()),
                None => Err(fault),
            }
        }
        settled => settled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(vmid: u32, name: &str, node: &str) -> Guest {
        let resource = serde_json::from_value(serde_json::json!({"type": "lxc", "vmid": vmid, "name": name, "node": node, "tags": "a;b"}))
            .expect("a resource");
        Guest::of("t", resource).expect("a guest")
    }

    fn some() -> Vec<Guest> {
        vec![guest(101, "web", "pve1"), guest(102, "db", "pve1"), guest(103, "web", "pve2"), guest(110, "x", "pve2")]
    }

    fn ids(words: &[&str]) -> Result<Vec<u32>> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Ok(select(some(), &words, &Selection::default())?.iter().map(|g| g.vmid).collect())
    }

    #[test]
    fn vmids_names_ranges_and_nodes() {
        assert_eq!(ids(&["102,103-110"]).expect("found"), [102, 103, 110]);
        assert_eq!(ids(&["pve2/web", "db"]).expect("found"), [102, 103]);
        assert_eq!(ids(&["101", "101"]).expect("found"), [101]);
    }

    #[test]
    fn an_ambiguous_name_lists_the_candidates() {
        let fault = ids(&["web"]).expect_err("two of them");
        assert_eq!((fault.kind, fault.message.as_str()), (Kind::Usage, "'web' is the name of several guests: pve1/101, pve2/103"));
        assert_eq!(ids(&["999"]).expect_err("none").kind, Kind::NotFound);
        assert_eq!(ids(&[]).expect_err("nothing said").kind, Kind::Usage);
    }
}
