//! Applying changes of a configuration, at once or as pending changes.

use serde_json::Value;

use super::config::Errors;
use super::disks::{self, Disk, Namer, Source};
use super::random;
use crate::api::schema::property;
use crate::demo::api::Refusal;
use crate::demo::state::{Guest, GuestKind, State, Volume};

/// The result of a change.
pub(super) struct Outcome {
    guest: Guest,
    made: Vec<Volume>,
    removed: Vec<String>,
}

/// A change in progress.
pub(super) struct Edit<'a> {
    state: &'a State,
    guest: Guest,
    namer: Namer,
    made: Vec<Volume>,
    removed: Vec<String>,
    log: Vec<String>,
    errors: Errors,
}

/// Settings that are applied to a running container.
const LIVE_LXC: [&str; 13] = [
    "description",
    "onboot",
    "startup",
    "protection",
    "hostname",
    "hookscript",
    "cores",
    "tags",
    "lock",
    "cpulimit",
    "cpuunits",
    "memory",
    "swap",
];

/// Settings that are applied to a running VM.
const LIVE_QEMU: [&str; 15] = [
    "name",
    "description",
    "onboot",
    "startup",
    "protection",
    "tags",
    "lock",
    "hookscript",
    "shares",
    "migrate_downtime",
    "migrate_speed",
    "cpuunits",
    "cpulimit",
    "agent",
    "vmstatestorage",
];

impl<'a> Edit<'a> {
    pub(super) fn new(state: &'a State, guest: Guest) -> Self {
        let namer = Namer::new(state, guest.vmid);
        Self { state, guest, namer, made: Vec::new(), removed: Vec::new(), log: Vec::new(), errors: Errors::new() }
    }

    pub(super) fn revert(&mut self, keys: &[String]) {
        for key in keys {
            self.guest.pending.shift_remove(key);
            self.guest.pending_delete.retain(|waiting| waiting != key);
        }
    }

    pub(super) fn unlock(&mut self) {
        self.guest.config.shift_remove("lock");
    }

    fn protected(&self, what: &str) -> Result<(), Refusal> {
        if self.guest.flag("protection") {
            return Err(Refusal::die(format!("{what} - protection mode enabled")));
        }
        Ok(())
    }

    fn running(&self) -> bool {
        self.guest.power.is_on()
    }

    pub(super) fn delete_lxc(&mut self, key: &str) -> Result<(), Refusal> {
        if !self.guest.config.contains_key(key) && !self.guest.pending.contains_key(key) {
            return Ok(());
        }
        match key {
            "memory" | "rootfs" | "ostype" => return Err(Refusal::die(format!("unable to delete required option '{key}'"))),
            "unprivileged" => return Err(Refusal::die(format!("unable to delete read-only option: '{key}'"))),
            _ if key.starts_with("unused") || disks::is_disk(GuestKind::Lxc, key) => {
                self.protected(&format!("can't remove CT {} drive '{key}'", self.guest.vmid))?;
            }
            _ => {}
        }
        let live = (LIVE_LXC.contains(&key) && key != "memory") || disks::is_net(key) || key.starts_with("unused");
        self.remove(key, live);
        Ok(())
    }

    pub(super) fn delete_qemu(&mut self, key: &str, force: bool) -> Result<(), Refusal> {
        if !self.guest.config.contains_key(key) && !self.guest.pending.contains_key(key) {
            return Ok(());
        }
        let drive = disks::is_disk(GuestKind::Qemu, key) || key.starts_with("unused");
        if drive {
            self.protected(&format!("can't remove drive '{key}'"))?;
        }
        let live = LIVE_QEMU.contains(&key) || disks::is_net(key) || drive;
        self.remove(key, live);
        if force && drive {
            let gone: Vec<String> = self.guest.config.keys().filter(|key| key.starts_with("unused")).cloned().collect();
            for key in gone {
                self.remove(&key, true);
            }
        }
        Ok(())
    }

    fn remove(&mut self, key: &str, live: bool) {
        self.guest.pending.shift_remove(key);
        if self.running() && !live {
            if self.guest.config.contains_key(key) && !self.guest.pending_delete.iter().any(|waiting| waiting == key) {
                self.guest.pending_delete.push(key.to_owned());
            }
            return;
        }
        let old = self.guest.config.shift_remove(key);
        if let Some(text) = old.as_ref().and_then(Value::as_str) {
            if key.starts_with("unused") {
                self.removed.push(text.split(',').next().unwrap_or(text).to_owned());
            } else {
                self.set_aside(key, text);
            }
        }
    }

    /// Keeps a detached disk as an unused one.
    fn set_aside(&mut self, key: &str, text: &str) {
        let Some(disk) = Disk::parse(self.guest.kind, key, text) else { return };
        if !disks::is_disk(self.guest.kind, key) || disk.source() != Source::Volume {
            return;
        }
        let volume = disk.volume().to_owned();
        let still = disks::disks(self.guest.kind, &self.guest.config).iter().any(|other| other.volume() == volume);
        if still {
            return;
        }
        if let Some(free) = (0..256).map(|n| format!("unused{n}")).find(|key| !self.guest.config.contains_key(key)) {
            self.guest.config.insert(free, volume.into());
        }
    }

    pub(super) fn set_lxc(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        let running = self.running();
        let mut text = value.to_owned();
        let mut live = LIVE_LXC.contains(&key);
        match key {
            "unprivileged" => return Err(Refusal::die(format!("unable to modify read-only option: '{key}'"))),
            "description" => text = lxc_description(value),
            "tags" => text = unique_tags(value),
            "nameserver" | "searchdomain" => text = value.split([',', ';', ' ']).filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" "),
            _ if disks::is_net(key) => {
                text = self.net_lxc(value);
                live = true;
            }
            _ if disks::is_disk(GuestKind::Lxc, key) => {
                self.protected(&format!("can't update CT {} drive '{key}'", self.guest.vmid))?;
                self.check_content(GuestKind::Lxc, key, value)?;
                live = !self.guest.config.contains_key(key);
                if !running || live {
                    match self.disk(key, value) {
                        Ok(made) => text = made,
                        Err(refusal) => {
                            let prefix = if running {
                                format!("unable to hotplug {key}: ")
                            } else {
                                format!("unable to apply pending change {key} : ")
                            };
                            self.errors.insert(key.to_owned(), format!("{prefix}{}\n", refusal.message));
                            return Ok(());
                        }
                    }
                }
            }
            _ => {}
        }
        self.put(key, &text, !running || live);
        Ok(())
    }

    fn check_content(&self, kind: GuestKind, key: &str, value: &str) -> Result<(), Refusal> {
        let Some(disk) = Disk::parse(kind, key, value) else { return Ok(()) };
        let Some(id) = disk.storage().filter(|_| disk.source() == Source::Volume) else { return Ok(()) };
        let storage = self.state.storages.get(id).ok_or_else(|| Refusal::die(format!("storage '{id}' does not exist")))?;
        if kind == GuestKind::Lxc && !storage.holds("rootdir") {
            return Err(Refusal::die(format!("storage '{id}' does not allow content type 'rootdir' (Container)")));
        }
        if kind == GuestKind::Qemu && disk.wanted().is_some() && !storage.holds("images") {
            return Err(Refusal::die(format!("storage '{id}' does not support vm images")));
        }
        Ok(())
    }

    /// Creates the volume of a disk setting. A replaced volume becomes unused.
    fn disk(&mut self, key: &str, value: &str) -> Result<String, Refusal> {
        let Some(mut disk) = Disk::parse(self.guest.kind, key, value) else { return Ok(value.to_owned()) };
        let node = self.guest.node.clone();
        match disks::make(self.state, &mut self.namer, &mut disk, &node, false)? {
            Some(made) => {
                self.log.extend(made.lines);
                if self.guest.kind == GuestKind::Qemu {
                    self.log.push(format!("{key}: successfully created disk '{}'", disk.text()));
                }
                self.made.push(made.volume);
            }
            None => {
                if let Some(volume) = self.state.volume(disk.volume()) {
                    disk.set("size", &property::size_text(volume.size));
                }
            }
        }
        let text = disk.text();
        if let Some(old) = self.guest.config.get(key).and_then(Value::as_str).map(str::to_owned) {
            self.guest.config.insert(key.to_owned(), text.clone().into());
            self.set_aside(key, &old);
        }
        // An unused volume that is attached again is no longer unused.
        let volume = disk.volume().to_owned();
        self.guest.config.retain(|key, value| !key.starts_with("unused") || value.as_str() != Some(&volume));
        Ok(text)
    }

    /// Completes a container's network device with MAC address and type.
    fn net_lxc(&self, value: &str) -> String {
        net_lxc(value)
    }

    pub(super) fn set_qemu(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        let running = self.running();
        let mut text = value.to_owned();
        let mut live = LIVE_QEMU.contains(&key);
        match key {
            "description" => value.trim_end_matches('\n').clone_into(&mut text),
            "tags" => text = unique_tags(value),
            "balloon" => live = true,
            _ if disks::is_net(key) => {
                text = net_qemu(value);
                live = true;
            }
            _ if disks::is_disk(GuestKind::Qemu, key) => {
                self.protected(&format!("can't update drive '{key}'"))?;
                self.check_content(GuestKind::Qemu, key, value)?;
                live = !key.starts_with("ide") && !key.starts_with("sata");
                text = self.disk(key, value)?;
            }
            _ => {}
        }
        self.put(key, &text, !running || live);
        Ok(())
    }

    fn put(&mut self, key: &str, text: &str, now: bool) {
        let value = disks::typed(self.guest.kind, key, text);
        self.guest.pending_delete.retain(|waiting| waiting != key);
        if now || self.guest.config.get(key) == Some(&value) {
            self.guest.pending.shift_remove(key);
            self.guest.config.insert(key.to_owned(), value);
        } else {
            self.guest.pending.insert(key.to_owned(), value);
        }
    }

    /// Returns the outcome or the errors by setting, and the log lines of a task.
    pub(super) fn done(self) -> (Result<Outcome, Errors>, Vec<String>) {
        let outcome = Outcome { guest: self.guest, made: self.made, removed: self.removed };
        (if self.errors.is_empty() { Ok(outcome) } else { Err(self.errors) }, self.log)
    }
}

/// Stores a change.
pub(super) fn keep(state: &mut State, outcome: Outcome) {
    for volid in outcome.removed {
        for storage in state.storages.values_mut() {
            storage.take(|volume| volume.volid == volid);
        }
    }
    for volume in outcome.made {
        let id = volume.volid.split(':').next().unwrap_or_default();
        if let Some(storage) = state.storages.get_mut(id) {
            storage.put(volume);
        }
    }
    state.guests.insert(outcome.guest.vmid, outcome.guest);
}

/// Returns a container's notes with a final newline, because the file stores them as comment lines.
pub(super) fn lxc_description(text: &str) -> String {
    if text.is_empty() || text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// Returns the tags sorted, without duplicates.
pub(super) fn unique_tags(text: &str) -> String {
    let mut tags: Vec<&str> = Vec::new();
    for tag in text.split([';', ',', ' ']).filter(|tag| !tag.is_empty()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags.sort_unstable();
    tags.join(";")
}

pub(super) fn net_lxc(value: &str) -> String {
    let Some(fields) = disks::fields_of(GuestKind::Lxc, "net0") else { return value.to_owned() };
    let Ok(mut net) = property::split(fields, value) else { return value.to_owned() };
    net.insert("type".to_owned(), "veth".into());
    if !net.contains_key("hwaddr") {
        net.insert("hwaddr".to_owned(), random::mac().into());
    }
    property::print(fields, &net)
}

/// Completes a VM's network device with a MAC address.
pub(super) fn net_qemu(value: &str) -> String {
    let Some(fields) = disks::fields_of(GuestKind::Qemu, "net0") else { return value.to_owned() };
    let Ok(mut net) = property::split(fields, value) else { return value.to_owned() };
    if !net.contains_key("macaddr") {
        net.insert("macaddr".to_owned(), random::mac().into());
    }
    property::print(fields, &net)
}
