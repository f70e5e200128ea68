//! smartctl for every disk: what the scan finds, together with what lsblk sees.

use std::time::Duration;

use serde_json::Value;

use super::system::{Host, Tool};
use super::usb::lsblk;
use crate::fence::disks::Block;
use crate::fence::protocol::{ErrorKind, Trouble};
use crate::fence::request::{Smart, SmartDisk, SmartReply};
use crate::fence::smart::{STANDBY_EXIT, is_standby, unknown_bridge};

const LIMIT: Duration = Duration::from_secs(30);

/// A disk to ask, and the type that the scan found for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    /// What smartctl opens.
    device: String,
    /// What the reading is called: the disk as lsblk names it, or the device with its place behind a controller.
    shown: String,
    kind: Option<String>,
    block: Option<usize>,
}

/// Reads the disks, one after the other. A disk that gives no reading is a row that says so.
pub(super) fn read(host: &Host<'_>, ask: &Smart) -> Result<SmartReply, Trouble> {
    let blocks = lsblk(host)?;
    let scan = host.run_with(Tool::Smartctl, &["--scan-open", "--json=c"], Vec::new(), LIMIT)?;
    let scan: Value = serde_json::from_slice(&scan.stdout).unwrap_or_default();
    let targets = targets(&blocks, &scan);
    let wanted: Vec<Target> = match &ask.disk {
        None => targets,
        Some(disk) => targets.into_iter().filter(|t| t.shown == disk.as_str() || t.device == disk.as_str()).collect(),
    };
    if let (Some(disk), true) = (&ask.disk, wanted.is_empty()) {
        return Err(Trouble::new(ErrorKind::NotFound, format!("the host has no disk {disk}")));
    }
    let mut disks = Vec::new();
    for target in &wanted {
        disks.push(one(host, &blocks, target, ask.full)?);
    }
    Ok(SmartReply { disks })
}

/// The scan lists no USB bridge that it does not know, and no virtual disk: lsblk does. lsblk lists no disk behind a RAID
/// controller: the scan does.
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
        // An NVMe disk is asked through its controller: /dev/nvme0 for /dev/nvme0n1.
        let controller =
            path.strip_prefix("/dev/nvme").and_then(|rest| rest.split_once('n')).map(|(number, _)| format!("/dev/nvme{number}"));
        let hit = scanned.iter().position(|(name, _)| *name == path || Some(*name) == controller.as_deref());
        if let Some(hit) = hit {
            used[hit] = true;
        }
        let kind = hit.and_then(|h| scanned[h].1).map(ToOwned::to_owned);
        found.push(Target { device: path.clone(), shown: path, kind, block: Some(index) });
    }
    for (number, (name, kind)) in scanned.iter().enumerate().filter(|(n, _)| !used[*n]) {
        // Namespaces of one controller share its entry.
        let several = scanned.iter().filter(|(other, _)| other == name).count() > 1;
        let shown = match kind {
            Some(kind) if several => format!("{name} [{kind}]"),
            _ => (*name).to_owned(),
        };
        let _ = number;
        found.push(Target { device: (*name).to_owned(), shown, kind: kind.map(ToOwned::to_owned), block: None });
    }
    found
}

/// What the scan says becomes an argument: only what looks like a device, and a type, may.
fn is_device(name: &str) -> bool {
    name.starts_with("/dev/") && !name.contains("..") && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"/_-".contains(&c))
}

fn is_type(kind: &str) -> bool {
    kind.starts_with(|c: char| c.is_ascii_lowercase()) && kind.bytes().all(|c| c.is_ascii_alphanumeric() || b",+_-/".contains(&c))
}

fn one(host: &Host<'_>, blocks: &[Block], target: &Target, full: bool) -> Result<SmartDisk, Trouble> {
    let block = target.block.map(|b| &blocks[b]);
    let mut kind = target.kind.clone();
    let mut said = ask(host, target, kind.as_deref(), full)?;
    // An unknown bridge is asked once more as the commonest kind; other types are not tried, since some commands upset bridges.
    if said.1.is_none() && kind.is_none() && unknown_bridge(&said.0) && block.is_some_and(Block::is_usb) {
        let again = ask(host, target, Some("sat"), full)?;
        if again.0.get("device").is_some() && (readable(&again.0) || surely_asleep(&again.0)) {
            kind = Some("sat".to_owned());
            said = again;
        }
    }
    let (smartctl, error) = said;
    let clean = |text: Option<&String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    Ok(SmartDisk {
        disk: target.shown.clone(),
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

/// A bridge that knows no ATA command at all makes smartctl say SLEEP (seen with QEMU's): only STANDBY is a disk's own answer.
fn surely_asleep(json: &Value) -> bool {
    is_standby(json) && json["smartctl"]["messages"].to_string().contains("STANDBY")
}

/// One run of smartctl. What it prints counts, whatever it ends with; a disk asleep is not woken.
fn ask(host: &Host<'_>, target: &Target, kind: Option<&str>, full: bool) -> Result<(Value, Option<String>), Trouble> {
    let standby = format!("standby,{STANDBY_EXIT}");
    let mut args = vec!["--json=c", if full { "-x" } else { "-a" }, "-n", &standby];
    if let Some(kind) = kind {
        args.extend(["-d", kind]);
    }
    args.push(&target.device);
    match host.run_with(Tool::Smartctl, &args, Vec::new(), LIMIT) {
        Ok(done) => match serde_json::from_slice(&done.stdout) {
            Ok(json) => Ok((json, None)),
            Err(_) => Ok((Value::Null, Some(done.stderr_text().lines().next().unwrap_or("smartctl gave no JSON").to_owned()))),
        },
        // One disk that hangs must not hide the others.
        Err(trouble) if trouble.kind == ErrorKind::TimedOut => Ok((Value::Null, Some(trouble.message))),
        Err(trouble) => Err(trouble),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::disks::{parse_lsblk, tests::sample};

    #[test]
    fn scan_and_lsblk_make_one_list() {
        let (Some(tree), Some(nvme), Some(raid)) = (sample("qemu-lsblk.json"), sample("scan-nvme.json"), sample("scan-megaraid.json"))
        else {
            return;
        };
        let blocks = parse_lsblk(&tree).expect("a tree");
        let list = |scan: &[u8]| {
            let scan = serde_json::from_slice(scan).expect("JSON");
            targets(&blocks, &scan)
                .into_iter()
                .map(|t| format!("{} {}", t.shown, t.kind.unwrap_or_else(|| "auto".into())))
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
