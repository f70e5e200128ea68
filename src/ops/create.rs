//! Making a container: through the API, or through the fence where it needs what no token may set.

use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use crate::api::{Call, GuestKind, Place, backup};
use crate::fault::{Fault, Kind, Result};
use crate::fence::client::Fence;
use crate::fence::net::Net;
use crate::fence::policy::{POLICY_FILE, Policy};
use crate::fence::protocol::Word;
use crate::fence::request::{Features, GoldenCreate, Password, Version};
use crate::fence::text::{Hostname, SshKey, StorageId, Tag, TemplateVolume};
use crate::guard::{Act, Change, Done, Item, Outputs, Permit, Step, Target};
use crate::path;
use crate::session::Session;

use super::{guests, nodes};

/// A container as it is asked for. It is always unprivileged.
#[derive(Debug, Clone)]
pub struct Lxc {
    pub template: TemplateVolume,
    /// The next free one without it.
    pub vmid: Option<u32>,
    pub node: Option<String>,
    pub hostname: Hostname,
    pub storage: StorageId,
    pub size_gib: u32,
    pub features: Features,
    pub cores: Option<u32>,
    pub memory_mib: Option<u32>,
    pub swap_mib: Option<u32>,
    pub nets: Vec<Net>,
    pub nameservers: Vec<IpAddr>,
    pub searchdomain: Option<Hostname>,
    pub tags: Vec<Tag>,
    pub ssh_keys: Vec<SshKey>,
    pub password: Option<Password>,
    pub onboot: bool,
    pub pool: Option<String>,
    pub start: bool,
    /// Where an archive of it goes afterwards: any token can restore from that.
    pub backup_to: Option<StorageId>,
}

/// The same with the tag of the managed guests, where the context has one.
fn managed(session: &Session, ask: &Lxc) -> Result<Lxc> {
    let mut ask = ask.clone();
    if let Some(managed) = &session.tags.managed {
        let tag: Tag = managed.parse().map_err(|why| Fault::config(format!("managed_tag '{managed}': {why}")))?;
        if !ask.tags.contains(&tag) {
            ask.tags.push(tag);
        }
    }
    Ok(ask)
}

/// What would be done to make it.
pub fn lxc(session: &Session, fence: Option<&Fence>, ask: &Lxc) -> Result<Change> {
    let ask = &managed(session, ask)?;
    let (node, vmid, make) = if ask.features.keyctl { golden(session, fence, ask)? } else { plain(session, ask)? };
    let target = Target { node: Some(node.clone()), vmid: Some(vmid), name: Some(ask.hostname.to_string()), kind: Some("lxc") };
    let mut item = Item::new("create", target)
        .touches(format!("a new container {vmid} on {node}, {} GiB on {}", ask.size_gib, ask.storage))
        .extra("template", ask.template.as_str())
        .extra("storage", ask.storage.as_str())
        .extra("features", features(ask.features))
        .extra("unprivileged", true)
        .step(make);
    if let Some(storage) = &ask.backup_to {
        let call = backup::vzdump(&node, vmid).with("storage", storage.as_str()).with("mode", "stop").with("compress", "zstd");
        item = item
            .step(Step::call("backup", call))
            .touches(format!("an archive of it on {storage}"))
            .extra("archive_storage", storage.as_str());
    }
    if ask.start {
        let call: Call<Json> = Call::post(path!["nodes", &node, "lxc", vmid.to_string(), "status", "start"]);
        item = item.step(Step::call("start", call));
    }
    let how = if ask.features.keyctl { " through the fence" } else { "" };
    Ok(Change::one(format!("create the container {vmid} ({}){how}", ask.hostname), item))
}

fn features(features: Features) -> String {
    [("nesting", features.nesting), ("keyctl", features.keyctl)]
        .iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| format!("{name}=1"))
        .collect::<Vec<_>>()
        .join(",")
}

fn taken(session: &Session) -> Result<Vec<u32>> {
    Ok(guests::all(session)?.into_iter().map(|g| g.vmid).collect())
}

fn free(vmid: u32, taken: &[u32]) -> Result<u32> {
    if taken.contains(&vmid) { Err(guests::vmid_in_use(vmid)) } else { Ok(vmid) }
}

/// Through the API: all that a token may set.
fn plain(session: &Session, ask: &Lxc) -> Result<(String, u32, Step)> {
    let node = nodes::pick(session, ask.node.as_deref())?;
    let vmid = match ask.vmid {
        Some(vmid) => free(vmid, &taken(session)?)?,
        None => lowest(100, 999_999_999, &taken(session)?)?,
    };
    let texts = |list: Vec<String>, by: &str| if list.is_empty() { None } else { Some(list.join(by)) };
    let mut call: Call<Json> = Call::post(path!["nodes", &node, "lxc"])
        .with("vmid", vmid)
        .with("ostemplate", ask.template.as_str())
        .with("hostname", ask.hostname.as_str())
        .with("storage", ask.storage.as_str())
        .with("rootfs", format!("{}:{}", ask.storage, ask.size_gib))
        .with("unprivileged", "1")
        .with_some("features", Some(features(ask.features)).filter(|f| !f.is_empty()))
        .with_some("cores", ask.cores)
        .with_some("memory", ask.memory_mib)
        .with_some("swap", ask.swap_mib)
        .with_some("nameserver", texts(ask.nameservers.iter().map(ToString::to_string).collect(), " "))
        .with_some("searchdomain", ask.searchdomain.as_ref().map(ToString::to_string))
        .with_some("tags", texts(ask.tags.iter().map(ToString::to_string).collect(), ";"))
        .with_some("ssh-public-keys", texts(ask.ssh_keys.iter().map(ToString::to_string).collect(), "\n"))
        .with_some("password", ask.password.as_ref().map(Password::secret))
        .with_some("pool", ask.pool.clone())
        .with_set("onboot", ask.onboot);
    for (number, net) in ask.nets.iter().enumerate() {
        call = call.with(format!("net{number}"), net.value(number));
    }
    Ok((node, vmid, Step::call("create", call)))
}

/// The lowest VMID of a range that nobody has.
fn lowest(from: u32, to: u32, taken: &[u32]) -> Result<u32> {
    (from..=to).find(|vmid| !taken.contains(vmid)).ok_or_else(|| Fault::refused(format!("no VMID from {from} to {to} is free")))
}

/// Through the fence, within the host's policy: what is outside is said before anything is asked of root.
fn golden(session: &Session, fence: Option<&Fence>, ask: &Lxc) -> Result<(String, u32, Step)> {
    let fence = fence.ok_or_else(|| super::smart::no_fence(session).while_("keyctl=1 may be set by root alone"))?;
    if let Some(pool) = &ask.pool {
        return Err(Fault::usage(format!(
            "--pool {pool} cannot be combined with --golden; use `felhom api put /pools poolid={pool} vms=VMID`"
        )));
    }
    let seen = fence.ask(Version {})?;
    if let Some(node) = ask.node.as_ref().filter(|node| **node != seen.host) {
        return Err(Fault::usage(format!("the root helper is on {}, not on {node}", seen.host))
            .with_hint("leave --node out, or use a context whose fence is there"));
    }
    let Some(policy) = seen.reply.policy.filter(|p| p.allows(Word::GoldenCreate)) else {
        return Err(Fault::new(Kind::Denied, format!("golden containers are turned off on {}", seen.host)).with_hint(
            "turn them on with `felhom fence install --golden --storage … --bridge … --replace-policy`, or in /etc/felhom/fence.toml",
        ));
    };
    within(&policy, ask)?;
    let taken = taken(session)?;
    let vmid = match ask.vmid {
        Some(vmid) if !(policy.vmid_min..=policy.vmid_max).contains(&vmid) => {
            let (low, high) = (policy.vmid_min, policy.vmid_max);
            return Err(outside(&format!("VMID {vmid}"), &format!("VMID from {low} to {high}")));
        }
        Some(vmid) => free(vmid, &taken)?,
        None => lowest(policy.vmid_min, policy.vmid_max, &taken)?,
    };
    let request = GoldenCreate {
        vmid,
        template: ask.template.clone(),
        storage: ask.storage.clone(),
        size_gib: ask.size_gib,
        hostname: ask.hostname.clone(),
        features: ask.features,
        cores: ask.cores,
        memory_mib: ask.memory_mib,
        swap_mib: ask.swap_mib,
        nets: ask.nets.clone(),
        nameservers: ask.nameservers.clone(),
        searchdomain: ask.searchdomain.clone(),
        tags: ask.tags.clone(),
        ssh_keys: ask.ssh_keys.clone(),
        password: ask.password.clone(),
        onboot: ask.onboot,
    };
    Ok((seen.host, vmid, Step::act("create", FenceGolden { fence: fence.clone(), request })))
}

/// The fault of a value that the policy excludes.
fn outside(what: &str, allowed: &str) -> Fault {
    Fault::new(Kind::Denied, format!("the host's policy does not allow {what}"))
        .with_hint(format!("use {allowed}, or change {POLICY_FILE} on the host (`felhom fence show` prints it)"))
}

fn within(policy: &Policy, ask: &Lxc) -> Result<()> {
    let denied = |what: String, list: &std::collections::BTreeSet<String>| {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        Err(outside(&what, &list.join(", ")))
    };
    let from = ask.template.as_str().split(':').next().unwrap_or_default();
    for storage in [ask.storage.as_str(), from] {
        if !policy.storages.contains(storage) {
            return denied(format!("the storage {storage}"), &policy.storages);
        }
    }
    match ask.nets.iter().find(|net| !policy.bridges.contains(net.bridge.as_str())) {
        Some(net) => denied(format!("the bridge {}", net.bridge), &policy.bridges),
        None => Ok(()),
    }
}

struct FenceGolden {
    fence: Fence,
    request: GoldenCreate,
}

impl Act for FenceGolden {
    fn backend(&self) -> &'static str {
        "fence"
    }

    fn describe(&self) -> String {
        format!(
            "golden-create on {}: {} from {} with {}",
            self.fence.connection(),
            self.request.vmid,
            self.request.template,
            features(self.request.features)
        )
    }

    fn request(&self) -> Json {
        let mut shown = self.request.clone();
        shown.password = None;
        json!({"word": "golden-create", "request": shown})
    }

    fn secret(&self) -> Option<&'static str> {
        self.request.password.is_some().then_some("password")
    }

    fn run(&self, _: &Outputs, permit: &Permit) -> Result<Json> {
        let answer = self.fence.change(self.request.clone(), permit)?;
        Ok(json!({"log": answer.reply.log}))
    }
}

/// Looks at the container itself: it is there, unprivileged, and has the features that were asked for.
pub fn verify(session: &Session, ask: &Lxc, item: &Item, _: &Done) -> Result<Map<String, Json>> {
    let (Some(node), Some(vmid)) = (&item.target.node, item.target.vmid) else { return Ok(Map::new()) };
    let place = Place { node: node.clone(), kind: GuestKind::Lxc, vmid };
    let config = session.client()?.get(&place.config())?;
    let text = |key: &str| config.get(key).and_then(crate::api::lenient::text).unwrap_or_default();
    let has: Vec<String> = text("features").split(',').map(ToOwned::to_owned).collect();
    let missing: Vec<String> =
        features(ask.features).split(',').filter(|f| !f.is_empty() && !has.iter().any(|h| h == f)).map(ToOwned::to_owned).collect();
    if !missing.is_empty() {
        return Err(Fault::other(format!("the container {vmid} was created, but without {}", missing.join(","))));
    }
    if text("unprivileged") != "1" {
        return Err(Fault::other(format!("the container {vmid} was created, but is not unprivileged")));
    }
    Ok(Map::new())
}
