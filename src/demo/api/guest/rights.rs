//! Privileges for settings of guests that Proxmox checks in its code, not in the schema.

use crate::api::schema::property;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{GuestKind, Map};

use super::disks::{self, Disk, Source};

type Checked = Result<(), Refusal>;

/// A changed setting: its new value, or `None` if deleted.
pub(super) struct Change<'a> {
    pub(super) key: &'a str,
    pub(super) value: Option<&'a str>,
}

/// The guest whose settings change, or the pool of a new one.
pub(super) struct Place<'a> {
    pub(super) vmid: u32,
    pub(super) pool: Option<&'a str>,
    pub(super) old: Option<&'a Map>,
    pub(super) unprivileged: bool,
}

impl Place<'_> {
    /// Requires privileges on the guest, or on the pool of a new one.
    pub(super) fn need(&self, req: &Req<'_>, privileges: &[&str]) -> Checked {
        if let Some(pool) = self.pool
            && req.may(&format!("/pool/{pool}"), privileges)
        {
            return Ok(());
        }
        req.check(&format!("/vms/{}", self.vmid), privileges)
    }

    fn need_any(&self, req: &Req<'_>, privileges: &[&str]) -> Checked {
        if let Some(pool) = self.pool
            && req.may_any(&format!("/pool/{pool}"), privileges)
        {
            return Ok(());
        }
        req.check_any(&format!("/vms/{}", self.vmid), privileges)
    }
}

fn forbidden(why: &str) -> Refusal {
    Refusal::forbidden(format!("Permission check failed ({why})"))
}

/// Checks whether the caller may change a setting of a container.
pub(super) fn lxc(req: &Req<'_>, place: &Place<'_>, change: &Change<'_>) -> Checked {
    if req.is_root() {
        return Ok(());
    }
    let old = place.old.and_then(|old| old.get(change.key)).and_then(|value| value.as_str());
    match change.key {
        "cores" | "cpuunits" | "cpulimit" => place.need(req, &["VM.Config.CPU"]),
        "memory" | "swap" => place.need(req, &["VM.Config.Memory"]),
        "nameserver" | "searchdomain" | "hostname" => place.need(req, &["VM.Config.Network"]),
        "hookscript" => Err(forbidden("changing the hookscript is only allowed for root@pam")),
        "features" => features(req, place, old, change.value),
        "tags" => place.need(req, &["VM.Config.Options"]),
        key if disks::is_disk(GuestKind::Lxc, key) => {
            place.need(req, &["VM.Config.Disk"])?;
            let Some(disk) = change.value.and_then(|value| Disk::parse(GuestKind::Lxc, key, value)) else { return Ok(()) };
            if disk.source() != Source::Volume {
                return Err(forbidden(&format!("mount point type {} is only allowed for root@pam", disk.source().word())));
            }
            match disk.wanted() {
                Some((storage, _)) => req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]),
                None => volume(req, place.vmid, disk.volume(), "rootdir"),
            }
        }
        key if disks::is_net(key) => {
            place.need(req, &["VM.Config.Network"])?;
            for text in [old, change.value].into_iter().flatten() {
                bridge(req, GuestKind::Lxc, text)?;
            }
            Ok(())
        }
        key if key.starts_with("dev") => Err(forbidden("configuring device passthrough is only allowed for root@pam")),
        _ => place.need(req, &["VM.Config.Options"]),
    }
}

fn features(req: &Req<'_>, place: &Place<'_>, old: Option<&str>, new: Option<&str>) -> Checked {
    if !place.unprivileged {
        return Err(forbidden("changing feature flags for privileged container is only allowed for root@pam"));
    }
    let read = |text: &str| {
        let fields = disks::fields_of(GuestKind::Lxc, "features").and_then(|fields| property::split(fields, text).ok());
        fields.unwrap_or_default()
    };
    let (old, new) = (read(old.unwrap_or("")), new.map(read));
    let (mut nesting, mut other) = (false, false);
    match &new {
        Some(new) if !old.is_empty() => {
            for key in old.keys().chain(new.keys()) {
                if old.get(key) != new.get(key) {
                    if key == "nesting" {
                        nesting = true;
                    } else {
                        other = true;
                    }
                }
            }
        }
        given => {
            let only = given.as_ref().unwrap_or(&old);
            nesting = only.len() == 1 && only.contains_key("nesting");
            other = !nesting && !only.is_empty();
        }
    }
    if other {
        return Err(forbidden("changing feature flags (except nesting) is only allowed for root@pam"));
    }
    if nesting { place.need(req, &["VM.Allocate"]) } else { Ok(()) }
}

/// Checks whether the caller may use the bridge of a network device.
pub(super) fn bridge(req: &Req<'_>, kind: GuestKind, net: &str) -> Checked {
    if req.is_root() {
        return Ok(());
    }
    let fields = disks::fields_of(kind, "net0").and_then(|fields| property::split(fields, net).ok()).unwrap_or_default();
    let Some(bridge) = fields.get("bridge").and_then(|value| value.as_str()) else { return Ok(()) };
    let mut path = format!("/sdn/zones/localnetwork/{bridge}");
    if let Some(tag) = fields.get("tag").and_then(|value| value.as_str())
        && !req.may(&path, &["SDN.Use"])
    {
        path = format!("{path}/{tag}");
    }
    req.check(&path, &["SDN.Use"])
}

/// Checks whether the caller may use an existing volume.
pub(super) fn volume(req: &Req<'_>, vmid: u32, volid: &str, wanted: &str) -> Checked {
    let Some((storage, name)) = volid.split_once(':') else {
        return if req.is_root() {
            Ok(())
        } else {
            Err(Refusal::die("Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 651."))
        };
    };
    if !req.state.storages.contains_key(storage) {
        return Err(Refusal::die(format!("storage '{storage}' does not exist")));
    }
    let (content, owner) = content_of(name);
    if content.is_empty() {
        return Err(Refusal::die(format!("unable to parse directory volume name '{name}'")));
    }
    if !wanted.is_empty() && content != wanted && !(wanted == "rootdir" && content == "images") {
        return Err(Refusal::die(format!("unable to use volume {volid} - content type needs to be '{wanted}'")));
    }
    let path = format!("/storage/{storage}");
    if req.may(&path, &["Datastore.Allocate"]) {
        return Ok(());
    }
    match (content, owner) {
        ("iso" | "vztmpl" | "import", _) => req.check_any(&path, &["Datastore.AllocateSpace", "Datastore.Audit"]),
        (_, Some(owner)) if owner == vmid => Ok(()),
        ("backup", Some(owner)) => {
            req.check(&path, &["Datastore.AllocateSpace"])?;
            req.check(&format!("/vms/{owner}"), &["VM.Backup"])
        }
        ("images" | "rootdir", Some(owner)) => {
            req.check(&path, &["Datastore.Audit"])?;
            req.check(&format!("/vms/{owner}"), &["VM.Config.Disk"])
        }
        _ => Err(Refusal::die(format!("missing privileges to access {volid}"))),
    }
}

/// Returns the content type and the owner of a volume, from its name.
pub(super) fn content_of(name: &str) -> (&'static str, Option<u32>) {
    let number = |text: &str| text.parse::<u32>().ok();
    if let Some(file) = name.strip_prefix("backup/") {
        let mut parts = file.split(['-', '/']);
        let owner = match parts.next() {
            Some("vzdump") => parts.nth(1).and_then(number),
            Some("ct" | "vm" | "host") => parts.next().and_then(number),
            _ => None,
        };
        return ("backup", owner);
    }
    for (prefix, content) in [("vztmpl/", "vztmpl"), ("iso/", "iso"), ("snippets/", "snippets"), ("import/", "import")] {
        if name.starts_with(prefix) {
            return (content, None);
        }
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    let mut parts = file.split('-');
    match (parts.next(), parts.next().and_then(number)) {
        (Some("vm" | "base" | "subvol" | "basevol"), Some(owner)) => ("images", Some(owner)),
        _ => ("", None),
    }
}

/// Checks whether the caller may change a setting of a VM, except disks.
pub(super) fn qemu(req: &Req<'_>, place: &Place<'_>, key: &str) -> Checked {
    if req.is_root() {
        return Ok(());
    }
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    match stem {
        _ if disks::is_disk(GuestKind::Qemu, key) => Ok(()),
        "cdrom" | "unused" | "serial" | "usb" | "hostpci" | "virtiofs" | "tags" => Ok(()),
        "cores" | "cpu" | "runningcpu" | "cpulimit" | "cpuunits" | "numa" | "smp" | "sockets" | "vcpus" => {
            place.need(req, &["VM.Config.CPU"])
        }
        "memory" | "balloon" | "shares" | "allow-ksm" => place.need(req, &["VM.Config.Memory"]),
        "acpi" | "hotplug" | "kvm" | "machine" | "runningmachine" | "scsihw" | "smbios" | "tablet" | "vga" | "watchdog" | "audio"
        | "rng" => place.need(req, &["VM.Config.HWType"]),
        "agent" | "autostart" | "bios" | "description" | "keyboard" | "localtime" | "migrate_downtime" | "migrate_speed" | "name"
        | "onboot" | "ostype" | "protection" | "reboot" | "startdate" | "tdf" | "template" => place.need(req, &["VM.Config.Options"]),
        "startup" => {
            place.need(req, &["VM.Config.Options"])?;
            req.check("/", &["Sys.Modify"])
        }
        "freeze" => place.need(req, &["VM.PowerMgmt"]),
        "boot" | "bootdisk" | "vmstatestorage" => place.need(req, &["VM.Config.Disk"]),
        "net" => place.need(req, &["VM.Config.Network"]),
        "cicustom" | "cipassword" | "citype" | "ciuser" | "ciupgrade" | "nameserver" | "searchdomain" | "sshkeys" | "ipconfig" => {
            place.need_any(req, &["VM.Config.Cloudinit", "VM.Config.Network"])
        }
        "vmstate" => place.need(req, &["VM.Config.Disk", "VM.PowerMgmt"]),
        _ => Err(Refusal::die(format!("only root can set '{key}' config"))),
    }
}

/// Checks privileges that depend on the value of a VM's setting.
pub(super) fn qemu_value(req: &Req<'_>, place: &Place<'_>, key: &str, value: &str) -> Checked {
    if req.is_root() {
        return Ok(());
    }
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let real = || Err(Refusal::die(format!("only root can set '{key}' config for real devices")));
    let field = |name: &str| {
        let fields = disks::fields_of(GuestKind::Qemu, key).and_then(|fields| property::split(fields, value).ok());
        fields.and_then(|fields| fields.get(name)?.as_str().map(str::to_owned))
    };
    match stem {
        "serial" if value == "socket" => place.need(req, &["VM.Config.HWType"]),
        "serial" => real(),
        "usb" => {
            place.need(req, &["VM.Config.HWType"])?;
            match (field("host"), field("mapping")) {
                (Some(host), _) if host.eq_ignore_ascii_case("spice") => Ok(()),
                (Some(_), _) => real(),
                (None, Some(mapping)) => req.check(&format!("/mapping/usb/{mapping}"), &["Mapping.Use"]),
                (None, None) => Err(Refusal::die("either 'host' or 'mapping' must be set.")),
            }
        }
        "hostpci" => match (field("host"), field("mapping")) {
            (Some(_), _) => Err(Refusal::die(format!("only root can set '{key}' config for non-mapped devices"))),
            (None, Some(mapping)) => {
                req.check(&format!("/mapping/pci/{mapping}"), &["Mapping.Use"])?;
                place.need(req, &["VM.Config.HWType"])
            }
            (None, None) => Err(Refusal::die("either 'host' or 'mapping' must be set.")),
        },
        "net" => bridge(req, GuestKind::Qemu, value),
        "tags" => place.need(req, &["VM.Config.Options"]),
        _ if disks::is_disk(GuestKind::Qemu, key) => qemu_disk(req, place, key, value),
        _ => Ok(()),
    }
}

/// Checks the storage of a new volume, or the privileges on an existing one.
fn qemu_disk(req: &Req<'_>, place: &Place<'_>, key: &str, value: &str) -> Checked {
    let Some(disk) = Disk::parse(GuestKind::Qemu, key, value) else { return Ok(()) };
    let volid = disk.volume();
    let optical = disk.source() == Source::Media;
    if volid == "none" || volid == "cloudinit" || volid.ends_with(":cloudinit") {
        return Ok(());
    }
    if optical && volid == "cdrom" {
        return req.check("/", &["Sys.Console"]);
    }
    if let Some((storage, _)) = disk.wanted().filter(|_| !optical) {
        return req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"]);
    }
    volume(req, place.vmid, volid, "")?;
    match volid.split_once(':').map(|(_, name)| content_of(name).0) {
        None | Some("images" | "iso") => Ok(()),
        Some(_) => Err(Refusal::param(key, "content type needs to be 'images' or 'iso'")),
    }
}

/// Checks the privilege for changing a drive. Creating a VM does not require it.
pub(super) fn qemu_drive(req: &Req<'_>, place: &Place<'_>, key: &str, value: &str) -> Checked {
    let Some(disk) = Disk::parse(GuestKind::Qemu, key, value).filter(|_| !req.is_root()) else { return Ok(()) };
    if disk.volume().contains("cloudinit") {
        place.need(req, &["VM.Config.Cloudinit", "VM.Config.CDROM"])
    } else if disk.source() == Source::Media {
        place.need(req, &["VM.Config.CDROM"])
    } else {
        place.need(req, &["VM.Config.Disk"])
    }
}
