//! Parses smartctl's JSON. The exit code does not matter for parsing: its bits are findings.

use serde_json::Value;

use super::{Attribute, DiskKind, Findings, SelfTest, SmartRow, Source, Verdict};
use crate::fence::request::SmartDisk;

/// The exit status that smartctl is told to use for standby. Output with data never has these bits.
pub const STANDBY_EXIT: u64 = 3;

/// Whether the disk is in standby. The exit code alone could also mean that the disk could not be opened.
pub fn is_standby(json: &Value) -> bool {
    let exit = json["smartctl"]["exit_status"].as_u64();
    let said = messages(json).iter().any(|m| m.contains("STANDBY") || m.contains("SLEEP mode"));
    exit == Some(STANDBY_EXIT) && json.get("smart_status").is_none() && (json.get("device").is_some() || said)
}

/// Whether smartctl does not know the USB bridge, so `-d sat` is worth a try.
pub fn unknown_bridge(json: &Value) -> bool {
    messages(json).iter().any(|m| m.contains("Unknown USB bridge") || m.contains("Unsupported USB bridge"))
}

fn messages(json: &Value) -> Vec<String> {
    let list = json["smartctl"]["messages"].as_array();
    list.into_iter().flatten().filter_map(|m| m["string"].as_str()).map(ToOwned::to_owned).collect()
}

/// Returns one disk's health.
pub fn from_smartctl(node: &str, disk: &SmartDisk, full: bool) -> SmartRow {
    let json = &disk.smartctl;
    let mut row = SmartRow::blank(node, &disk.disk, Source::Fence);
    row.kind = kind(json, disk);
    row.model = model(json).or_else(|| disk.model.clone());
    row.serial = text(&json["serial_number"]).or_else(|| disk.serial.clone());
    if disk.standby || is_standby(json) {
        row.verdict = Verdict::Standby;
        row.reasons.push("in standby, not woken".into());
        return row;
    }
    // Output without a `smartctl` block can still contain data.
    let exit = json["smartctl"]["exit_status"].as_u64().unwrap_or_default();
    if json.get("device").is_none() || exit & 0b11 != 0 {
        let said = messages(json);
        row.reasons = if said.is_empty() { vec![disk.error.clone().unwrap_or_else(|| "smartctl returned no data".into())] } else { said };
        return row;
    }
    read_numbers(&mut row, json);
    let findings = findings(&row, json, exit);
    if full {
        row.attributes = attributes(json);
        row.self_tests = self_tests(json);
    }
    row.with_findings(findings)
}

fn kind(json: &Value, disk: &SmartDisk) -> DiskKind {
    match json["device"]["protocol"].as_str() {
        Some("ATA") => DiskKind::Ata,
        Some("NVMe") => DiskKind::Nvme,
        Some("SCSI") => DiskKind::Scsi,
        _ => match disk.tran.as_deref() {
            Some("nvme") => DiskKind::Nvme,
            Some("sata" | "ata") => DiskKind::Ata,
            Some("sas" | "fc") => DiskKind::Scsi,
            _ => DiskKind::Unknown,
        },
    }
}

fn model(json: &Value) -> Option<String> {
    let two = || Some(format!("{} {}", text(&json["vendor"])?, text(&json["product"])?));
    text(&json["model_name"]).or_else(|| text(&json["scsi_model_name"])).or_else(two)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|t| !t.is_empty()).map(ToOwned::to_owned)
}

fn read_numbers(row: &mut SmartRow, json: &Value) {
    let nvme = &json["nvme_smart_health_information_log"];
    let scsi = &json["scsi_error_counter_log"];
    // A controller without a sensor reports 0 °C with a trip point of 0.
    let no_sensor =
        json["temperature"]["current"].as_i64() == Some(0) && json["temperature"]["drive_trip"].as_i64().unwrap_or_default() == 0;
    row.temperature_c = if no_sensor { None } else { json["temperature"]["current"].as_i64().or_else(|| nvme["temperature"].as_i64()) };
    row.power_on_hours = json["power_on_time"]["hours"].as_u64();
    row.wear_percent = nvme["percentage_used"]
        .as_u64()
        .or_else(|| json["endurance_used"]["current_percent"].as_u64())
        .or_else(|| json["scsi_percentage_used_endurance_indicator"].as_u64())
        .or_else(|| ata_wear(json));
    row.reallocated = attribute(json, 5).or_else(|| json["scsi_grown_defect_list"].as_u64());
    row.pending = attribute(json, 197);
    row.media_errors = nvme["media_errors"].as_u64().or_else(|| attribute(json, 187)).or_else(|| attribute(json, 198)).or_else(|| {
        let kinds: Vec<u64> = ["read", "write", "verify"].iter().filter_map(|k| scsi[k]["total_uncorrected_errors"].as_u64()).collect();
        (!kinds.is_empty()).then(|| kinds.iter().sum())
    });
}

fn findings(row: &SmartRow, json: &Value, exit: u64) -> Findings {
    let mut found = Findings::new();
    match json["smart_status"]["passed"].as_bool() {
        Some(true) => {}
        Some(false) => found.add(Verdict::Critical, "the disk reports a failure"),
        None => found.add(Verdict::Unknown, "the disk reports no health status"),
    }
    exit_bits(&mut found, json, exit);
    nvme(&mut found, &json["nvme_smart_health_information_log"]);
    found.count(row.reallocated, "reallocated sectors");
    found.count(row.pending, "pending sectors");
    found.count(row.media_errors, "uncorrected errors");
    if attribute(json, 187).is_some() {
        found.count(attribute(json, 198), "offline uncorrectable sectors");
    }
    found.wear(row.wear_percent);
    let spins = json["rotation_rate"].as_u64().is_some_and(|r| r > 0);
    let own = &json["nvme_composite_temperature_threshold"];
    let heat = &json["temperature"];
    let limit = |value: &Value| value.as_i64().filter(|l| *l > 0);
    found.temperature(
        row.temperature_c,
        limit(&own["warning"]).or_else(|| limit(&heat["op_limit_max"])),
        limit(&own["critical"]).or_else(|| limit(&heat["limit_max"])).or_else(|| limit(&heat["drive_trip"])),
        if spins { 60 } else { 70 },
    );
    found
}

fn exit_bits(found: &mut Findings, json: &Value, exit: u64) {
    let set = |bit: u32| exit & (1 << bit) != 0;
    if set(2) {
        let said = messages(json);
        let reason = if said.is_empty() { "some SMART data could not be read".to_owned() } else { said.join("; ") };
        // Without a health status, incomplete data is not a finding against the disk.
        found.add(if found.verdict == Verdict::Unknown { Verdict::Unknown } else { Verdict::Warning }, reason);
    }
    let failing = |when: &str| {
        let table = json["ata_smart_attributes"]["table"].as_array();
        let names: Vec<_> = table.into_iter().flatten().filter(|a| a["when_failed"] == when).filter_map(|a| a["name"].as_str()).collect();
        if names.is_empty() { "an attribute".to_owned() } else { names.join(", ") }
    };
    if set(3) && json["smart_status"]["passed"].as_bool() != Some(false) {
        found.add(Verdict::Critical, "smartctl reports a failure");
    }
    if set(4) {
        found.add(Verdict::Critical, format!("{} is below its threshold", failing("now")));
    }
    if set(5) {
        found.add(Verdict::Warning, format!("{} was below its threshold in the past", failing("past")));
    }
    if set(6) {
        let log = &json["ata_smart_error_log"];
        let count = log["extended"]["count"]
            .as_u64()
            .or_else(|| log["summary"]["count"].as_u64())
            .or_else(|| json["nvme_error_information_log"]["unread"].as_u64());
        found.add(Verdict::Warning, count.map_or_else(|| "errors in the error log".to_owned(), |n| format!("{n} errors in the error log")));
    }
    if set(7) {
        let log = &json["ata_smart_self_test_log"];
        let count = log["extended"]["error_count_total"].as_u64().or_else(|| log["standard"]["error_count_total"].as_u64());
        found.add(Verdict::Warning, count.map_or_else(|| "failed self-tests".to_owned(), |n| format!("{n} failed self-tests")));
    }
}

fn nvme(found: &mut Findings, log: &Value) {
    const WARNINGS: [&str; 6] = [
        "available spare is below the threshold",
        "temperature is outside its limits",
        "reliability is degraded",
        "media is read-only",
        "volatile memory backup has failed",
        "persistent memory region is unreliable",
    ];
    let warning = log["critical_warning"].as_u64().unwrap_or_default();
    for (bit, says) in WARNINGS.iter().enumerate() {
        if warning & (1 << bit) != 0 {
            found.add(Verdict::Critical, *says);
        }
    }
    if let (Some(spare), Some(threshold)) = (log["available_spare"].as_u64(), log["available_spare_threshold"].as_u64())
        && spare < threshold
        && warning & 1 == 0
    {
        found.add(Verdict::Critical, format!("available spare is {spare} %, below the threshold of {threshold} %"));
    }
}

fn table(json: &Value) -> impl Iterator<Item = &Value> {
    json["ata_smart_attributes"]["table"].as_array().into_iter().flatten()
}

/// Returns an attribute's count. Vendors pack several numbers into the raw value; the first number of its text is the count.
fn attribute(json: &Value, id: u64) -> Option<u64> {
    let raw = &table(json).find(|a| a["id"].as_u64() == Some(id))?["raw"];
    let first = raw["string"].as_str().and_then(|s| s.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    first.or_else(|| raw["value"].as_u64())
}

/// Returns the wear of an SSD, which counts down from 100 in one of these attributes. On a hard disk, the same IDs mean other things.
fn ata_wear(json: &Value) -> Option<u64> {
    if json["rotation_rate"].as_u64() != Some(0) {
        return None;
    }
    let left = [231, 202, 233, 177, 173].iter().find_map(|id| table(json).find(|a| a["id"].as_u64() == Some(*id)))?["value"].as_u64()?;
    Some(100_u64.saturating_sub(left))
}

fn attributes(json: &Value) -> Vec<Attribute> {
    let ata = table(json).map(|a| Attribute {
        id: a["id"].as_u64(),
        name: a["name"].as_str().unwrap_or("?").to_owned(),
        value: a["value"].as_i64(),
        worst: a["worst"].as_i64(),
        threshold: a["thresh"].as_i64(),
        raw: a["raw"]["string"].as_str().unwrap_or_default().to_owned(),
        failed: text(&a["when_failed"]),
    });
    let plain = |name: String, value: &Value| Attribute {
        id: None,
        name,
        value: value.as_i64(),
        worst: None,
        threshold: None,
        raw: value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
        failed: None,
    };
    let nvme = json["nvme_smart_health_information_log"].as_object();
    let nvme = nvme.into_iter().flatten().map(|(name, value)| plain(name.clone(), value));
    let scsi = json["scsi_error_counter_log"].as_object();
    let scsi = scsi
        .into_iter()
        .flatten()
        .flat_map(|(kind, log)| log.as_object().into_iter().flatten().map(move |(name, value)| (format!("{kind}_{name}"), value)))
        .map(|(name, value)| plain(name, value));
    ata.chain(nvme).chain(scsi).collect()
}

fn self_tests(json: &Value) -> Vec<SelfTest> {
    let log = &json["ata_smart_self_test_log"];
    let ata = log["extended"]["table"].as_array().or_else(|| log["standard"]["table"].as_array());
    let nvme = json["nvme_self_test_log"]["table"].as_array();
    let string = |value: &Value| value["string"].as_str().unwrap_or_default().to_owned();
    let ata = ata.into_iter().flatten().map(|t| SelfTest {
        kind: string(&t["type"]),
        status: string(&t["status"]),
        passed: t["status"]["passed"].as_bool(),
        at_hours: t["lifetime_hours"].as_u64(),
    });
    let nvme = nvme.into_iter().flatten().map(|t| SelfTest {
        kind: string(&t["self_test_code"]),
        status: string(&t["self_test_result"]),
        passed: t["self_test_result"]["value"].as_u64().map(|v| v == 0),
        at_hours: t["power_on_hours"].as_u64(),
    });
    ata.chain(nvme).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::disks::tests::sample;
    use serde_json::json;

    fn disk(smartctl: Value) -> SmartDisk {
        SmartDisk { disk: "/dev/x".into(), model: None, serial: None, tran: None, device_type: None, standby: false, smartctl, error: None }
    }

    fn brief(row: &SmartRow) -> String {
        let n = |v: Option<u64>| v.map_or_else(|| "-".to_owned(), |v| v.to_string());
        format!(
            "{} | {} | {:?} | {} | {}C {}h wear {} realloc {} pending {} media {} | {}",
            row.model.as_deref().unwrap_or("-"),
            row.serial.as_deref().unwrap_or("-"),
            row.kind,
            row.verdict.as_str(),
            row.temperature_c.map_or_else(|| "-".to_owned(), |t| t.to_string()),
            n(row.power_on_hours),
            n(row.wear_percent),
            n(row.reallocated),
            n(row.pending),
            n(row.media_errors),
            row.reasons.join("; ")
        )
    }

    #[test]
    fn every_sample_has_its_verdict() {
        let expected = [
            (
                "ata-errorlog-exit64.json",
                "WDC WD5002ABYS-02B1B0 | REDACTED | Ata | warning | 26C 66857h wear - realloc 0 pending 0 media 0 | 9 errors in the error log",
            ),
            (
                "ata-megaraid-exit4-warning.json",
                "WD4000FYYX | XXXXXXXXXXXX | Ata | warning | 36C 37787h wear - realloc 0 pending 0 media 0 | Warning: This result is based on an Attribute check.",
            ),
            (
                "ata-sat-ssd-860evo-ok.json",
                "Samsung SSD 860 EVO 500GB | S3YZNB0KB00864E | Ata | ok | 36C 14551h wear 19 realloc 0 pending - media 0 | ",
            ),
            (
                "ata-usbjmicron-hdd-FAILED-exit216.json",
                "Hitachi HDS721050DLE630 | MSK423Y20S3HBC | Ata | critical | 25C 65592h wear - realloc 1975 pending 8 media 0 | the disk reports a failure; Reallocated_Sector_Ct is below its threshold; 56 errors in the error log; 3 failed self-tests; 1975 reallocated sectors; 8 pending sectors",
            ),
            (
                "nvme-FAILED-exit8.json",
                "SAMSUNG MZWLL3T2HAJQ-00005 | REDACTED | Nvme | critical | 40C 18376h wear 0 realloc - pending - media 0 | the disk reports a failure; volatile memory backup has failed",
            ),
            ("nvme-ok.json", "Force MP510 | yes | Nvme | ok | 38C 6487h wear 1 realloc - pending - media 0 | "),
            (
                "nvme-passed-but-worn.json",
                "Samsung SSD 970 EVO 500GB | S466NX0M776250H | Nvme | warning | 35C 12798h wear 3 realloc - pending - media 7 | 7 uncorrected errors",
            ),
            (
                "open-failed-exit2.json",
                "- | - | Unknown | unknown | -C -h wear - realloc - pending - media - | Smartctl open device: /dev/sda failed: \\\\.\\PhysicalDrive0: Open failed, Error=5",
            ),
            ("qemu-ata-exit0.json", "LABSATA | SATASER01 | Ata | ok | 31C 1h wear - realloc 0 pending - media - | "),
            ("qemu-nvme-exit0.json", "QEMU NVMe Ctrl | NVMESER01 | Nvme | ok | 50C 0h wear 0 realloc - pending - media 0 | "),
            (
                "qemu-usb-storage-exit1.json",
                "- | - | Unknown | unknown | -C -h wear - realloc - pending - media - | /dev/sdd: Unknown USB bridge [0x46f4:0x0001 (0x000)]",
            ),
            (
                "qemu-virtio-exit1.json",
                "- | - | Unknown | unknown | -C -h wear - realloc - pending - media - | /dev/vda: Unable to detect device type",
            ),
            (
                "scsi-parallel-seagate.json",
                "SEAGATE ST373453LC | REDACTED | Scsi | warning | 33C 102880h wear - realloc 260 pending - media 536 | 260 reallocated sectors; 536 uncorrected errors",
            ),
            (
                "scsi-raid-volume-exit4-nosmart.json",
                "Intel Raid 1 Volume | Volume1 | Scsi | unknown | -C -h wear - realloc - pending - media - | the disk reports no health status; some SMART data could not be read",
            ),
            (
                "scsi-sas-seagate.json",
                "SEAGATE ST4000NM0043 | Z1Z5DWJK0000XXXXXXXX | Scsi | warning | 34C 43549h wear - realloc 56 pending - media 0 | 56 reallocated sectors",
            ),
        ];
        for (name, says) in expected {
            let Some(bytes) = sample(name) else { return };
            let json = serde_json::from_slice(&bytes).expect("JSON");
            assert_eq!(brief(&from_smartctl("pve1", &disk(json), false)), says, "{name}");
        }
    }

    #[test]
    fn standby_is_its_own_verdict() {
        let asleep = json!({"smartctl":{"exit_status":3,"messages":[]},"device":{"name":"/dev/sda","type":"sat","protocol":"ATA"}});
        let row = from_smartctl("pve1", &disk(asleep.clone()), false);
        assert_eq!((row.verdict, row.kind), (Verdict::Standby, DiskKind::Ata));
        let mut unopened = asleep.clone();
        unopened.as_object_mut().expect("an object").remove("device");
        assert_eq!(from_smartctl("pve1", &disk(unopened), false).verdict, Verdict::Unknown);
        let mut two = asleep;
        two["smartctl"]["exit_status"] = json!(2);
        assert_eq!(from_smartctl("pve1", &disk(two), false).verdict, Verdict::Unknown);
    }

    #[test]
    fn heat_wear_and_spare() {
        let verdict = |change: fn(&mut Value)| {
            let mut json = json!({"smartctl":{"exit_status":0},"device":{"protocol":"NVMe"},"smart_status":{"passed":true},"temperature":{"current":40},
                "nvme_smart_health_information_log":{"critical_warning":0,"available_spare":100,"available_spare_threshold":10,"percentage_used":5,"media_errors":0}});
            change(&mut json);
            from_smartctl("n", &disk(json), false).verdict
        };
        assert_eq!(verdict(|_| ()), Verdict::Ok);
        assert_eq!(verdict(|j| j["temperature"]["current"] = json!(71)), Verdict::Warning);
        assert_eq!(
            verdict(|j| {
                j["temperature"]["current"] = json!(71);
                j["nvme_composite_temperature_threshold"] = json!({"warning":80,"critical":85});
            }),
            Verdict::Ok
        );
        assert_eq!(
            verdict(|j| {
                j["temperature"]["current"] = json!(86);
                j["nvme_composite_temperature_threshold"] = json!({"warning":80,"critical":85});
            }),
            Verdict::Critical
        );
        assert_eq!(verdict(|j| j["nvme_smart_health_information_log"]["percentage_used"] = json!(93)), Verdict::Warning);
        assert_eq!(verdict(|j| j["nvme_smart_health_information_log"]["available_spare"] = json!(9)), Verdict::Critical);
        assert_eq!(
            verdict(|j| {
                j.as_object_mut().expect("an object").remove("smart_status");
            }),
            Verdict::Unknown
        );
        assert_eq!(verdict(|j| j["smartctl"]["exit_status"] = json!(128)), Verdict::Warning);
        assert_eq!(verdict(|j| j["smartctl"]["exit_status"] = json!(32)), Verdict::Warning);
        assert_eq!(verdict(|j| j["smartctl"]["exit_status"] = json!(16)), Verdict::Critical);
    }

    #[test]
    fn full_shows_attributes_and_self_tests() {
        let Some(bytes) = sample("ata-sat-ssd-860evo-ok.json") else { return };
        let row = from_smartctl("pve1", &disk(serde_json::from_slice(&bytes).expect("JSON")), true);
        assert_eq!(row.attributes.len(), 14);
        assert_eq!((row.attributes[0].id, row.attributes[0].name.as_str()), (Some(5), "Reallocated_Sector_Ct"));
        assert_eq!((row.self_tests.len(), row.self_tests[0].passed), (19, Some(true)));
    }

    proptest::proptest! {
        #[test]
        fn no_json_causes_a_panic(exit in 0_u64..256, packed in "[0-9a-z ()]{0,12}", hot in -300_i64..100_000) {
            let json = json!({"smartctl":{"exit_status":exit,"messages":[{}]},"device":"odd","temperature":{"current":hot},"rotation_rate":0,
                "ata_smart_attributes":{"table":[{"id":5,"raw":{"string":packed}},{"id":231,"value":999},null]}});
            let _ = from_smartctl("n", &disk(json), true);
        }
    }
}
