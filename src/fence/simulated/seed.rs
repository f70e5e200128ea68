//! Disks of the simulated host: a healthy NVMe disk, a worn SATA disk, one in standby, and usable and unusable USB disks.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use crate::fence::policy::Policy;

/// Creates the host's files in a directory. Existing files are kept.
pub fn seed(root: &Path) -> io::Result<()> {
    for dir in [
        "etc/systemd/system",
        "etc/felhom",
        "etc/pve/nodes/pve1/lxc",
        "mnt/pve",
        "proc/self",
        "proc/sys/kernel",
        "run",
        "sim/smart",
        "sys/devices/system/cpu",
        "var/log",
    ] {
        fs::create_dir_all(root.join(dir))?;
    }
    let policy = Policy {
        words: ["usb-mount", "usb-unmount", "golden-create"].map(ToOwned::to_owned).into(),
        vmid_min: 100,
        vmid_max: 999_999,
        storages: ["local", "local-lvm", "local-zfs"].map(ToOwned::to_owned).into(),
        bridges: ["vmbr0", "vmbr1"].map(ToOwned::to_owned).into(),
        ..Policy::default()
    };
    let table = "UUID=6a1c2f00-0d1b-4f6e-9a10-1f0e5d2c3b4a / ext4 errors=remount-ro 0 1\nUUID=9F31-0A7C /boot/efi vfat umask=0077 0 1\n";
    let mounted = "28 1 259:3 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw\n31 28 259:2 / /boot/efi rw,relatime shared:2 - vfat /dev/nvme0n1p1 rw\n";
    let files = [
        ("etc/felhom/fence.toml", policy.to_text()),
        ("proc/sys/kernel/hostname", "pve1\n".to_owned()),
        ("etc/fstab", table.to_owned()),
        ("proc/self/mountinfo", mounted.to_owned()),
        ("sys/devices/system/cpu/present", "0-3\n".to_owned()),
        ("sim/lsblk.json", lsblk().to_string()),
        ("sim/scan.json", scan().to_string()),
        ("sim/sensors.json", sensors().to_string()),
        ("sim/smart/nvme0n1.json", nvme().to_string()),
        ("sim/smart/sda.json", ata("WDC WD40EFRX-68N32N0", "WD-WCC7K000001", 28_734, 34, 0).to_string()),
        ("sim/smart/sdb.json", ata("DEMO-HDD-4T", "D4T0002", 51_377, 41, 8).to_string()),
        ("sim/smart/sdc.json", asleep().to_string()),
        ("sim/smart/sdd.json", bridge("/dev/sdd").to_string()),
        ("sim/smart/sdd-sat.json", ssd().to_string()),
        ("sim/smart/sde.json", bridge("/dev/sde").to_string()),
        ("sim/smart/sde-sat.json", no_ata("/dev/sde").to_string()),
        ("sim/smart/sdf.json", bridge("/dev/sdf").to_string()),
    ];
    for (path, text) in files {
        let path = root.join(path);
        if !path.exists() {
            fs::write(path, text)?;
        }
    }
    Ok(())
}

fn disk(name: &str, tran: &str, size: u64, model: &str, serial: &str, children: &Value) -> Value {
    let pttype = if children.as_array().is_some_and(|c| !c.is_empty()) { json!("gpt") } else { Value::Null };
    json!({"name":name,"path":format!("/dev/{name}"),"type":"disk","size":size,"ro":false,"rm":false,"tran":tran,
        "subsystems":if tran == "usb" { "block:scsi:usb:pci" } else { "block:pci" },"fstype":null,"label":null,"uuid":null,"pttype":pttype,
        "serial":serial,"model":model,"mountpoints":[],"children":children})
}

fn part(name: &str, size: u64, fstype: &str, label: Option<&str>, uuid: &str) -> Value {
    json!({"name":name,"path":format!("/dev/{name}"),"type":"part","size":size,"ro":false,"rm":false,"tran":null,"fstype":fstype,"label":label,
        "uuid":uuid,"pttype":"gpt","serial":null,"model":null,"mountpoints":[],"children":[]})
}

fn lsblk() -> Value {
    const TB: u64 = 1_000_000_000_000;
    json!({"blockdevices":[
        disk("nvme0n1", "nvme", TB, "Samsung SSD 980 PRO 1TB", "S5GXNX0R000001", &json!([
            part("nvme0n1p1", 1 << 29, "vfat", None, "9F31-0A7C"),
            part("nvme0n1p2", TB - (1 << 29), "ext4", None, "6a1c2f00-0d1b-4f6e-9a10-1f0e5d2c3b4a"),
        ])),
        disk("sda", "sata", 4 * TB, "WDC WD40EFRX-68N32N0", "WD-WCC7K000001", &json!([part("sda1", 4 * TB, "zfs_member", Some("tank"), "11840293821734")])),
        disk("sdb", "sata", 4 * TB, "DEMO-HDD-4T", "D4T0002", &json!([part("sdb1", 4 * TB, "zfs_member", Some("tank"), "11840293821734")])),
        disk("sdc", "sata", 8 * TB, "DEMO-HDD-8T", "D8T0009", &json!([])),
        disk("sdd", "usb", 2 * TB, "DEMO Portable SSD", "USB2TB01", &json!([
            part("sdd1", 2 * TB, "ext4", Some("BACKUP"), "3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b"),
        ])),
        disk("sde", "usb", 64_000_000_000, "DEMO Stick", "USB64G02", &json!([part("sde1", 64_000_000_000, "vfat", Some("STICK"), "A1B2-C3D4")])),
        disk("sdf", "usb", TB, "DEMO Old Disk", "USB1TB03", &json!([
            part("sdf1", TB, "LVM2_member", None, "k7d5C0-LjjP-CEDy-8aOL-Tfc8-cy0H-GD9RKO"),
        ])),
    ]})
}

fn scan() -> Value {
    let row = |name: &str, kind: &str, protocol: &str| json!({"name":name,"info_name":name,"type":kind,"protocol":protocol});
    json!({"devices":[row("/dev/nvme0", "nvme", "NVMe"), row("/dev/sda", "sat", "ATA"), row("/dev/sdb", "sat", "ATA"), row("/dev/sdc", "sat", "ATA")],
        "smartctl":{"exit_status":0}})
}

fn nvme() -> Value {
    json!({"smartctl":{"exit_status":0},"device":{"name":"/dev/nvme0n1","type":"nvme","protocol":"NVMe"},"model_name":"Samsung SSD 980 PRO 1TB","serial_number":"S5GXNX0R000001",
        "smart_status":{"passed":true},"temperature":{"current":44},"power_on_time":{"hours":8211},"power_cycle_count":31,
        "nvme_smart_health_information_log":{"critical_warning":0,"temperature":44,"available_spare":100,"available_spare_threshold":10,"percentage_used":6,
            "data_units_written":48_213_004_u64,"power_on_hours":8211,"unsafe_shutdowns":2,"media_errors":0,"num_err_log_entries":3}})
}

fn row(id: u64, name: &str, value: u64, thresh: u64, raw: u64) -> Value {
    json!({"id":id,"name":name,"value":value,"worst":value,"thresh":thresh,"when_failed":"","flags":{"prefailure":thresh > 0},"raw":{"value":raw,"string":raw.to_string()}})
}

fn ata(model: &str, serial: &str, hours: u64, heat: u64, pending: u64) -> Value {
    json!({"smartctl":{"exit_status":0},"device":{"name":"/dev/sdx","type":"sat","protocol":"ATA"},"model_name":model,"serial_number":serial,"rotation_rate":5400,
        "smart_status":{"passed":true},"temperature":{"current":heat},"power_on_time":{"hours":hours},"power_cycle_count":77,
        "ata_smart_attributes":{"table":[row(5, "Reallocated_Sector_Ct", 100, 10, 0), row(9, "Power_On_Hours", 42, 0, hours), row(194, "Temperature_Celsius", 110, 0, heat),
            row(197, "Current_Pending_Sector", 100, 0, pending), row(198, "Offline_Uncorrectable", 100, 0, 0), row(199, "UDMA_CRC_Error_Count", 200, 0, 0)]},
        "ata_smart_error_log":{"summary":{"count":0}},
        "ata_smart_self_test_log":{"standard":{"count":1,"error_count_total":0,"table":[
            {"type":{"string":"Extended offline"},"status":{"value":0,"string":"Completed without error","passed":true},"lifetime_hours":hours - 90}]}}})
}

fn ssd() -> Value {
    json!({"smartctl":{"exit_status":0},"device":{"name":"/dev/sdd","type":"sat","protocol":"ATA"},"model_name":"DEMO Portable SSD","serial_number":"USB2TB01","rotation_rate":0,
        "smart_status":{"passed":true},"temperature":{"current":39},"power_on_time":{"hours":912},
        "ata_smart_attributes":{"table":[row(5, "Reallocated_Sector_Ct", 100, 10, 0), row(177, "Wear_Leveling_Count", 96, 0, 41)]}})
}

fn asleep() -> Value {
    json!({"smartctl":{"exit_status":3,"messages":[{"string":"Device is in STANDBY mode, exit(3)","severity":"information"}]},
        "device":{"name":"/dev/sdc","type":"sat","protocol":"ATA"}})
}

/// smartctl's output with `-d sat` if there is no ATA disk behind the bridge: it claims SLEEP.
fn no_ata(device: &str) -> Value {
    json!({"smartctl":{"exit_status":3,"messages":[{"string":"Device is in SLEEP mode, exit(3)","severity":"information"}]},
        "device":{"name":device,"type":"sat","protocol":"ATA"}})
}

fn bridge(device: &str) -> Value {
    json!({"smartctl":{"exit_status":1,"messages":[{"string":format!("{device}: Unknown USB bridge [0x1234:0x5678 (0x100)]"),"severity":"error"}]}})
}

fn sensors() -> Value {
    json!({
        "coretemp-isa-0000":{"Adapter":"ISA adapter","Package id 0":{"temp1_input":48.0,"temp1_max":100.0,"temp1_crit":100.0,"temp1_crit_alarm":0.0},
            "Core 0":{"temp2_input":46.0,"temp2_max":100.0,"temp2_crit":100.0,"temp2_crit_alarm":0.0}},
        "nct6798-isa-0290":{"Adapter":"ISA adapter","fan2":{"fan2_input":842.0,"fan2_min":0.0,"fan2_alarm":0.0},"in0":{"in0_input":1.04,"in0_min":0.0,"in0_max":1.74}},
        "nvme-pci-0100":{"Adapter":"PCI adapter","Composite":{"temp1_input":43.85,"temp1_max":84.85,"temp1_min":-273.15,"temp1_crit":87.85,"temp1_alarm":0.0}}
    })
}
