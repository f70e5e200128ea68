//! Mounting a USB disk by its UUID: everything is checked again here, as root, just before it is done.

use std::time::Duration;

use serde_json::Value;

use super::record::{self, FSTAB, Record};
use super::{find, lsblk, mount_row, mounts, protect, remove_place, systemd};
use crate::fence::disks::{Block, Filesystem, usb_rows};
use crate::fence::fstab;
use crate::fence::host::files;
use crate::fence::host::lock::RUN_DIR;
use crate::fence::host::system::{Host, Tool};
use crate::fence::mountinfo;
use crate::fence::policy::{Policy, not_allowed};
use crate::fence::protocol::{ErrorKind, Trouble};
use crate::fence::request::{Persist, UsbMount, UsbMountReply};
use crate::fence::unit::{self, MOUNT_DIR};

/// Time limit for the check of a large filesystem.
const FSCK: Duration = Duration::from_secs(30 * 60);
const START: Duration = Duration::from_secs(90);

/// Mounts it and repairs whatever is missing of a mount that exists already.
pub(in crate::fence::host) fn mount(host: &Host<'_>, policy: &Policy, ask: &UsbMount) -> Result<UsbMountReply, Trouble> {
    if !Policy::names(&policy.mount_names, ask.name.as_str()) {
        return Err(not_allowed(format_args!("a mount named {}", ask.name)));
    }
    if !Policy::names(&policy.disks, ask.uuid.as_str()) {
        return Err(not_allowed(format_args!("the disk {}", ask.uuid)));
    }
    let records = record::all(host)?;
    let known = on_record(&records, ask)?.is_some();
    let tree = lsblk(host)?;
    let fs = usable(&tree, &records, ask)?;
    if let Some(trouble) = systemd::obstacle(host, &ask.name, &ask.uuid, ask.persist) {
        return Err(trouble);
    }
    if let Some(why) = record::foreign(host, &ask.name, &ask.uuid)? {
        return Err(Trouble::refused(why));
    }
    let mut work =
        Work { host, ask, fs, place: unit::place(ask.name.as_str()), unit: unit::unit_name(ask.name.as_str()), done: Vec::new() };
    let here = mountinfo::at(&mounts(host)?, &work.place).is_some();
    let had_place = host.path(&work.place).symlink_metadata().is_ok();
    if here {
        work.verify()?;
    } else {
        let device = find(&tree, ask.uuid.as_str()).map(Block::path).unwrap_or_default();
        host.tools().claim(&device).map_err(|e| Trouble::refused(format!("{device} is in use on the host: {e}")))?;
        work.check_place()?;
    }
    if let Err(trouble) = work.complete(here) {
        if !known && !here {
            work.take_back(had_place);
        }
        return Err(trouble);
    }
    let mount = mount_row(host, &lsblk(host)?, &mounts(host)?, &Record::of(ask));
    Ok(UsbMountReply { mount, changed: !work.done.is_empty(), done: work.done })
}

/// Returns the record of this name. A record of another disk, name or method is refused.
fn on_record<'a>(records: &'a [Record], ask: &UsbMount) -> Result<Option<&'a Record>, Trouble> {
    let exists = |text: String| {
        Trouble::new(ErrorKind::Exists, text)
            .with_hint("`felhom usb status` shows the mounts on record; `felhom usb unmount NAME` removes one")
    };
    if let Some(other) = records.iter().find(|r| r.name == ask.name && r.uuid != ask.uuid) {
        return Err(exists(format!("{} is the name of another disk ({})", ask.name, other.uuid)));
    }
    if let Some(other) = records.iter().find(|r| r.uuid == ask.uuid && r.name != ask.name) {
        return Err(exists(format!("this disk is on record as {}", other.name)));
    }
    let same = records.iter().find(|r| r.name == ask.name);
    if let Some(other) = same.filter(|r| r.persist != ask.persist) {
        return Err(exists(format!("{} is on record already, but as {:?}", ask.name, other.persist).to_lowercase()));
    }
    Ok(same)
}

fn usable(tree: &[Block], records: &[Record], ask: &UsbMount) -> Result<Filesystem, Trouble> {
    let uuid = &ask.uuid;
    let mut recorded: Vec<_> = records.iter().map(Record::recorded).collect();
    // Mounted at its place already: that is a mount whose record was lost, not another's.
    recorded.push(Record::of(ask).recorded());
    let rows: Vec<_> = usb_rows(tree, &recorded).into_iter().filter(|r| r.uuid.as_deref() == Some(uuid.as_str())).collect();
    let Some(row) = rows.first() else {
        return Err(match find(tree, uuid.as_str()) {
            Some(block) => Trouble::refused(format!("{} is not a USB disk", block.path())),
            None => Trouble::new(ErrorKind::NotFound, format!("no disk with the filesystem {uuid} is plugged in"))
                .with_hint("`felhom usb list` shows what is there"),
        });
    };
    if let Some(why) = rows.iter().find_map(|r| r.why_not.as_deref()) {
        return Err(Trouble::refused(format!("{} is not mounted: {why}", row.partition.as_deref().unwrap_or(&row.disk))));
    }
    row.fstype.as_deref().and_then(Filesystem::parse).ok_or_else(|| Trouble::refused("its filesystem is not supported"))
}

struct Work<'a> {
    host: &'a Host<'a>,
    ask: &'a UsbMount,
    fs: Filesystem,
    place: String,
    unit: String,
    done: Vec<String>,
}

impl Work<'_> {
    /// Does every step that is not done yet. The record comes first: if this is interrupted at any point, `usb status` shows the mount
    /// and what is missing, and the next call completes it.
    fn complete(&mut self, here: bool) -> Result<(), Trouble> {
        let written = self.record()?;
        let host = self.host;
        if self.ask.persist != Persist::None && (written || systemd::is_stale(host, &self.ask.name)) {
            host.must(Tool::Systemctl, &["daemon-reload"])?;
            self.done.push("reloaded systemd".to_owned());
        }
        if !here {
            self.prepare_place()?;
        }
        if self.ask.persist == Persist::Unit && !systemd::is_enabled(host, &self.ask.name) {
            host.must(Tool::Systemctl, &["enable", &self.unit])?;
            self.done.push(format!("enabled {}", self.unit));
        }
        if here {
            return Ok(());
        }
        self.start()?;
        self.verify()
    }

    /// An existing directory must be root's own and empty.
    fn check_place(&self) -> Result<(), Trouble> {
        for dir in ["/mnt", MOUNT_DIR, &self.place] {
            files::check_dir(self.host, dir)?;
        }
        if matches!(files::is_empty_dir(self.host, &self.place), Ok(false)) {
            return Err(Trouble::refused(format!("{} is not empty: the mount would hide its files", self.place))
                .with_hint("move the files away, or choose another name"));
        }
        Ok(())
    }

    /// Creates the directory, immutable: nothing can be written into it while the disk is away.
    fn prepare_place(&mut self) -> Result<(), Trouble> {
        files::own_dir(self.host, "/mnt")?;
        files::own_dir(self.host, MOUNT_DIR)?;
        if files::own_dir(self.host, &self.place)? {
            self.done.push(format!("made {}", self.place));
        }
        self.check_place()?;
        if protect(self.host, &self.place)? {
            self.done.push(format!("made {} immutable while no disk is there", self.place));
        }
        Ok(())
    }

    /// Writes the record. Returns false if it was up to date.
    fn record(&mut self) -> Result<bool, Trouble> {
        let host = self.host;
        let ask = self.ask;
        let (path, now, text) = match ask.persist {
            Persist::Unit => {
                let path = record::unit_path(&ask.name);
                let text = unit::text(&ask.name, &ask.uuid, self.fs, &ask.options);
                (path.clone(), files::read(host, &path)?, text)
            }
            Persist::Fstab => {
                let now = files::read_trusted(host, FSTAB)?;
                let line = fstab::line(&ask.name, &ask.uuid, self.fs, &ask.options);
                let text = fstab::with(now.as_deref().unwrap_or_default(), &ask.name, &line).map_err(Trouble::refused)?;
                (FSTAB.to_owned(), now, text)
            }
            Persist::None => {
                files::own_dir(host, RUN_DIR)?;
                let path = record::note_path(&ask.name);
                (path.clone(), files::read(host, &path)?, format!("{}\n", ask.uuid))
            }
        };
        let same = now.as_deref() == Some(&text);
        if !same {
            files::replace(host, &path, &text)?;
            self.done.push(format!("wrote {path}"));
        }
        if ask.persist == Persist::Fstab && !same {
            self.second_opinion(now.as_deref().unwrap_or_default())?;
        }
        Ok(!same)
    }

    /// Has findmnt check the new fstab. It can crash: any exit code but 0 restores the old text.
    fn second_opinion(&mut self, before: &str) -> Result<(), Trouble> {
        let verdict = self.host.run(Tool::Findmnt, &["--verify", "--tab-file", FSTAB])?;
        if verdict.ok() {
            return Ok(());
        }
        files::replace(self.host, FSTAB, before)?;
        Err(Trouble::refused(format!("findmnt finds fault with {FSTAB}; it is as it was: {}", verdict.stdout_text().trim())))
    }

    fn start(&mut self) -> Result<(), Trouble> {
        let host = self.host;
        if self.ask.persist == Persist::None {
            let options = unit::options(&self.ask.options);
            let source = format!("UUID={}", self.ask.uuid);
            host.must_with(Tool::Mount, &["-t", self.fs.mount_type(), "-o", &options, &source, &self.place], Vec::new(), START)?;
        } else {
            if self.fs.has_fsck() {
                // Before the mount's own time limit begins: a check may take longer than that.
                host.must_with(Tool::Systemctl, &["start", &unit::fsck_unit(self.ask.uuid.as_str())], Vec::new(), FSCK)
                    .map_err(|t| self.explained(t, "the check of the filesystem failed"))?;
            }
            host.must_with(Tool::Systemctl, &["start", &self.unit], Vec::new(), START)
                .map_err(|t| self.explained(t, "the mount failed"))?;
        }
        self.done.push(format!("mounted at {}", self.place));
        Ok(())
    }

    /// Replaces systemctl's message, which only points at the journal, by the journal's last line.
    fn explained(&self, mut trouble: Trouble, what: &str) -> Trouble {
        if trouble.kind == ErrorKind::Tool
            && let Ok(journal) = self.host.run(Tool::Journalctl, &["--no-pager", "-q", "-n", "5", "-o", "cat", "-u", &self.unit])
        {
            let said = journal.stdout_text();
            if let Some(last) = said.lines().rev().find(|l| !l.trim().is_empty()) {
                trouble.message = format!("{what}: {}", last.trim());
                trouble.text = Some(said.trim().to_owned());
            }
        }
        trouble
    }

    /// Checks with findmnt that exactly this filesystem is mounted there, with the fixed options.
    fn verify(&self) -> Result<(), Trouble> {
        let done = self.host.run(Tool::Findmnt, &["--json", "--mountpoint", &self.place, "-o", "TARGET,SOURCE,UUID,FSTYPE,OPTIONS"])?;
        let seen: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        let list = seen["filesystems"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [one] = list else {
            return Err(Trouble::refused(format!("{} mounts are at {}, one is expected", list.len(), self.place)));
        };
        if one["uuid"].as_str() != Some(self.ask.uuid.as_str()) {
            return Err(Trouble::refused(format!(
                "something else is mounted at {}: {}",
                self.place,
                one["source"].as_str().unwrap_or("?")
            )));
        }
        let options: Vec<&str> = one["options"].as_str().unwrap_or_default().split(',').collect();
        let missing: Vec<&str> = ["nosuid", "nodev", "noexec"].into_iter().filter(|o| !options.contains(o)).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Trouble::refused(format!("{} is mounted without {}", self.place, missing.join(", ")))
                .with_hint(format!("`felhom usb unmount {}` and mount it again", self.ask.name)))
        }
    }

    /// Undoes a failed first mount.
    fn take_back(&self, had_place: bool) {
        let host = self.host;
        match self.ask.persist {
            Persist::None => {
                let _ = host.run(Tool::Umount, &[&self.place]);
                let _ = files::remove(host, &record::note_path(&self.ask.name));
            }
            Persist::Unit => {
                let _ = host.run(Tool::Systemctl, &["stop", &self.unit]);
                let _ = host.run(Tool::Systemctl, &["disable", &self.unit]);
                let _ = files::remove(host, &record::unit_path(&self.ask.name));
                let _ = host.run(Tool::Systemctl, &["daemon-reload"]);
            }
            Persist::Fstab => {
                let _ = host.run(Tool::Systemctl, &["stop", &self.unit]);
                let now = files::read(host, FSTAB).ok().flatten().unwrap_or_default();
                if let Ok(text) = fstab::without(&now, &self.ask.name) {
                    let _ = files::replace(host, FSTAB, &text);
                }
                let _ = host.run(Tool::Systemctl, &["daemon-reload"]);
            }
        }
        if !had_place {
            remove_place(host, &self.place);
        }
    }
}
