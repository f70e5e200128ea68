//! Golden containers: `pct create` with an argv that is built here, from checked parts alone.

use std::time::Duration;

use super::files::{self, Handed};
use super::lock::RUN_DIR;
use super::system::{Host, Tool};
use crate::fence::net::{Ip4, Ip6};
use crate::fence::policy::{POLICY_FILE, Policy, not_allowed};
use crate::fence::protocol::{ErrorKind, Trouble};
use crate::fence::request::{GoldenCreate, GoldenCreateReply};

/// Unpacking a template onto a slow disk takes minutes.
const LIMIT: Duration = Duration::from_secs(30 * 60);
const MOST_LINES: usize = 200;

/// Makes the container. It is always unprivileged, and a VMID that is in use is always refused.
pub(super) fn create(host: &Host<'_>, policy: &Policy, ask: &GoldenCreate) -> Result<GoldenCreateReply, Trouble> {
    bounded(host, policy, ask)?;
    unused(host, ask.vmid)?;
    files::own_dir(host, RUN_DIR)?;
    let keys = match ask.ssh_keys.as_slice() {
        [] => None,
        keys => {
            let text: String = keys.iter().map(|k| format!("{k}\n")).collect();
            Some(Handed::new(host, &format!("{RUN_DIR}/keys-{}", ask.vmid), &text)?)
        }
    };
    let args = args(ask, keys.as_ref().map(|k| k.absolute.as_str()));
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    // `pct` asks for the password and then once more.
    let stdin = ask.password.as_ref().map(|p| format!("{0}\n{0}\n", p.reveal())).unwrap_or_default();
    let done = host.must_with(Tool::Pct, &words, stdin.into_bytes(), LIMIT).map_err(|mut trouble| {
        // `pct` ends with 255 on any failure, which is also ssh's own number: it travels as a field.
        if matches!(trouble.kind, ErrorKind::TimedOut | ErrorKind::Interrupted) {
            trouble.hint = Some(format!("the container {} may be half made: look at it before trying again", ask.vmid));
        }
        trouble
    })?;
    let config = configs(host, ask.vmid);
    if config.is_empty() {
        return Err(Trouble::internal(format!("pct ended well, but the host has no configuration of {}", ask.vmid)));
    }
    let text = format!("{}\n{}", done.stdout_text(), done.stderr_text());
    let mut log: Vec<String> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).map(ToOwned::to_owned).collect();
    log.drain(..log.len().saturating_sub(MOST_LINES));
    Ok(GoldenCreateReply { vmid: ask.vmid, log })
}

/// What `pct create` uses where the request says nothing (pve-container: `$conf->{memory} ||= 512`, `$conf->{swap} //= 512`).
const DEFAULT_MEMORY_MIB: u32 = 512;
const DEFAULT_SWAP_MIB: u32 = 512;

/// The number of the host's CPUs: a container without `cores` may use all of them.
fn host_cores(host: &Host<'_>) -> Result<u32, Trouble> {
    let path = "/sys/devices/system/cpu/present";
    let text = files::read(host, path)?.unwrap_or_default();
    let count = text.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    });
    count.sum::<Option<u32>>().ok_or_else(|| Trouble::internal(format!("cannot read the number of CPUs from {path}")))
}

/// Checks the request against the policy, and that its values make sense. A value that is left out counts as `pct`'s default.
fn bounded(host: &Host<'_>, policy: &Policy, ask: &GoldenCreate) -> Result<(), Trouble> {
    if !(policy.vmid_min..=policy.vmid_max).contains(&ask.vmid) {
        return Err(not_allowed(format_args!("the VMID {} (allowed: {}-{})", ask.vmid, policy.vmid_min, policy.vmid_max)));
    }
    let template_storage = ask.template.as_str().split(':').next().unwrap_or_default();
    for storage in [ask.storage.as_str(), template_storage] {
        if !policy.storages.contains(storage) {
            return Err(not_allowed(format_args!("the storage {storage}")));
        }
    }
    if let Some(net) = ask.nets.iter().find(|n| !policy.bridges.contains(n.bridge.as_str())) {
        return Err(not_allowed(format_args!("the bridge {}", net.bridge)));
    }
    let over = |option: &str, unit: &str, asked: Option<u32>, default: u32, most: u32| {
        if asked.unwrap_or(default) <= most {
            return Ok(());
        }
        let (value, origin) = asked.map_or((default, ", the default"), |asked| (asked, ""));
        let mut trouble = not_allowed(format_args!("{option} {value}{unit}{origin} (at most {most})"));
        if asked.is_none() {
            trouble.hint = Some(format!("pass `--{option} {most}` or less, or change the limit in {POLICY_FILE} on the host"));
        }
        Err(trouble)
    };
    over("size", " GiB", Some(ask.size_gib), 0, policy.max_size_gib)?;
    over("memory", " MiB", ask.memory_mib, DEFAULT_MEMORY_MIB, policy.max_memory_mib)?;
    over("swap", " MiB", ask.swap_mib, DEFAULT_SWAP_MIB, policy.max_memory_mib)?;
    // The number of CPUs is needed only where it is the default.
    let cores = if ask.cores.is_some() { 0 } else { host_cores(host)? };
    over("cores", "", ask.cores, cores, policy.max_cores)?;
    let bad = |text: &str| Err(Trouble::new(ErrorKind::BadRequest, text));
    if !ask.features.keyctl {
        return bad("without keyctl=1 the API can make the container itself: the fence is not for that");
    }
    if ask.size_gib == 0 || ask.cores == Some(0) || ask.memory_mib.is_some_and(|m| m < 16) || ask.nets.len() > 8 || ask.ssh_keys.len() > 64
    {
        return bad("a size, a number of cores or a memory is too small, or there are too many networks or keys");
    }
    for net in &ask.nets {
        let prefix4 = matches!(net.ip, Ip4::Static { prefix, .. } if prefix > 32);
        let prefix6 = matches!(net.ip6, Ip6::Static { prefix, .. } if prefix > 128);
        if prefix4 || prefix6 || net.vlan.is_some_and(|v| !(1..=4094).contains(&v)) {
            return bad("a network has an impossible prefix or VLAN");
        }
    }
    Ok(())
}

/// The cluster's file system shows every node's guests: a VMID is looked for in all of them.
fn configs(host: &Host<'_>, vmid: u32) -> Vec<String> {
    let nodes = std::fs::read_dir(host.path("/etc/pve/nodes"));
    let nodes = nodes.into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let paths = nodes.flat_map(|node| ["lxc", "qemu-server"].map(|kind| format!("/etc/pve/nodes/{node}/{kind}/{vmid}.conf")));
    paths.filter(|p| host.path(p).symlink_metadata().is_ok()).collect()
}

fn unused(host: &Host<'_>, vmid: u32) -> Result<(), Trouble> {
    if !host.path("/etc/pve/nodes").is_dir() {
        return Err(Trouble::internal("/etc/pve is not mounted: the cluster's file system does not run on this host"));
    }
    match configs(host, vmid).first() {
        Some(path) => Err(Trouble::new(ErrorKind::Exists, format!("the VMID {vmid} is in use ({path})"))),
        None => Ok(()),
    }
}

/// The words after `pct`. The password is a bare option at the end: its text goes to stdin.
fn args(ask: &GoldenCreate, keys: Option<&str>) -> Vec<String> {
    let mut args: Vec<String> = ["create", &ask.vmid.to_string(), ask.template.as_str()].map(ToOwned::to_owned).to_vec();
    let mut option = |name: &str, value: String| args.extend([format!("--{name}"), value]);
    let nesting = if ask.features.nesting { "nesting=1," } else { "" };
    option("unprivileged", "1".into());
    option("features", format!("{nesting}keyctl=1"));
    option("hostname", ask.hostname.to_string());
    option("rootfs", format!("{}:{}", ask.storage, ask.size_gib));
    if let Some(cores) = ask.cores {
        option("cores", cores.to_string());
    }
    if let Some(memory) = ask.memory_mib {
        option("memory", memory.to_string());
    }
    if let Some(swap) = ask.swap_mib {
        option("swap", swap.to_string());
    }
    for (number, net) in ask.nets.iter().enumerate() {
        option(&format!("net{number}"), net.value(number));
    }
    if !ask.nameservers.is_empty() {
        option("nameserver", ask.nameservers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    }
    if let Some(domain) = &ask.searchdomain {
        option("searchdomain", domain.to_string());
    }
    if !ask.tags.is_empty() {
        option("tags", ask.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"));
    }
    if let Some(file) = keys {
        option("ssh-public-keys", file.to_owned());
    }
    if ask.onboot {
        option("onboot", "1".into());
    }
    if ask.password.is_some() {
        args.push("--password".into());
    }
    args
}
