//! Tasks of backups: log lines, durations and the created archives.

use jiff::tz::TimeZone;

use super::archive::Archive;
use super::disks::{self, Disk, Source};
use super::prune::{self, Keep, Mark};
use super::times;
use crate::demo::state::{Guest, GuestKind, Power, State, Storage, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

/// Parameters of a backup.
pub(super) struct Job {
    pub(super) node: String,
    pub(super) storage: String,
    pub(super) mode: String,
    pub(super) compress: String,
    pub(super) notes: Option<String>,
    pub(super) protected: bool,
    pub(super) remove: bool,
    pub(super) keep: Option<Keep>,
    pub(super) bwlimit: Option<i64>,
    pub(super) ionice: i64,
    pub(super) speed: f64,
    pub(super) start_ms: i64,
}

/// A log whose lines have times.
pub(super) struct Log {
    spec: TaskSpec,
    elapsed: f64,
    speed: f64,
    start_ms: i64,
}

impl Log {
    pub(super) fn info(&mut self, text: impl AsRef<str>) {
        self.line(format!("INFO: {}", text.as_ref()));
    }

    fn line(&mut self, text: String) {
        self.change(|spec| spec.log(text));
    }

    pub(super) fn wait(&mut self, seconds: f64) {
        self.elapsed += seconds;
        self.change(|spec| spec.takes(seconds));
    }

    fn then(&mut self, effect: Effect) {
        self.change(|spec| spec.then(effect));
    }

    fn change(&mut self, step: impl FnOnce(TaskSpec) -> TaskSpec) {
        let spec = std::mem::replace(&mut self.spec, TaskSpec::new("", ""));
        self.spec = step(spec);
    }

    /// Returns the time of the current position in Unix seconds.
    fn now(&self) -> i64 {
        (self.start_ms + (self.elapsed * 1000.0 / self.speed) as i64) / 1000
    }
}

/// Backs up guests. Returns whether any failed.
pub(super) fn run(state: &State, job: &Job, spec: TaskSpec, vmids: &[u32]) -> (TaskSpec, bool) {
    let mut log = Log { spec, elapsed: 0.0, speed: job.speed, start_ms: job.start_ms };
    let zone = times::zone(state, &job.node);
    let mut failed = false;
    let mut room = state.storages.get(&job.storage).map_or(0, Storage::free);
    for vmid in vmids {
        let guest = state.guests.get(vmid);
        let result = match guest {
            None => Err(format!("unable to find VM '{vmid}'")),
            Some(guest) => one(state, job, &zone, &mut log, guest, &mut room),
        };
        if let Err(words) = result {
            failed = true;
            log.line(format!("ERROR: Backup of VM {vmid} failed - {words}"));
            log.info(format!("Failed at {}", times::plain(&zone, log.now())));
        }
    }
    let exit: Vec<String> =
        vmids.first().map(|vmid| format!("ERROR: Backup of VM {vmid} failed - interrupted by signal")).into_iter().collect();
    let closing = ["INFO: Backup job finished with errors", "INFO: notified via target `mail-to-root`"];
    let lines: Vec<&str> = exit.iter().map(String::as_str).chain(closing).collect();
    log.change(|spec| spec.stops_with(&lines, "job errors"));
    (log.spec, failed)
}

fn lock(vmid: u32, word: Option<&str>) -> Effect {
    Effect::SetLock { vmid, lock: word.map(str::to_owned) }
}

fn one(state: &State, job: &Job, zone: &TimeZone, log: &mut Log, guest: &Guest, room: &mut u64) -> Result<(), String> {
    let vmid = guest.vmid;
    let stamp = free_moment(state, job, guest, log.now());
    if job.mode == "stop" && state.ha_of(vmid).is_some_and(|entry| entry.get("state").is_none_or(|state| state == "started")) {
        return Err(
            "Cannot execute a backup with stop mode on a HA managed and enabled Service. Use snapshot mode or disable the Service."
                .to_owned(),
        );
    }
    check_limit(state, job, guest)?;
    log.info(format!("Starting Backup of VM {vmid} ({})", guest.kind.word()));
    log.info(format!("Backup started at {}", times::plain(zone, stamp)));
    let begun = log.elapsed;
    let running = guest.power.is_on();
    log.info(format!("status = {}", if running { "running" } else { "stopped" }));
    if let Some(words) = super::locked(guest) {
        return Err(words);
    }
    if !state.quorate() {
        return Err(state.unwritable(&guest.kind.config_path(&guest.node, vmid)));
    }
    log.then(lock(vmid, Some("backup")));
    log.change(|spec| spec.on_stop(lock(vmid, None)));
    log.wait(0.2);
    let found = disks::disks(guest.kind, &guest.config);
    let mut mode = if running { job.mode.as_str() } else { "stop" };
    let mut named = false;
    if mode == "snapshot" {
        prepare(guest, &found, log);
        named = true;
        if guest.kind == GuestKind::Lxc && !disks::can_snapshot(state, guest, true) {
            log.info("mode failure - some volumes do not support snapshots");
            log.info("trying 'suspend' mode instead");
            mode = "suspend";
            named = false;
        }
    }
    log.info(format!("backup mode: {mode}"));
    if let Some(limit) = job.bwlimit {
        log.info(format!("bandwidth limit: {limit} KiB/s"));
    }
    log.info(format!("ionice priority: {}", job.ionice));
    if !named {
        prepare(guest, &found, log);
    }
    let archive = Archive::plan(state, job, zone, guest, &found, stamp);
    quiet(log, guest, mode, running, &found, &archive);
    let what = if archive.pbs { "Proxmox Backup Server" } else { "vzdump" };
    log.info(format!("creating {what} archive '{}'", archive.target));
    if *room < archive.size {
        log.wait(0.5);
        log.line("INFO: zstd: error 70 : Write error : cannot write block : No space left on device ".to_string());
        log.then(lock(vmid, None));
        restart(log, guest, mode, running);
        return Err(format!(
            "command 'set -o pipefail && tar cpf - ... >{}' failed: exit code 70",
            archive.target.replace(&archive.ending, ".tar.dat")
        ));
    }
    match guest.kind {
        GuestKind::Lxc => archive.write_container(log, job),
        GuestKind::Qemu => archive.write_machine(log, job, running),
    }
    *room = room.saturating_sub(archive.size);
    let volume = archive.volume(state, job, guest, stamp);
    if volume.notes.is_some() {
        log.info("adding notes to backup");
    }
    if job.protected {
        log.info("marking backup as protected");
    }
    let volid = volume.volid.clone();
    log.then(Effect::AddVolume(Box::new(volume)));
    if let Some(keep) = job.keep.as_ref().filter(|keep| job.remove && !prune::keeps_all(keep)) {
        sweep(state, job, log, guest, keep, &volid, stamp);
    }
    if guest.kind == GuestKind::Lxc && mode == "snapshot" {
        log.info("cleanup temporary 'vzdump' snapshot");
    }
    log.then(lock(vmid, None));
    if mode == "stop" {
        restart(log, guest, mode, running);
    }
    let seconds = (log.elapsed - begun) as i64;
    log.info(format!("Finished Backup of VM {vmid} ({:02}:{:02}:{:02})", seconds / 3600, seconds / 60 % 60, seconds % 60));
    log.info(format!("Backup finished at {}", times::plain(zone, log.now())));
    Ok(())
}

/// Returns a time that no archive of this guest has in its name.
fn free_moment(state: &State, job: &Job, guest: &Guest, now: i64) -> i64 {
    let storage = state.storages.get(&job.storage);
    let last = storage
        .into_iter()
        .flat_map(|storage| &storage.volumes)
        .filter(|volume| volume.vmid == Some(guest.vmid) && volume.content == "backup");
    now.max(last.filter_map(|volume| volume.ctime).max().map_or(0, |last| last + 1))
}

fn check_limit(state: &State, job: &Job, guest: &Guest) -> Result<(), String> {
    let limit: u64 = job.keep.iter().flat_map(|keep| keep.iter()).filter(|(key, _)| *key != "keep-all").map(|(_, count)| count).sum();
    if limit == 0 || job.remove || job.protected {
        return Ok(());
    }
    let storage = state.storages.get(&job.storage);
    let count = storage
        .into_iter()
        .flat_map(|storage| &storage.volumes)
        .filter(|volume| volume.vmid == Some(guest.vmid) && volume.content == "backup" && !volume.protected)
        .count();
    if count as u64 >= limit {
        return Err(format!(
            "There is a max backup limit of {limit} enforced by the target storage or the vzdump parameters. Either increase the limit or delete old backups."
        ));
    }
    Ok(())
}

/// Logs the included and excluded volumes.
fn prepare(guest: &Guest, found: &[Disk], log: &mut Log) {
    match guest.kind {
        GuestKind::Lxc => {
            if let Some(name) = guest.text("hostname") {
                log.info(format!("CT Name: {name}"));
            }
            for disk in found {
                let (included, why) = disk.in_backup();
                log.info(if included {
                    format!("including mount point {} ('{}') in backup", disk.key, disk.mount())
                } else {
                    format!("excluding {} mount point {} ('{}') from backup ({why})", disk.source().word(), disk.key, disk.mount())
                });
            }
        }
        GuestKind::Qemu => {
            if let Some(name) = guest.text("name") {
                log.info(format!("VM Name: {name}"));
            }
            for disk in found.iter().filter(|disk| disk.source() == Source::Volume) {
                log.info(if disk.in_backup().0 {
                    format!("include disk '{}' '{}' {}", disk.key, disk.volume(), disk.get("size"))
                } else {
                    format!("exclude disk '{}' '{}' (backup=no)", disk.key, disk.volume())
                });
            }
        }
    }
}

/// Stops, suspends or freezes the guest, depending on the mode.
fn quiet(log: &mut Log, guest: &Guest, mode: &str, running: bool, found: &[Disk], archive: &Archive) {
    let vmid = guest.vmid;
    let pid = vmid * 10 + 7;
    match (mode, guest.kind) {
        ("stop", _) if running => {
            log.info("stopping virtual guest");
            log.wait(1.5);
            log.then(Effect::SetPower { vmid, power: Power::Stopped });
            log.change(|spec| spec.on_stop(Effect::SetPower { vmid, power: Power::Running }));
        }
        ("snapshot", GuestKind::Lxc) => {
            let count = found.iter().filter(|disk| disk.in_backup().0).count();
            if count > 1 {
                log.info("suspend vm to make snapshot");
            }
            log.info("create storage snapshot 'vzdump'");
            log.wait(0.6);
            if count > 1 {
                log.info("resume vm");
                log.info("guest is online again after <1 seconds");
            }
        }
        ("suspend", GuestKind::Lxc) => {
            let folder = archive.target.replace(&archive.ending, ".tmp");
            log.info(format!("starting first sync /proc/{pid}/root/ to {folder}"));
            let seconds = archive.data as f64 / 4e8;
            log.wait(seconds);
            log.info(format!("first sync finished - transferred {} bytes in {}s", short(archive.data), seconds as u64));
            log.info("suspending guest");
            log.info(format!("starting final sync /proc/{pid}/root/ to {folder}"));
            log.wait(0.5);
            log.info("final sync finished - transferred 0 bytes in 0s");
            log.info("resuming guest");
            log.info("guest is online again after <1 seconds");
        }
        ("suspend", GuestKind::Qemu) => {
            log.info("suspending guest");
            log.then(Effect::SetPower { vmid, power: Power::Paused });
            log.change(|spec| spec.on_stop(Effect::SetPower { vmid, power: Power::Running }));
        }
        _ => {}
    }
}

fn short(bytes: u64) -> String {
    match bytes {
        0..1_024 => bytes.to_string(),
        1_024..1_048_576 => format!("{:.2}K", bytes as f64 / 1e3),
        1_048_576..1_073_741_824 => format!("{:.2}M", bytes as f64 / 1e6),
        _ => format!("{:.2}G", bytes as f64 / 1e9),
    }
}

fn restart(log: &mut Log, guest: &Guest, mode: &str, running: bool) {
    if !running || mode != "stop" || guest.kind == GuestKind::Qemu {
        return;
    }
    log.info("restarting vm");
    log.wait(1.2);
    log.then(Effect::SetPower { vmid: guest.vmid, power: Power::Running });
    log.info("guest is online again after 4 seconds");
}

fn sweep(state: &State, job: &Job, log: &mut Log, guest: &Guest, keep: &Keep, new: &str, stamp: i64) {
    let options: Vec<String> = keep.iter().map(|(key, count)| format!("{key}={count}")).collect();
    log.info(format!("prune older backups with retention: {}", options.join(", ")));
    // The new archive counts as well, although it is not in the state yet.
    let mut later = State { nodes: state.nodes.clone(), ..State::default() };
    if let Some(mut storage) = state.storages.get(&job.storage).cloned() {
        let mut volume = Volume::new(new, "backup", "vma", 0);
        volume.vmid = Some(guest.vmid);
        volume.subtype = Some(guest.kind.word().to_owned());
        volume.ctime = Some(stamp);
        volume.protected = job.protected;
        storage.volumes.push(volume);
        later.storages.insert(job.storage.clone(), storage);
    }
    let mut pruned = 0;
    for (volume, mark) in prune::marks(&later, &job.storage, &job.node, keep, Some(guest.vmid), Some(guest.kind.word())) {
        if mark == Mark::Remove && volume.volid != new {
            pruned += 1;
            log.info(format!("removing backup '{}'", volume.volid));
            log.wait(0.1);
            log.then(Effect::RemoveVolume { volid: volume.volid });
        }
    }
    let extra = if pruned > 0 { " not covered by keep-retention policy" } else { "" };
    log.info(format!("pruned {pruned} backup(s){extra}"));
}
