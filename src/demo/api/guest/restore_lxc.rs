//! Restoring containers from backups.

use super::create_lxc::{Plan, Step, begin, fill, finish, log_all, make_disks, totals};
use super::disks::{self, Source};
use super::rights;
use super::{archive, random};
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{GuestKind, Map};
use crate::demo::tasks::{Effect, TaskSpec};

/// Returns the task of a restore.
pub(super) fn work(req: &Req<'_>, plan: &Plan, spec: TaskSpec) -> Step {
    let spec = spec.log(format!("recovering backed-up configuration from '{}'", plan.archive));
    let found = req.state.volume(&plan.archive).cloned();
    let Some((volume, saved)) = found.and_then(|volume| volume.config.clone().map(|config| (volume, config))) else {
        return Err((spec, format!("volume '{}' does not exist", plan.archive)));
    };
    if volume.subtype.as_deref() == Some("qemu") {
        return Err((spec, format!("unable to parse backup volume '{}' - not a container archive", plan.archive)));
    }
    for (key, net) in saved.iter().filter(|(key, _)| disks::is_net(key)) {
        if !plan.settings.contains_key(key) {
            rights::bridge(req, GuestKind::Lxc, net.as_str().unwrap_or("")).map_err(|refusal| (spec.clone(), in_task(&refusal)))?;
        }
    }
    let unprivileged = plan.unprivileged.unwrap_or_else(|| saved.get("unprivileged").is_some_and(|value| value == 1));
    let was_unprivileged = plan.old.as_ref().is_none_or(|old| old.flag("unprivileged"));
    if was_unprivileged && !unprivileged {
        req.check("/", &["Sys.Modify"]).map_err(|refusal| (spec.clone(), in_task(&refusal)))?;
    }
    let (asked, delayed) = if plan.disks.is_empty() {
        saved_disks(plan, &saved).map_err(|words| (spec.clone(), words))?
    } else {
        (plan.disks.clone(), Map::new())
    };
    let made = make_disks(req, plan, &asked).map_err(|(lines, words)| (log_all(spec.clone(), lines), words))?;
    let data = archive::data_size(&volume);
    let room: u64 = made.volumes.iter().map(|volume| volume.size).sum();
    let mut spec = log_all(begin(plan, spec).takes(0.3), made.lines).takes(0.3);
    spec = spec.log(format!("restoring '{}' now..", plan.archive));
    if archive::is_pbs(req.state, &plan.archive) {
        spec = spec.log(format!("restore proxmox backup image: {}", plan.archive.split_once(':').map_or("", |(_, name)| name)));
    } else {
        spec = spec.log(format!("extracting archive '{}'", disks::path_of(req.state, &plan.archive)));
    }
    spec = spec.takes(0.5 + data as f64 / 2.5e8);
    if data > room {
        let words = "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs -C /var/lib/lxc/rootfs' failed: exit code 2";
        let spec = spec
            .log("tar: ./var/lib: Cannot write: No space left on device")
            .log("tar: Exiting with failure status due to previous errors");
        return Err((undo(plan, spec), words.to_owned()));
    }
    if !archive::is_pbs(req.state, &plan.archive) {
        spec = spec.log(totals("read", data));
    }
    spec = spec.log("merging backed-up and given configuration..").takes(0.2);
    let raw: Vec<String> = saved.iter().filter(|(key, _)| key.starts_with("lxc.") && !plan.root).map(raw_line).collect();
    if !raw.is_empty() {
        let rule = "-".repeat(32);
        spec = log_all(spec.log("WARN: skipping custom lxc options, restore manually as root:").log(rule.as_str()), raw.clone()).log(rule);
    }
    let mut config = plan.settings.clone();
    config.extend(made.config);
    if unprivileged {
        config.insert("unprivileged".to_owned(), 1.into());
    }
    merge(plan, &saved, unprivileged, &mut config);
    fill(&mut config, plan.vmid, &[]);
    config.extend(delayed);
    if saved.get("template").is_some_and(|value| value == 1) {
        spec = spec.log("Convert restored container to template...");
        config.insert("template".to_owned(), 1.into());
    }
    Ok(finish(req, plan, spec, config, made.volumes, u32::from(!raw.is_empty())))
}

/// Returns a raw setting as in the file.
fn raw_line((key, value): (&String, &serde_json::Value)) -> String {
    format!("{key}: {}", value.as_str().unwrap_or_default())
}

fn undo(plan: &Plan, spec: TaskSpec) -> TaskSpec {
    let vmid = plan.vmid;
    match plan.old {
        None => spec.then(Effect::RemoveGuest { vmid, purge: false }),
        Some(_) => spec.then(Effect::SetLock { vmid, lock: None }),
    }
}

/// Returns a refusal as a task's error, with its status.
pub(super) fn in_task(refusal: &Refusal) -> String {
    if refusal.status == 500 { refusal.message.clone() } else { format!("{} {}", refusal.status, refusal.message) }
}

type Asked = (Vec<(String, String)>, Map);

/// Returns the disks of the backup, to be created on the requested storage.
fn saved_disks(plan: &Plan, saved: &Map) -> Result<Asked, String> {
    let (mut asked, mut delayed) = (Vec::new(), Map::new());
    let found = disks::disks(GuestKind::Lxc, saved);
    if found.iter().all(|disk| disk.key != "rootfs") {
        return Err("rootfs configuration could not be recovered, please check and specify manually!".to_owned());
    }
    for mut disk in found {
        match disk.source() {
            Source::Volume if disk.size() == 0 => {
                return Err(format!("unable to detect disk size - please specify {} (size)", disk.key));
            }
            Source::Volume => {
                let gigabytes = disk.size() as f64 / (1u64 << 30) as f64;
                disk.set_volume(&format!("{}:{gigabytes}", plan.storage));
                disk.fields.shift_remove("size");
                asked.push((disk.key.clone(), disk.text()));
            }
            source if disk.key == "rootfs" => {
                return Err(format!("restoring rootfs to {} mount is only possible by specifying -rootfs manually!", source.word()));
            }
            source if !plan.root => {
                return Err(format!("restoring '{}' to {} mount is only possible for root", disk.key, source.word()));
            }
            _ => {
                delayed.insert(disk.key.clone(), disk.text().into());
            }
        }
    }
    Ok((asked, delayed))
}

/// Merges the configuration of the backup into the requested one.
fn merge(plan: &Plan, saved: &Map, unprivileged: bool, config: &mut Map) {
    let was_unprivileged = saved.get("unprivileged").is_some_and(|value| value == 1);
    for (key, value) in saved {
        let skipped = ["digest", "unprivileged", "parent", "template", "lock"].contains(&key.as_str())
            || disks::is_disk(GuestKind::Lxc, key)
            || key.starts_with("unused")
            || (key.starts_with("lxc.") && !plan.root)
            || (key == "features" && !plan.root && !unprivileged && was_unprivileged);
        if skipped {
            continue;
        }
        if plan.unique && disks::is_net(key) {
            config.insert(key.clone(), fresh_net(value.as_str().unwrap_or("")).into());
        } else if !config.contains_key(key) {
            config.insert(key.clone(), value.clone());
        }
    }
}

/// Returns a network device with a new MAC address.
pub(super) fn fresh_net(net: &str) -> String {
    let parts = net.split(',').map(|part| if part.starts_with("hwaddr=") { format!("hwaddr={}", random::mac()) } else { part.to_owned() });
    parts.collect::<Vec<_>>().join(",")
}
