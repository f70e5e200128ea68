//! Runs smartctl for each disk that lsblk or smartctl's scan finds.

use std::time::Duration;

use serde_json::Value;

use super::system::{Host, Tool};
use super::usb::lsblk;
use crate::fence::disks::Block;
use crate::fence::protocol::{ErrorKind, HelperError};
use crate::fence::request::{Smart, SmartDisk, SmartReply};
use crate::fence::smart::{STANDBY_EXIT, is_standby, unknown_bridge};

const LIMIT: Duration = Duration::from_secs(30);

/// A disk to read, with the type from the scan.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    /// The device for smartctl.
    device: String,
    /// The name to show: the disk as lsblk names it, or the device with its position behind a controller.
    name: String,
    kind: Option<String>,
    block: Option<usize>,
}

/// Reads the disks one by one. A disk that cannot be read is a row with the error.
pub(super) fn read(host: &Host<'_>, request: &Smart) -> Result<SmartReply, HelperError> {
    let blocks = lsblk(host)?;
    let scan = host.run_with(Tool::Smartctl, &["--scan-open", "--json=c"], Vec::new(), LIMIT)?;
    let scan: Value = serde_json::from_slice(&scan.stdout).unwrap_or_default();
    let targets = targets(&blocks, &scan);
    let wanted: Vec<Target> = match &request.disk {
        None => targets,
        Some(disk) => targets.into_iter().filter(|t| t.name == disk.as_str() || t.device == disk.as_str()).collect(),
    };
    if let (Some(disk), true) = (&request.disk, wanted.is_empty()) {
        return Err(HelperError::new(ErrorKind::NotFound, format!("no disk {disk} on the host")));
    }
    let mut disks = Vec::new();
    for target in &wanted {
        disks.push(read_disk(host, &blocks, target, request.full)?);
    }
    Ok(SmartReply { disks })
}

/// Merges the disks of lsblk and of the scan. The scan omits unknown USB bridges and virtual disks; lsblk omits disks behind a RAID
/// controller.
fn targets(blocks: &[Block], scan: &Value) -> Vec<Target> {
    let scanned: Vec<(&str, Option<&str>)> = scan["devices"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|d| Some((d["name"].as_str()?, d["type"].as_str())))
        .filter(|(name, kind)| is_device(name) && kind.is_none_or(is_type))
        .collect();
    let mut used = vec![false; scanned.len()];
    let mut found = Vec::new();
    for (index, block) in blocks.iter().enumerate().filter(|(_, b)| b.is_disk()) {
        let path = block.path();
        // smartctl lists an NVMe disk by its controller: /dev/nvme0 for /dev/nvme0n1.
        let controller =
            path.strip_prefix("/dev/nvme").and_then(|rest| rest.split_once('n')).map(|(number, _)| format!("/dev/nvme{number}"));
        let entry = scanned.iter().position(|(name, _)| *name == path || Some(*name) == controller.as_deref());
        if let Some(entry) = entry {
            used[entry] = true;
        }
        let kind = entry.and_then(|h| scanned[h].1).map(ToOwned::to_owned);
        found.push(Target { device: path.clone(), name: path, kind, block: Some(index) });
    }
    for (number, (name, kind)) in scanned.iter().enumerate().filter(|(n, _)| !used[*n]) {
        // Namespaces of one controller share its entry.
        let several = scanned.iter().filter(|(other, _)| other == name).count() > 1;
        let name = match kind {
            Some(kind) if several => format!("{name} [{kind}]"),
            _ => (*name).to_owned(),
        };
        let _ = number;
        found.push(Target { device: (*name).to_owned(), name, kind: kind.map(ToOwned::to_owned), block: None });
    }
    found
}

/// Whether a name from the scan is safe as an argument.
fn is_device(name: &str) -> bool {
    name.starts_with("/dev/") && !name.contains("..") && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"/_-".contains(&c))
}

fn is_type(kind: &str) -> bool {
    kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.bytes().all(|c| c.is_ascii_alphanumeric() || b",+_-/".contains(&c))
}

fn read_disk(host: &Host<'_>, blocks: &[Block], target: &Target, full: bool) -> Result<SmartDisk, HelperError> {
    let block = target.block.map(|b| &blocks[b]);
    let mut kind = target.kind.clone();
    let mut output = run_smartctl(host, target, kind.as_deref(), full)?;
    // An unknown bridge is tried once more with the most common type. Other types are not tried, since some commands upset bridges.
    if output.1.is_none() && kind.is_none() && unknown_bridge(&output.0) && block.is_some_and(Block::is_usb) {
        let again = run_smartctl(host, target, Some("sat"), full)?;
        if again.0.get("device").is_some() && (readable(&again.0) || reports_standby(&again.0)) {
            kind = Some("sat".to_owned());
            output = again;
        }
    }
    let (smartctl, error) = output;
    let clean = |text: Option<&String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    Ok(SmartDisk {
        disk: target.name.clone(),
        model: clean(block.and_then(|b| b.model.as_ref())),
        serial: clean(block.and_then(|b| b.serial.as_ref())),
        tran: block.and_then(|b| b.tran.clone()),
        device_type: kind,
        standby: is_standby(&smartctl),
        smartctl,
        error,
    })
}

fn readable(json: &Value) -> bool {
    json["smartctl"]["exit_status"].as_u64().is_some_and(|exit| exit & 0b11 == 0)
}

/// Whether the disk itself reports STANDBY. For a bridge without ATA commands (seen with QEMU's), smartctl reports SLEEP.
fn reports_standby(json: &Value) -> bool {
    is_standby(json) && json["smartctl"]["messages"].to_string().contains("STANDBY")
}

/// Runs smartctl once, without waking the disk. Its output counts despite the exit code.
fn run_smartctl(host: &Host<'_>, target: &Target, kind: Option<&str>, full: bool) -> Result<(Value, Option<String>), HelperError> {
    let standby = format!("standby,{STANDBY_EXIT}");
    let mut args = vec!["--json=c", if full { "-x" } else { "-a" }, "-n", &standby];
    if let Some(kind) = kind {
        args.extend(["-d", kind]);
    }
    args.push(&target.device);
    match host.run_with(Tool::Smartctl, &args, Vec::new(), LIMIT) {
        Ok(done) => match serde_json::from_slice(&done.stdout) {
            Ok(json) => Ok((json, None)),
            Err(_) => Ok((Value::Null, Some(done.stderr_text().lines().next().unwrap_or("smartctl printed no JSON").to_owned()))),
        },
        // One unresponsive disk must not hide the others.
        Err(error) if error.kind == ErrorKind::TimedOut => Ok((Value::Null, Some(error.message))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::disks::{parse_lsblk, tests::sample};

    #[test]
    fn scan_and_lsblk_are_merged() {
        let (Some(tree), Some(nvme), Some(raid)) = (sample("qemu-lsblk.json"), sample("scan-nvme.json"), sample("scan-megaraid.json"))
        else {
            return;
        };
        let blocks = parse_lsblk(&tree).expect("a tree");
        let list = |scan: &[u8]| {
            let scan = serde_json::from_slice(scan).expect("JSON");
            targets(&blocks, &scan)
                .into_iter()
                .map(|t| format!("{} {}", t.name, t.kind.unwrap_or_else(|| "auto".into())))
                .collect::<Vec<_>>()
        };
        let alone = ["/dev/sda auto", "/dev/sdb auto", "/dev/sdc auto", "/dev/sdd auto", "/dev/vda auto"];
        assert_eq!(list(&nvme), alone.into_iter().chain(["/dev/nvme0n1 nvme"]).collect::<Vec<_>>());
        let raid = list(&raid);
        assert_eq!(raid.len(), 8);
        assert_eq!(raid[6..], ["/dev/bus/0 [megaraid,0] megaraid,0", "/dev/bus/0 [megaraid,1] megaraid,1"]);
    }

    #[test]
    fn only_devices_and_types_become_arguments() {
        assert!(
            is_device("/dev/bus/0") && is_device("/dev/nvme0") && !is_device("-x") && !is_device("/dev/../etc/x") && !is_device("/dev/a b")
        );
        assert!(is_type("sat+megaraid,0") && is_type("usbjmicron") && !is_type("-x") && !is_type("sat x") && !is_type(""));
    }
}
