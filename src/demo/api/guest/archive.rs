//! Backup archives: names, log lines and sizes.

use jiff::tz::TimeZone;
use serde_json::json;

use super::backup::{Job, Log};
use super::disks::{self, Disk, Source};
use super::{random, times};
use crate::demo::state::{Guest, GuestKind, Map, State, Volume};

/// Returns the size of a backup's content in bytes.
pub(super) fn data_size(volume: &Volume) -> u64 {
    let told = volume.extra.get("data").and_then(serde_json::Value::as_u64);
    let guess = if volume.format.ends_with("zst") || volume.format.ends_with("gz") || volume.format.ends_with("lzo") {
        volume.size * 2
    } else {
        volume.size
    };
    told.unwrap_or(guess) / 10_240 * 10_240
}

/// Whether a volume is on a Proxmox Backup Server.
pub(super) fn is_pbs(state: &State, volid: &str) -> bool {
    volid.split_once(':').and_then(|(id, _)| state.storages.get(id)).is_some_and(|storage| storage.kind() == "pbs")
}

/// The backup in progress.
pub(super) struct Archive {
    pub(super) pbs: bool,
    /// Path, or the snapshot's name on a Proxmox Backup Server.
    pub(super) target: String,
    pub(super) volid: String,
    pub(super) ending: String,
    pub(super) format: String,
    /// Bytes read and written.
    pub(super) data: u64,
    pub(super) size: u64,
    pub(super) disk_bytes: u64,
}

impl Archive {
    pub(super) fn plan(state: &State, job: &Job, zone: &TimeZone, guest: &Guest, found: &[Disk], stamp: i64) -> Self {
        let pbs = state.storages.get(&job.storage).is_some_and(|storage| storage.kind() == "pbs");
        let included = found.iter().filter(|disk| disk.in_backup().0 && disk.source() == Source::Volume);
        let disk_bytes: u64 = included.map(Disk::size).sum();
        let used = (disk_bytes as f64 * guest.load.disk.max(0.02)) as u64;
        let data = match guest.kind {
            // The recorded host's container had 22 MB.
            GuestKind::Lxc if disk_bytes <= 2 << 30 => 22_558_720,
            _ => used / 10_240 * 10_240,
        };
        let ending = match (job.compress.as_str(), guest.kind) {
            ("zstd", _) => ".zst",
            ("gzip", _) => ".gz",
            ("lzo" | "1", _) => ".lzo",
            _ => "",
        };
        let inner = if guest.kind == GuestKind::Lxc { ".tar" } else { ".vma" };
        let full = format!("{inner}{ending}");
        let size = if ending.is_empty() && !pbs { data } else { data * 9 / 20 };
        let type_word = if guest.kind == GuestKind::Lxc { "ct" } else { "vm" };
        if pbs {
            let target = format!("{type_word}/{}/{}", guest.vmid, times::utc(stamp));
            let volid = format!("{}:backup/{target}", job.storage);
            return Self { pbs, target, volid, ending: String::new(), format: format!("pbs-{type_word}"), data, size: data, disk_bytes };
        }
        let name = format!("vzdump-{}-{}-{}{full}", guest.kind.word(), guest.vmid, times::in_name(zone, stamp));
        let folder = disks::folder(state, &job.storage);
        let format = full.trim_start_matches('.').to_owned();
        let volid = format!("{}:backup/{name}", job.storage);
        Self { pbs, target: format!("{folder}/dump/{name}"), volid, ending: full, format, data, size, disk_bytes }
    }

    fn seconds(&self, job: &Job, bytes: u64) -> f64 {
        let limit = job.bwlimit.map_or(3e8, |kib| (kib * 1024) as f64);
        1.0 + bytes as f64 / limit.min(3e8)
    }

    pub(super) fn write_container(&self, log: &mut Log, job: &Job) {
        let seconds = self.seconds(job, self.data);
        if !self.pbs {
            log.wait(seconds);
            log.info(super::create_lxc::totals("written", self.data));
            log.info(format!("archive file size: {}", file_size(self.size)));
            return;
        }
        log.info("set max number of entries in memory for file-based backups to 1048576");
        log.info(format!("Starting backup: {}", self.target));
        log.info(format!("Client name: {}", job.node));
        log.info("No previous manifest available.");
        log.info("Upload directory '/mnt/vzsnap0' to 'felhom@pbs@192.0.2.20:8007:store' as root.pxar.didx");
        log.wait(seconds);
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        log.info(format!(
            "root.pxar: had to backup {:.1} MiB of {:.1} MiB (compressed {:.1} MiB) in {seconds:.2} s (average {:.1} MiB/s)",
            mib(self.data) * 0.98,
            mib(self.data),
            mib(self.data) * 0.4,
            mib(self.data) / seconds
        ));
        log.info("Uploaded backup catalog (212 KiB)");
        log.info(format!("Duration: {seconds:.2}s"));
    }

    pub(super) fn write_machine(&self, log: &mut Log, job: &Job, running: bool) {
        if !running {
            log.info("starting kvm to execute backup task");
            log.wait(0.8);
        }
        log.info(format!("started backup task '{}'", random::uuid()));
        if running && job.mode == "stop" {
            log.info("resuming VM again after 3 seconds");
        }
        let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
        let seconds = self.seconds(job, self.data);
        let rate = self.disk_bytes as f64 / seconds / 1_048_576.0;
        for percent in [3u64, 8, 14, 21, 29, 38, 47, 56, 64, 73, 82, 91, 97, 100] {
            let at = seconds * percent as f64 / 100.0;
            let done = self.disk_bytes as f64 * percent as f64 / 100.0;
            log.info(format!(
                "{percent:>3}% ({:.1} GiB of {:.1} GiB) in {}, read: {rate:.1} MiB/s, write: {:.1} MiB/s",
                done / (1u64 << 30) as f64,
                gib(self.disk_bytes),
                duration(at as u64),
                rate * 0.4
            ));
            if percent < 100 {
                log.wait(seconds / 14.0);
            }
        }
        let sparse = self.disk_bytes.saturating_sub(self.data);
        if !self.pbs {
            log.info(format!("backup is sparse: {:.2} GiB ({}%) total zero data", gib(sparse), sparse * 100 / self.disk_bytes.max(1)));
        }
        log.info(format!("transferred {:.2} GiB in {} seconds ({rate:.1} MiB/s)", gib(self.disk_bytes), seconds as u64));
        if !running {
            log.info("stopping kvm after backup task");
        }
        if !self.pbs {
            log.info(format!("archive file size: {}", file_size(self.size)));
        }
    }

    pub(super) fn volume(&self, state: &State, job: &Job, guest: &Guest, stamp: i64) -> Volume {
        let mut volume = Volume::new(&self.volid, "backup", &self.format, self.size);
        volume.vmid = Some(guest.vmid);
        volume.ctime = Some(stamp);
        volume.subtype = Some(guest.kind.word().to_owned());
        volume.protected = job.protected;
        volume.notes = job.notes.as_deref().map(|template| notes(state, job, guest, template));
        volume.node = state.storages.get(&job.storage).is_some_and(|storage| !storage.is_shared()).then(|| job.node.clone());
        let mut config = guest.config.clone();
        config.shift_remove("lock");
        volume.config = Some(config);
        let mut extra = Map::new();
        extra.insert("data".to_owned(), json!(if guest.kind == GuestKind::Lxc { self.data } else { self.disk_bytes }));
        volume.extra = extra;
        volume
    }
}

fn notes(state: &State, job: &Job, guest: &Guest, template: &str) -> String {
    let cluster = state.cluster.clone().unwrap_or_else(|| "standalone node".to_owned());
    let text = template.replace("\\n", "\n").replace("\\\\", "\\");
    let text = text.replace("{{cluster}}", &cluster).replace("{{guestname}}", &guest.name());
    text.replace("{{node}}", &job.node).replace("{{vmid}}", &guest.vmid.to_string())
}

fn duration(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds}s") } else { format!("{}m {}s", seconds / 60, seconds % 60) }
}

/// Returns a file size as the host prints it.
fn file_size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{}KB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{}MB", bytes >> 20),
        _ => format!("{:.2}GB", bytes as f64 / (1u64 << 30) as f64),
    }
}
