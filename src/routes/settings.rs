//! The privilege of each guest setting, both for changing it and for creating a guest with it.

use super::Drive::{Cloudinit, Disk, Optical};
use super::Privs::{self, All, Any, Need, When, WhenDrive};

const ALLOCATE: Privs = Need("VM.Allocate", "/vms/{vmid}");
const CPU: Privs = Need("VM.Config.CPU", "/vms/{vmid}");
const MEMORY: Privs = Need("VM.Config.Memory", "/vms/{vmid}");
const NETWORK: Privs = Need("VM.Config.Network", "/vms/{vmid}");
const DISK: Privs = Need("VM.Config.Disk", "/vms/{vmid}");
const CDROM: Privs = Need("VM.Config.CDROM", "/vms/{vmid}");
const HWTYPE: Privs = Need("VM.Config.HWType", "/vms/{vmid}");
const OPTIONS: Privs = Need("VM.Config.Options", "/vms/{vmid}");
const CLOUDINIT: Privs = Need("VM.Config.Cloudinit", "/vms/{vmid}");
const CLOUD: Privs = Any(&[CLOUDINIT, NETWORK]);
const POWER: Privs = Need("VM.PowerMgmt", "/vms/{vmid}");
/// The value contains the bridge, but not its zone.
const BRIDGED: Privs = All(&[NETWORK, Need("SDN.Use", "/sdn/zones/{zone}")]);

/// Settings of containers.
pub(super) const LXC: Privs = All(&[
    When("cores", &CPU),
    When("cpuunits", &CPU),
    When("cpulimit", &CPU),
    When("memory", &MEMORY),
    When("swap", &MEMORY),
    When("netN", &BRIDGED),
    When("nameserver", &NETWORK),
    When("searchdomain", &NETWORK),
    When("hostname", &NETWORK),
    When("rootfs", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{rootfs}")])),
    When("mpN", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{mpN}")])),
    When("unusedN", &OPTIONS),
    When("arch", &OPTIONS),
    When("cmode", &OPTIONS),
    When("console", &OPTIONS),
    When("debug", &OPTIONS),
    When("description", &OPTIONS),
    When("entrypoint", &OPTIONS),
    When("env", &OPTIONS),
    When("lock", &OPTIONS),
    When("onboot", &OPTIONS),
    When("ostype", &OPTIONS),
    When("protection", &OPTIONS),
    When("startup", &OPTIONS),
    When("tags", &OPTIONS),
    When("template", &OPTIONS),
    When("timezone", &OPTIONS),
    When("tty", &OPTIONS),
    // `nesting` only; other features require root.
    When("features", &ALLOCATE),
]);

/// Settings of VMs without drives.
pub(super) const QEMU: Privs = All(&[
    When("cores", &CPU),
    When("cpu", &CPU),
    When("cpulimit", &CPU),
    When("cpuunits", &CPU),
    When("numa", &CPU),
    When("smp", &CPU),
    When("sockets", &CPU),
    When("vcpus", &CPU),
    When("allow-ksm", &MEMORY),
    When("balloon", &MEMORY),
    When("memory", &MEMORY),
    When("shares", &MEMORY),
    When("acpi", &HWTYPE),
    When("audio0", &HWTYPE),
    When("hotplug", &HWTYPE),
    When("kvm", &HWTYPE),
    When("machine", &HWTYPE),
    When("rng0", &HWTYPE),
    When("scsihw", &HWTYPE),
    When("serialN", &HWTYPE),
    When("smbios1", &HWTYPE),
    When("tablet", &HWTYPE),
    When("usbN", &HWTYPE),
    When("vga", &HWTYPE),
    When("watchdog", &HWTYPE),
    When("netN", &BRIDGED),
    When("boot", &DISK),
    When("bootdisk", &DISK),
    When("unusedN", &DISK),
    When("vmstatestorage", &DISK),
    When("agent", &OPTIONS),
    When("autostart", &OPTIONS),
    When("bios", &OPTIONS),
    When("description", &OPTIONS),
    When("keyboard", &OPTIONS),
    When("localtime", &OPTIONS),
    When("migrate_downtime", &OPTIONS),
    When("migrate_speed", &OPTIONS),
    When("name", &OPTIONS),
    When("onboot", &OPTIONS),
    When("ostype", &OPTIONS),
    When("protection", &OPTIONS),
    When("reboot", &OPTIONS),
    When("startdate", &OPTIONS),
    When("startup", &All(&[OPTIONS, Need("Sys.Modify", "/")])),
    When("tags", &OPTIONS),
    When("tdf", &OPTIONS),
    When("template", &OPTIONS),
    When("freeze", &POWER),
    When("cicustom", &CLOUD),
    When("cipassword", &CLOUD),
    When("citype", &CLOUD),
    When("ciupgrade", &CLOUD),
    When("ciuser", &CLOUD),
    When("ipconfigN", &CLOUD),
    When("nameserver", &CLOUD),
    When("searchdomain", &CLOUD),
    When("sshkeys", &CLOUD),
]);

/// The privilege depends on the drive: disk, medium or cloud-init.
const fn drive(option: &'static str, disk: &'static Privs) -> [Privs; 3] {
    [WhenDrive(option, Disk, disk), WhenDrive(option, Optical, &CDROM), WhenDrive(option, Cloudinit, &All(&[CLOUDINIT, CDROM]))]
}

const IDE: &[Privs] = &drive("ideN", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{ideN}")]));
const SATA: &[Privs] = &drive("sataN", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{sataN}")]));
const SCSI: &[Privs] = &drive("scsiN", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{scsiN}")]));

/// The drives of VMs.
pub(super) const DRIVES: Privs = All(&[
    All(IDE),
    All(SATA),
    All(SCSI),
    When("cdrom", &CDROM),
    When("virtioN", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{virtioN}")])),
    When("efidisk0", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{efidisk0}")])),
    When("tpmstate0", &All(&[DISK, Need("Datastore.AllocateSpace", "/storage/{tpmstate0}")])),
]);

/// Changing a container requires at least one of these.
pub(super) const CHANGE_LXC: Privs = All(&[Any(&[DISK, CPU, MEMORY, NETWORK, OPTIONS]), LXC]);

/// Changing a VM requires at least one of these.
pub(super) const CHANGE_QEMU: Privs = All(&[Any(&[DISK, CDROM, CPU, MEMORY, NETWORK, HWTYPE, OPTIONS, CLOUDINIT]), QEMU, DRIVES]);
