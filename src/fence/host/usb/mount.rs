//! Mounts a USB disk by its UUID, after repeating all checks as root.

use std::time::Duration;

use serde_json::Value;

use super::record::{self, FSTAB, Record};
use super::{find, lsblk, mount_row, mounts, protect, remove_mount_point, systemd};
use crate::fence::disks::{Block, Filesystem, usb_rows};
use crate::fence::fstab;
use crate::fence::host::files;
use crate::fence::host::lock::RUN_DIR;
use crate::fence::host::system::{Host, Tool};
use crate::fence::mountinfo;
use crate::fence::policy::{Policy, not_allowed};
use crate::fence::protocol::{ErrorKind, HelperError};
use crate::fence::request::{Persist, UsbMount, UsbMountReply};
use crate::fence::unit::{self, MOUNT_DIR};

/// Time limit for checking a large filesystem.
const FSCK: Duration = Duration::from_secs(30 * 60);
const START: Duration = Duration::from_secs(90);

/// Mounts the disk, or completes an existing mount.
pub(in crate::fence::host) fn mount(host: &Host<'_>, policy: &Policy, request: &UsbMount) -> Result<UsbMountReply, HelperError> {
    if !Policy::contains(&policy.mount_names, request.name.as_str()) {
        return Err(not_allowed(format_args!("the mount name '{}'", request.name)));
    }
    if !Policy::contains(&policy.disks, request.uuid.as_str()) {
        return Err(not_allowed(format_args!("disk {}", request.uuid)));
    }
    let records = record::all(host)?;
    let known = existing_record(&records, request)?.is_some();
    let tree = lsblk(host)?;
    let fs = usable(&tree, &records, request)?;
    if let Some(error) = systemd::obstacle(host, &request.name, &request.uuid, request.persist) {
        return Err(error);
    }
    if let Some(why) = record::foreign(host, &request.name, &request.uuid)? {
        return Err(HelperError::refused(why));
    }
    let mut work = Work {
        host,
        request,
        fs,
        mount_point: unit::mount_point(request.name.as_str()),
        unit: unit::unit_name(request.name.as_str()),
        done: Vec::new(),
    };
    let here = mountinfo::at(&mounts(host)?, &work.mount_point).is_some();
    let had_mount_point = host.path(&work.mount_point).symlink_metadata().is_ok();
    if here {
        work.verify()?;
    } else {
        let device = find(&tree, request.uuid.as_str()).map(Block::path).unwrap_or_default();
        host.tools().claim(&device).map_err(|e| HelperError::refused(format!("{device} is in use on the host: {e}")))?;
        work.check_mount_point()?;
    }
    if let Err(error) = work.complete(here) {
        if !known && !here {
            work.undo(had_mount_point);
        }
        return Err(error);
    }
    let mount = mount_row(host, &lsblk(host)?, &mounts(host)?, &Record::of(request));
    Ok(UsbMountReply { mount, changed: !work.done.is_empty(), done: work.done })
}

/// Returns the record of this name. A record with another disk, name or method is refused.
fn existing_record<'a>(records: &'a [Record], request: &UsbMount) -> Result<Option<&'a Record>, HelperError> {
    let exists = |text: String| {
        HelperError::new(ErrorKind::Exists, text)
            .with_hint("run `felhom usb status` to list the mounts, and `felhom usb unmount NAME` to remove one")
    };
    if let Some(other) = records.iter().find(|r| r.name == request.name && r.uuid != request.uuid) {
        return Err(exists(format!("the name '{}' is used for another disk ({})", request.name, other.uuid)));
    }
    if let Some(other) = records.iter().find(|r| r.uuid == request.uuid && r.name != request.name) {
        return Err(exists(format!("this disk is already mounted under the name '{}'", other.name)));
    }
    let same = records.iter().find(|r| r.name == request.name);
    if let Some(other) = same.filter(|r| r.persist != request.persist) {
        return Err(exists(format!("'{}' already exists with persist={}", request.name, format!("{:?}", other.persist).to_lowercase())));
    }
    Ok(same)
}

fn usable(tree: &[Block], records: &[Record], request: &UsbMount) -> Result<Filesystem, HelperError> {
    let uuid = &request.uuid;
    let mut recorded: Vec<_> = records.iter().map(Record::recorded).collect();
    // If the disk is mounted at this mount point, the record was lost; the mount is felhom's.
    recorded.push(Record::of(request).recorded());
    let rows: Vec<_> = usb_rows(tree, &recorded).into_iter().filter(|r| r.uuid.as_deref() == Some(uuid.as_str())).collect();
    let Some(row) = rows.first() else {
        return Err(match find(tree, uuid.as_str()) {
            Some(block) => HelperError::refused(format!("{} is not a USB disk", block.path())),
            None => HelperError::new(ErrorKind::NotFound, format!("no disk with the filesystem {uuid} is plugged in"))
                .with_hint("run `felhom usb list` to list the disks"),
        });
    };
    if let Some(why) = rows.iter().find_map(|r| r.why_not.as_deref()) {
        return Err(HelperError::refused(format!("cannot mount {}: {why}", row.partition.as_deref().unwrap_or(&row.disk))));
    }
    row.fstype.as_deref().and_then(Filesystem::parse).ok_or_else(|| HelperError::refused("its filesystem is not supported"))
}

struct Work<'a> {
    host: &'a Host<'a>,
    request: &'a UsbMount,
    fs: Filesystem,
    mount_point: String,
    unit: String,
    done: Vec<String>,
}

impl Work<'_> {
    /// Does the missing steps. The record is written first: after an interruption, `usb status` shows the mount and what is missing, and
    /// the next call completes it.
    fn complete(&mut self, here: bool) -> Result<(), HelperError> {
        let written = self.record()?;
        let host = self.host;
        if self.request.persist != Persist::None && (written || systemd::is_stale(host, &self.request.name)) {
            host.must(Tool::Systemctl, &["daemon-reload"])?;
            self.done.push("reloaded systemd".to_owned());
        }
        if !here {
            self.prepare_mount_point()?;
        }
        if self.request.persist == Persist::Unit && !systemd::is_enabled(host, &self.request.name) {
            host.must(Tool::Systemctl, &["enable", &self.unit])?;
            self.done.push(format!("enabled {}", self.unit));
        }
        if here {
            return Ok(());
        }
        self.start()?;
        self.verify()
    }

    /// Checks that an existing directory is owned by root and empty.
    fn check_mount_point(&self) -> Result<(), HelperError> {
        for dir in ["/mnt", MOUNT_DIR, &self.mount_point] {
            files::check_dir(self.host, dir)?;
        }
        if matches!(files::is_empty_dir(self.host, &self.mount_point), Ok(false)) {
            return Err(HelperError::refused(format!("{} is not empty; the mount would hide its files", self.mount_point))
                .with_hint("move the files away, or choose another name"));
        }
        Ok(())
    }

    /// Creates the directory and makes it immutable, so nothing can be written to it while the disk is unplugged.
    fn prepare_mount_point(&mut self) -> Result<(), HelperError> {
        files::own_dir(self.host, "/mnt")?;
        files::own_dir(self.host, MOUNT_DIR)?;
        if files::own_dir(self.host, &self.mount_point)? {
            self.done.push(format!("created {}", self.mount_point));
        }
        self.check_mount_point()?;
        if protect(self.host, &self.mount_point)? {
            self.done.push(format!("made {} immutable while unmounted", self.mount_point));
        }
        Ok(())
    }

    /// Writes the record. Returns false if it was up to date.
    fn record(&mut self) -> Result<bool, HelperError> {
        let host = self.host;
        let request = self.request;
        let (path, now, text) = match request.persist {
            Persist::Unit => {
                let path = record::unit_path(&request.name);
                let text = unit::text(&request.name, &request.uuid, self.fs, &request.options);
                (path.clone(), files::read(host, &path)?, text)
            }
            Persist::Fstab => {
                let now = files::read_trusted(host, FSTAB)?;
                let line = fstab::line(&request.name, &request.uuid, self.fs, &request.options);
                let text = fstab::with(now.as_deref().unwrap_or_default(), &request.name, &line).map_err(HelperError::refused)?;
                (FSTAB.to_owned(), now, text)
            }
            Persist::None => {
                files::own_dir(host, RUN_DIR)?;
                let path = record::note_path(&request.name);
                (path.clone(), files::read(host, &path)?, format!("{}\n", request.uuid))
            }
        };
        let same = now.as_deref() == Some(&text);
        if !same {
            files::replace(host, &path, &text)?;
            self.done.push(format!("wrote {path}"));
        }
        if request.persist == Persist::Fstab && !same {
            self.verify_fstab(now.as_deref().unwrap_or_default())?;
        }
        Ok(!same)
    }

    /// Checks the new fstab with findmnt, which can crash. Any exit code other than 0 restores the old text.
    fn verify_fstab(&mut self, before: &str) -> Result<(), HelperError> {
        let verdict = self.host.run(Tool::Findmnt, &["--verify", "--tab-file", FSTAB])?;
        if verdict.ok() {
            return Ok(());
        }
        files::replace(self.host, FSTAB, before)?;
        Err(HelperError::refused(format!("findmnt rejects the new line in {FSTAB}, which was restored: {}", verdict.stdout_text().trim())))
    }

    fn start(&mut self) -> Result<(), HelperError> {
        let host = self.host;
        if self.request.persist == Persist::None {
            let options = unit::options(&self.request.options);
            let source = format!("UUID={}", self.request.uuid);
            host.must_with(Tool::Mount, &["-t", self.fs.mount_type(), "-o", &options, &source, &self.mount_point], Vec::new(), START)?;
        } else {
            if self.fs.has_fsck() {
                // Runs before the mount's time limit starts, since a check may take longer.
                host.must_with(Tool::Systemctl, &["start", &unit::fsck_unit(self.request.uuid.as_str())], Vec::new(), FSCK)
                    .map_err(|t| self.with_journal(t, "the filesystem check failed"))?;
            }
            host.must_with(Tool::Systemctl, &["start", &self.unit], Vec::new(), START)
                .map_err(|t| self.with_journal(t, "the mount failed"))?;
        }
        self.done.push(format!("mounted at {}", self.mount_point));
        Ok(())
    }

    /// Replaces systemctl's message, which only refers to the journal, by the last line of the journal.
    fn with_journal(&self, mut error: HelperError, what: &str) -> HelperError {
        if error.kind == ErrorKind::Tool
            && let Ok(journal) = self.host.run(Tool::Journalctl, &["--no-pager", "-q", "-n", "5", "-o", "cat", "-u", &self.unit])
        {
            let said = journal.stdout_text();
            if let Some(last) = said.lines().rev().find(|l| !l.trim().is_empty()) {
                error.message = format!("{what}: {}", last.trim());
                error.text = Some(said.trim().to_owned());
            }
        }
        error
    }

    /// Checks with findmnt that exactly this filesystem is mounted, with the fixed options.
    fn verify(&self) -> Result<(), HelperError> {
        let done =
            self.host.run(Tool::Findmnt, &["--json", "--mountpoint", &self.mount_point, "-o", "TARGET,SOURCE,UUID,FSTYPE,OPTIONS"])?;
        let seen: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        let list = seen["filesystems"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [one] = list else {
            return Err(HelperError::refused(format!("expected one mount at {}, found {}", self.mount_point, list.len())));
        };
        if one["uuid"].as_str() != Some(self.request.uuid.as_str()) {
            return Err(HelperError::refused(format!(
                "another filesystem is mounted at {}: {}",
                self.mount_point,
                one["source"].as_str().unwrap_or("?")
            )));
        }
        let options: Vec<&str> = one["options"].as_str().unwrap_or_default().split(',').collect();
        let missing: Vec<&str> = ["nosuid", "nodev", "noexec"].into_iter().filter(|o| !options.contains(o)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(HelperError::refused(format!("{} is mounted without {}", self.mount_point, missing.join(", ")))
                .with_hint(format!("run `felhom usb unmount {}` and mount it again", self.request.name)))
        }
    }

    /// Undoes a failed first mount.
    fn undo(&self, had_mount_point: bool) {
        let host = self.host;
        match self.request.persist {
            Persist::None => {
                let _ = host.run(Tool::Umount, &[&self.mount_point]);
                let _ = files::remove(host, &record::note_path(&self.request.name));
            }
            Persist::Unit => {
                let _ = host.run(Tool::Systemctl, &["stop", &self.unit]);
                let _ = host.run(Tool::Systemctl, &["disable", &self.unit]);
                let _ = files::remove(host, &record::unit_path(&self.request.name));
                let _ = host.run(Tool::Systemctl, &["daemon-reload"]);
            }
            Persist::Fstab => {
                let _ = host.run(Tool::Systemctl, &["stop", &self.unit]);
                let now = files::read(host, FSTAB).ok().flatten().unwrap_or_default();
                if let Ok(text) = fstab::without(&now, &self.request.name) {
                    let _ = files::replace(host, FSTAB, &text);
                }
                let _ = host.run(Tool::Systemctl, &["daemon-reload"]);
            }
        }
        if !had_mount_point {
            remove_mount_point(host, &self.mount_point);
        }
    }
}
