//! Golden containers: builds the arguments of `pct create` from checked values only.

use std::time::Duration;

use super::files::{self, TempFile};
use super::lock::RUN_DIR;
use super::system::{Host, Tool};
use crate::fence::net::Net;
use crate::fence::policy::{POLICY_FILE, Policy, not_allowed};
use crate::fence::protocol::{ErrorKind, HelperError};
use crate::fence::request::{GoldenCreate, GoldenCreateReply};

/// Unpacking a template onto a slow disk takes minutes.
const LIMIT: Duration = Duration::from_secs(30 * 60);
const MAX_LOG_LINES: usize = 200;

/// Creates the container. It is always unprivileged, and a VMID in use is always refused.
pub(super) fn create(host: &Host<'_>, policy: &Policy, request: &GoldenCreate) -> Result<GoldenCreateReply, HelperError> {
    check_policy(host, policy, request)?;
    check_vmid_free(host, request.vmid)?;
    files::own_dir(host, RUN_DIR)?;
    let keys = match request.ssh_keys.as_slice() {
        [] => None,
        keys => {
            let text: String = keys.iter().map(|k| format!("{k}\n")).collect();
            Some(TempFile::new(host, &format!("{RUN_DIR}/keys-{}", request.vmid), &text)?)
        }
    };
    let args = args(request, keys.as_ref().map(|k| k.absolute.as_str()));
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    // `pct` reads the password twice.
    let stdin = request.password.as_ref().map(|p| format!("{0}\n{0}\n", p.reveal())).unwrap_or_default();
    let done = host.must_with(Tool::Pct, &words, stdin.into_bytes(), LIMIT).map_err(|mut error| {
        // `pct` exits with 255 on any failure, as ssh does, so its exit code is a field of the error.
        if matches!(error.kind, ErrorKind::TimedOut | ErrorKind::Interrupted) {
            error.hint = Some(format!("check container {} before you try again: it may be incomplete", request.vmid));
        }
        error
    })?;
    let config = configs(host, request.vmid);
    if config.is_empty() {
        return Err(HelperError::internal(format!("pct succeeded, but the host has no configuration of container {}", request.vmid)));
    }
    let text = format!("{}\n{}", done.stdout_text(), done.stderr_text());
    let mut log: Vec<String> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).map(ToOwned::to_owned).collect();
    log.drain(..log.len().saturating_sub(MAX_LOG_LINES));
    Ok(GoldenCreateReply { vmid: request.vmid, log })
}

/// Defaults of `pct create` (pve-container: `$conf->{memory} ||= 512`, `$conf->{swap} //= 512`).
const DEFAULT_MEMORY_MIB: u32 = 512;
const DEFAULT_SWAP_MIB: u32 = 512;

/// Returns the number of the host's CPUs, which is the limit of a container without `cores`.
fn host_cores(host: &Host<'_>) -> Result<u32, HelperError> {
    let path = "/sys/devices/system/cpu/present";
    let text = files::read(host, path)?.unwrap_or_default();
    let count = text.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)? + 1)
    });
    count.sum::<Option<u32>>().ok_or_else(|| HelperError::internal(format!("cannot read the number of CPUs from {path}")))
}

/// Checks the request against the policy and for valid values. A missing value counts as `pct`'s default.
fn check_policy(host: &Host<'_>, policy: &Policy, request: &GoldenCreate) -> Result<(), HelperError> {
    if !(policy.vmid_min..=policy.vmid_max).contains(&request.vmid) {
        return Err(not_allowed(format_args!("VMID {} (allowed: {}-{})", request.vmid, policy.vmid_min, policy.vmid_max)));
    }
    let template_storage = request.template.as_str().split(':').next().unwrap_or_default();
    for storage in [request.storage.as_str(), template_storage] {
        if !policy.storages.contains(storage) {
            return Err(not_allowed(format_args!("storage '{storage}'")));
        }
    }
    if let Some(net) = request.nets.iter().find(|n| !policy.bridges.contains(n.bridge.as_str())) {
        return Err(not_allowed(format_args!("bridge '{}'", net.bridge)));
    }
    let over = |option: &str, unit: &str, asked: Option<u32>, default: u32, most: u32| {
        if asked.unwrap_or(default) <= most {
            return Ok(());
        }
        let (value, origin) = asked.map_or((default, ", the default"), |asked| (asked, ""));
        let mut error = not_allowed(format_args!("{option} {value}{unit}{origin} (at most {most})"));
        if asked.is_none() {
            error.hint = Some(format!("pass `--{option} {most}` or less, or change the limit in {POLICY_FILE} on the host"));
        }
        Err(error)
    };
    over("size", " GiB", Some(request.size_gib), 0, policy.max_size_gib)?;
    over("memory", " MiB", request.memory_mib, DEFAULT_MEMORY_MIB, policy.max_memory_mib)?;
    over("swap", " MiB", request.swap_mib, DEFAULT_SWAP_MIB, policy.max_memory_mib)?;
    // The number of CPUs matters only as a default.
    let cores = if request.cores.is_some() { 0 } else { host_cores(host)? };
    over("cores", "", request.cores, cores, policy.max_cores)?;
    let bad = |text: &str| Err(HelperError::new(ErrorKind::BadRequest, text));
    if !request.features.keyctl {
        return bad("without keyctl=1, the API can create the container: omit the root helper");
    }
    if request.size_gib == 0
        || request.cores == Some(0)
        || request.memory_mib.is_some_and(|m| m < 16)
        || request.nets.len() > 8
        || request.ssh_keys.len() > 64
    {
        return bad("size, cores or memory is too small, or there are too many networks or keys");
    }
    if !request.nets.iter().all(Net::in_range) {
        return bad("a network has an invalid prefix length, VLAN, MTU or rate");
    }
    Ok(())
}

/// Returns the configuration files of a VMID on all nodes, from the cluster file system.
fn configs(host: &Host<'_>, vmid: u32) -> Vec<String> {
    let nodes = std::fs::read_dir(host.path("/etc/pve/nodes"));
    let nodes = nodes.into_iter().flatten().flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let paths = nodes.flat_map(|node| ["lxc", "qemu-server"].map(|kind| format!("/etc/pve/nodes/{node}/{kind}/{vmid}.conf")));
    paths.filter(|p| host.path(p).symlink_metadata().is_ok()).collect()
}

fn check_vmid_free(host: &Host<'_>, vmid: u32) -> Result<(), HelperError> {
    if !host.path("/etc/pve/nodes").is_dir() {
        return Err(HelperError::internal("/etc/pve is not mounted: pve-cluster is not running on this host"));
    }
    match configs(host, vmid).first() {
        Some(path) => Err(HelperError::new(ErrorKind::Exists, format!("VMID {vmid} is in use ({path})"))),
        None => Ok(()),
    }
}

/// Returns the arguments of `pct`. `--password` is last and has no value: `pct` reads the password from stdin.
fn args(request: &GoldenCreate, keys: Option<&str>) -> Vec<String> {
    let mut args: Vec<String> = ["create", &request.vmid.to_string(), request.template.as_str()].map(ToOwned::to_owned).to_vec();
    let mut option = |name: &str, value: String| args.extend([format!("--{name}"), value]);
    let nesting = if request.features.nesting { "nesting=1," } else { "" };
    option("unprivileged", "1".into());
    option("features", format!("{nesting}keyctl=1"));
    option("hostname", request.hostname.to_string());
    option("rootfs", format!("{}:{}", request.storage, request.size_gib));
    if let Some(cores) = request.cores {
        option("cores", cores.to_string());
    }
    if let Some(memory) = request.memory_mib {
        option("memory", memory.to_string());
    }
    if let Some(swap) = request.swap_mib {
        option("swap", swap.to_string());
    }
    for (number, net) in request.nets.iter().enumerate() {
        option(&format!("net{number}"), net.value(number));
    }
    if !request.nameservers.is_empty() {
        option("nameserver", request.nameservers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
    }
    if let Some(domain) = &request.searchdomain {
        option("searchdomain", domain.to_string());
    }
    if !request.tags.is_empty() {
        option("tags", request.tags.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"));
    }
    if let Some(file) = keys {
        option("ssh-public-keys", file.to_owned());
    }
    if request.onboot {
        option("onboot", "1".into());
    }
    if request.password.is_some() {
        args.push("--password".into());
    }
    args
}
