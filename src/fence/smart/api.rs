//! Results of `disks/list` and `disks/smart`, which need only Sys.Audit. The API returns smartctl's text.

use serde::Deserialize;
use serde_json::Value;

use super::{Attribute, DiskKind, Findings, SmartRow, Source, Verdict};

/// A row of `disks/list` with the result of `disks/smart`.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ApiDisk {
    #[serde(default)]
    pub devpath: String,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub serial: Option<String>,
    /// Percent of life left, or `N/A`.
    #[serde(default)]
    pub wearout: Value,
    #[serde(default)]
    pub health: Option<String>,
    /// `ata` or `text`, from `disks/smart`.
    #[serde(default)]
    pub smart_type: Option<String>,
    #[serde(default)]
    pub attributes: Vec<Value>,
    #[serde(default)]
    pub text: Option<String>,
}

/// Returns one disk's health, as far as the API reports it.
pub fn from_api(node: &str, disk: &ApiDisk, full: bool) -> SmartRow {
    let mut row = SmartRow::blank(node, &disk.devpath, Source::Api);
    let known = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty() && *t != "unknown").map(ToOwned::to_owned);
    row.model = known(&disk.model);
    row.serial = known(&disk.serial);
    let lines = Lines(disk.text.as_deref().unwrap_or_default());
    row.kind = match disk.smart_type.as_deref() {
        Some("ata") => DiskKind::Ata,
        Some("text") if lines.0.contains("NVMe") || disk.devpath.starts_with("/dev/nvme") => DiskKind::Nvme,
        Some("text") if !lines.0.trim().is_empty() => DiskKind::Scsi,
        _ if disk.devpath.starts_with("/dev/nvme") => DiskKind::Nvme,
        _ => DiskKind::Unknown,
    };
    let attributes: Vec<Attribute> = disk.attributes.iter().map(attribute).collect();
    let raw = |id: u64| attributes.iter().find(|a| a.id == Some(id)).and_then(|a| first_number(&a.raw));
    row.temperature_c = lines
        .number("Temperature:")
        .or_else(|| lines.number("Current Drive Temperature:"))
        .or_else(|| raw(194))
        .or_else(|| raw(190))
        .and_then(|t| i64::try_from(t).ok());
    row.power_on_hours = lines.number("Power On Hours:").or_else(|| raw(9));
    row.wear_percent = lines.number("Percentage Used:").or_else(|| number(&disk.wearout).map(|left| 100_u64.saturating_sub(left)));
    row.reallocated = raw(5).or_else(|| lines.number("Elements in grown defect list:"));
    row.pending = raw(197);
    row.media_errors = lines.number("Media and Data Integrity Errors:").or_else(|| raw(187)).or_else(|| raw(198));

    let mut found = Findings::new();
    match disk.health.as_deref().map(str::trim) {
        Some("PASSED" | "OK") => {}
        Some(text) if text.starts_with("FAIL") => found.add(Verdict::Critical, "the disk reports a failure"),
        _ => found.add(Verdict::Unknown, "the disk reports no health status"),
    }
    for failed in attributes.iter().filter(|a| a.failed.is_some()) {
        match failed.failed.as_deref() {
            Some("past") => found.add(Verdict::Warning, format!("{} was below its threshold in the past", failed.name)),
            _ => found.add(Verdict::Critical, format!("{} is below its threshold", failed.name)),
        }
    }
    if let Some(warning) = lines.text("Critical Warning:").filter(|w| *w != "0x00") {
        found.add(Verdict::Critical, format!("critical warning {warning}"));
    }
    found.count(row.reallocated, "reallocated sectors");
    found.count(row.pending, "pending sectors");
    found.count(row.media_errors, "uncorrected errors");
    found.wear(row.wear_percent);
    found.temperature(row.temperature_c, None, None, if row.kind == DiskKind::Nvme { 70 } else { 60 });
    if full {
        row.attributes = attributes;
    }
    row.with_findings(found)
}

fn attribute(value: &Value) -> Attribute {
    let text = |key: &str| {
        value[key]
            .as_str()
            .map_or_else(|| if value[key].is_null() { String::new() } else { value[key].to_string() }, |t| t.trim().to_owned())
    };
    let failed = match text("fail").to_ascii_lowercase().as_str() {
        "" | "-" => None,
        past if past.contains("past") => Some("past".to_owned()),
        _ => Some("now".to_owned()),
    };
    Attribute {
        id: number(&value["id"]),
        name: text("name"),
        value: number(&value["value"]).and_then(|n| i64::try_from(n).ok()),
        worst: number(&value["worst"]).and_then(|n| i64::try_from(n).ok()),
        threshold: number(&value["threshold"]).and_then(|n| i64::try_from(n).ok()),
        raw: text("raw"),
        failed,
    }
}

/// Parses a number: the API returns numbers, strings and padded strings.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|t| t.trim().parse().ok()))
}

fn first_number(text: &str) -> Option<u64> {
    text.trim().split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn text(&self, label: &str) -> Option<&str> {
        self.0.lines().find_map(|l| l.trim().strip_prefix(label)).map(str::trim)
    }

    /// Parses `12,798`, `38 Celsius` and `3%`.
    fn number(&self, label: &str) -> Option<u64> {
        let digits: String =
            self.text(label)?.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nvme_text_is_parsed() {
        let disk = ApiDisk {
            devpath: "/dev/nvme0n1".into(),
            health: Some("PASSED".into()),
            smart_type: Some("text".into()),
            text: Some("\nSMART/Health Information (NVMe Log 0x02)\nCritical Warning:                   0x00\nTemperature:                        35 Celsius\nAvailable Spare:                    99%\nPercentage Used:                    3%\nPower On Hours:                     12,798\nMedia and Data Integrity Errors:    7\n".into()),
            wearout: json!(97),
            ..ApiDisk::default()
        };
        let row = from_api("pve1", &disk, false);
        assert_eq!(
            (row.kind, row.verdict, row.temperature_c, row.power_on_hours, row.wear_percent, row.media_errors),
            (DiskKind::Nvme, Verdict::Warning, Some(35), Some(12798), Some(3), Some(7))
        );
        assert_eq!((row.source, row.reasons.as_slice()), (Source::Api, ["7 uncorrected errors".to_owned()].as_slice()));
    }

    #[test]
    fn ata_attributes_are_parsed() {
        let disk = ApiDisk {
            devpath: "/dev/sda".into(),
            health: Some("PASSED".into()),
            smart_type: Some("ata".into()),
            wearout: json!("N/A"),
            attributes: vec![
                json!({"id":"  5","name":"Reallocated_Sector_Ct","value":100,"worst":100,"threshold":10,"fail":"-","raw":"0"}),
                json!({"id":"194","name":"Temperature_Celsius","value":"64","worst":"43","threshold":"0","fail":"-","raw":"36 (Min/Max 0/48)"}),
                json!({"id":"197","name":"Current_Pending_Sector","value":100,"worst":100,"threshold":0,"fail":"-","raw":"0"}),
            ],
            ..ApiDisk::default()
        };
        let row = from_api("pve1", &disk, true);
        assert_eq!((row.verdict, row.temperature_c, row.wear_percent, row.attributes.len()), (Verdict::Ok, Some(36), None, 3));
        let mut failing = disk.clone();
        failing.attributes[0]["fail"] = json!("NOW");
        assert_eq!(from_api("pve1", &failing, false).verdict, Verdict::Critical);
        let silent = ApiDisk { health: Some("UNKNOWN".into()), ..ApiDisk::default() };
        assert_eq!(from_api("pve1", &silent, false).verdict, Verdict::Unknown);
    }
}
