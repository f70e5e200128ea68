//! Creating a container through the API, or through the root helper if it needs settings that no token may set.

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

/// Options of a new container, which is always unprivileged.
#[derive(Debug, Clone)]
pub struct Lxc {
    pub template: TemplateVolume,
    /// VMID [default: next free].
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
    /// Storage for a backup after the creation; any token can restore it.
    pub backup_to: Option<StorageId>,
}

/// Adds the context's managed tag.
fn managed(session: &Session, request: &Lxc) -> Result<Lxc> {
    let mut request = request.clone();
    if let Some(managed) = &session.tags.managed {
        let tag: Tag = managed.parse().map_err(|why| Fault::config(format!("managed_tag '{managed}': {why}")))?;
        if !request.tags.contains(&tag) {
            request.tags.push(tag);
        }
    }
    Ok(request)
}

/// Prepares the change.
pub fn lxc(session: &Session, fence: Option<&Fence>, request: &Lxc) -> Result<Change> {
    let request = &managed(session, request)?;
    let (node, vmid, make) = if request.features.keyctl { golden(session, fence, request)? } else { plain(session, request)? };
    let target = Target { node: Some(node.clone()), vmid: Some(vmid), name: Some(request.hostname.to_string()), kind: Some("lxc") };
    let mut item = Item::new("create", target)
        .touches(format!("a new container {vmid} on {node}, {} GiB on {}", request.size_gib, request.storage))
        .extra("template", request.template.as_str())
        .extra("storage", request.storage.as_str())
        .extra("features", features(request.features))
        .extra("unprivileged", true)
        .step(make);
    if let Some(storage) = &request.backup_to {
        let call = backup::vzdump(&node, vmid).with("storage", storage.as_str()).with("mode", "stop").with("compress", "zstd");
        item = item
            .step(Step::call("backup", call))
            .touches(format!("a backup on storage '{storage}'"))
            .extra("archive_storage", storage.as_str());
    }
    if request.start {
        let call: Call<Json> = Call::post(path!["nodes", &node, "lxc", vmid.to_string(), "status", "start"]);
        item = item.step(Step::call("start", call));
    }
    let how = if request.features.keyctl { " with the root helper" } else { "" };
    Ok(Change::one(format!("create container {vmid} ({}){how}", request.hostname), item))
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

/// Prepares the creation through the API.
fn plain(session: &Session, request: &Lxc) -> Result<(String, u32, Step)> {
    let node = nodes::pick(session, request.node.as_deref())?;
    let vmid = match request.vmid {
        Some(vmid) => free(vmid, &taken(session)?)?,
        None => lowest(100, 999_999_999, &taken(session)?)?,
    };
    let texts = |list: Vec<String>, by: &str| if list.is_empty() { None } else { Some(list.join(by)) };
    let mut call: Call<Json> = Call::post(path!["nodes", &node, "lxc"])
        .with("vmid", vmid)
        .with("ostemplate", request.template.as_str())
        .with("hostname", request.hostname.as_str())
        .with("storage", request.storage.as_str())
        .with("rootfs", format!("{}:{}", request.storage, request.size_gib))
        .with("unprivileged", "1")
        .with_some("features", Some(features(request.features)).filter(|f| !f.is_empty()))
        .with_some("cores", request.cores)
        .with_some("memory", request.memory_mib)
        .with_some("swap", request.swap_mib)
        .with_some("nameserver", texts(request.nameservers.iter().map(ToString::to_string).collect(), " "))
        .with_some("searchdomain", request.searchdomain.as_ref().map(ToString::to_string))
        .with_some("tags", texts(request.tags.iter().map(ToString::to_string).collect(), ";"))
        .with_some("ssh-public-keys", texts(request.ssh_keys.iter().map(ToString::to_string).collect(), "\n"))
        .with_some("password", request.password.as_ref().map(Password::secret))
        .with_some("pool", request.pool.clone())
        .with_set("onboot", request.onboot);
    for (number, net) in request.nets.iter().enumerate() {
        call = call.with(format!("net{number}"), net.value(number));
    }
    Ok((node, vmid, Step::call("create", call)))
}

/// Returns the lowest free VMID of a range.
fn lowest(from: u32, to: u32, taken: &[u32]) -> Result<u32> {
    (from..=to).find(|vmid| !taken.contains(vmid)).ok_or_else(|| Fault::refused(format!("no VMID between {from} and {to} is free")))
}

/// Through the fence, within the host's policy: what is outside is said before anything is asked of root.
fn golden(session: &Session, fence: Option<&Fence>, request: &Lxc) -> Result<(String, u32, Step)> {
    let fence = fence.ok_or_else(|| super::smart::no_fence(session).while_("keyctl=1 may be set by root alone"))?;
    if let Some(pool) = &request.pool {
        return Err(Fault::usage(format!(
            "--pool {pool} cannot be combined with --golden; use `felhom api put /pools poolid={pool} vms=VMID`"
        )));
    }
    let seen = fence.ask(Version {})?;
    if let Some(node) = request.node.as_ref().filter(|node| **node != seen.host) {
        return Err(Fault::usage(format!("the root helper is on {}, not on {node}", seen.host))
            .with_hint("leave --node out, or use a context whose fence is there"));
    }
    let Some(policy) = seen.reply.policy.filter(|p| p.allows(Word::GoldenCreate)) else {
        return Err(Fault::new(Kind::Denied, format!("golden containers are turned off on {}", seen.host)).with_hint(
            "turn them on with `felhom fence install --golden --storage … --bridge … --replace-policy`, or in /etc/felhom/fence.toml",
        ));
    };
    within(&policy, request)?;
    let taken = taken(session)?;
    let vmid = match request.vmid {
        Some(vmid) if !(policy.vmid_min..=policy.vmid_max).contains(&vmid) => {
            let (low, high) = (policy.vmid_min, policy.vmid_max);
            return Err(outside(&format!("VMID {vmid}"), &format!("VMID from {low} to {high}")));
        }
        Some(vmid) => free(vmid, &taken)?,
        None => lowest(policy.vmid_min, policy.vmid_max, &taken)?,
    };
    let request = GoldenCreate {
        vmid,
        template: request.template.clone(),
        storage: request.storage.clone(),
        size_gib: request.size_gib,
        hostname: request.hostname.clone(),
        features: request.features,
        cores: request.cores,
        memory_mib: request.memory_mib,
        swap_mib: request.swap_mib,
        nets: request.nets.clone(),
        nameservers: request.nameservers.clone(),
        searchdomain: request.searchdomain.clone(),
        tags: request.tags.clone(),
        ssh_keys: request.ssh_keys.clone(),
        password: request.password.clone(),
        onboot: request.onboot,
    };
    Ok((seen.host, vmid, Step::act("create", FenceGolden { fence: fence.clone(), request })))
}

/// Returns the error for a value that the policy excludes.
fn outside(what: &str, allowed: &str) -> Fault {
    Fault::new(Kind::Denied, format!("the host's policy does not allow {what}"))
        .with_hint(format!("use {allowed}, or change {POLICY_FILE} on the host (`felhom fence show` prints it)"))
}

fn within(policy: &Policy, request: &Lxc) -> Result<()> {
    let denied = |what: String, list: &std::collections::BTreeSet<String>| {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        Err(outside(&what, &list.join(", ")))
    };
    let from = request.template.as_str().split(':').next().unwrap_or_default();
    for storage in [request.storage.as_str(), from] {
        if !policy.storages.contains(storage) {
            return denied(format!("storage '{storage}'"), &policy.storages);
        }
    }
    match request.nets.iter().find(|net| !policy.bridges.contains(net.bridge.as_str())) {
        Some(net) => denied(format!("bridge '{}'", net.bridge), &policy.bridges),
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

/// Verifies that the container exists, is unprivileged and has the requested features.
pub fn verify(session: &Session, request: &Lxc, item: &Item, _: &Done) -> Result<Map<String, Json>> {
    let (Some(node), Some(vmid)) = (&item.target.node, item.target.vmid) else { return Ok(Map::new()) };
    let place = Place { node: node.clone(), kind: GuestKind::Lxc, vmid };
    let config = session.client()?.get(&place.config())?;
    let text = |key: &str| config.get(key).and_then(crate::api::lenient::text).unwrap_or_default();
    let has: Vec<String> = text("features").split(',').map(ToOwned::to_owned).collect();
    let missing: Vec<String> =
        features(request.features).split(',').filter(|f| !f.is_empty() && !has.iter().any(|h| h == f)).map(ToOwned::to_owned).collect();
    if !missing.is_empty() {
        return Err(Fault::other(format!("the container {vmid} was created, but without {}", missing.join(","))));
    }
    if text("unprivileged") != "1" {
        return Err(Fault::other(format!("the container {vmid} was created, but is not unprivileged")));
    }
    Ok(Map::new())
}
