//! Output of `sensors -j` as rows: chips, labels, values and limits.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::smart::SmartRow;

/// The physical quantity that a sensor measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    Temperature,
    Fan,
    Voltage,
    Power,
    Current,
    Energy,
    Humidity,
    Other,
}

impl Quantity {
    fn of(key: &str) -> Self {
        let name: String = key.chars().take_while(char::is_ascii_alphabetic).collect();
        match name.as_str() {
            "temp" => Self::Temperature,
            "fan" | "pwm" => Self::Fan,
            "in" => Self::Voltage,
            "power" => Self::Power,
            "curr" => Self::Current,
            "energy" => Self::Energy,
            "humidity" => Self::Humidity,
            _ => Self::Other,
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Temperature => "°C",
            Self::Fan => "rpm",
            Self::Voltage => "V",
            Self::Power => "W",
            Self::Current => "A",
            Self::Energy => "J",
            Self::Humidity => "%",
            Self::Other => "",
        }
    }
}

/// The value of one sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SensorRow {
    pub node: String,
    pub chip: String,
    pub label: String,
    pub quantity: Quantity,
    pub value: f64,
    pub unit: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub critical: Option<f64>,
    pub alarm: bool,
}

/// Returns the rows of all chips, without empty objects and without the values that mean "no limit".
pub fn from_sensors(node: &str, json: &Value) -> Vec<SensorRow> {
    let mut rows = Vec::new();
    for (chip, labels) in json.as_object().into_iter().flatten() {
        for (label, fields) in labels.as_object().into_iter().flatten() {
            rows.extend(fields.as_object().and_then(|f| row(node, chip, label, f)));
        }
    }
    rows
}

fn row(node: &str, chip: &str, label: &str, fields: &serde_json::Map<String, Value>) -> Option<SensorRow> {
    let ends = |end: &str| fields.iter().find(|(key, _)| key.ends_with(end));
    let (key, value) = ends("_input").or_else(|| ends("_average"))?;
    let quantity = Quantity::of(key);
    let limit = |end: &str| ends(end).and_then(|(_, v)| v.as_f64()).filter(|v| !sentinel(quantity, *v));
    let value = value.as_f64().filter(|v| !sentinel(quantity, *v))?;
    Some(SensorRow {
        node: node.to_owned(),
        chip: chip.to_owned(),
        label: label.to_owned(),
        quantity,
        value,
        unit: quantity.unit().to_owned(),
        min: limit("_min"),
        max: limit("_max").or_else(|| limit("_cap")),
        critical: limit("_crit"),
        alarm: fields.iter().any(|(key, v)| key.ends_with("_alarm") && v.as_f64().is_some_and(|a| a != 0.0)),
    })
}

/// Drivers report absolute zero or 65535 K for "no value".
fn sentinel(quantity: Quantity, value: f64) -> bool {
    quantity == Quantity::Temperature && !(-273.0..=1000.0).contains(&value)
}

/// Adds temperatures from smartctl for disks without a chip of their own.
pub fn with_disks(mut rows: Vec<SensorRow>, disks: &[SmartRow]) -> Vec<SensorRow> {
    for disk in disks {
        let chip_reports = disk.disk.starts_with("/dev/nvme") && rows.iter().any(|r| r.chip.starts_with("nvme-"));
        let has_chip = chip_reports || rows.iter().any(|r| r.chip == disk.disk);
        if let (false, Some(heat)) = (has_chip, disk.temperature_c) {
            #[expect(clippy::cast_precision_loss, reason = "a temperature has few digits")]
            rows.push(SensorRow {
                node: disk.node.clone(),
                chip: disk.disk.clone(),
                label: disk.model.clone().unwrap_or_default(),
                quantity: Quantity::Temperature,
                value: heat as f64,
                unit: Quantity::Temperature.unit().to_owned(),
                min: None,
                max: None,
                critical: None,
                alarm: false,
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::disks::tests::sample;

    fn brief(name: &str) -> Option<Vec<String>> {
        let json = serde_json::from_slice(&sample(name)?).expect("JSON");
        let opt = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), |v| v.to_string());
        Some(
            from_sensors("pve1", &json)
                .iter()
                .map(|r| format!("{} {} {}{} {} {} {}", r.chip, r.label, r.value, r.unit, opt(r.min), opt(r.max), opt(r.critical)))
                .collect(),
        )
    }

    #[test]
    fn the_samples() {
        let Some(rows) = brief("sensors-j-coretemp-nvme.json") else { return };
        assert_eq!(
            rows,
            [
                "coretemp-isa-0000 Package id 0 51°C - 105 105",
                "coretemp-isa-0000 Core 0 40°C - 105 105",
                "acpitz-acpi-0 temp1 27.8°C - - 119",
                "nvme-pci-0400 Composite 35.85°C - 83.85 84.85",
                "nvme-pci-0400 Sensor 1 35.85°C - - -",
            ]
        );
        assert_eq!(
            brief("sensors-j-amdgpu.json").expect("beside the other"),
            [
                "amdgpu-pci-0300 vddgfx 0.775V - - -",
                "amdgpu-pci-0300 fan1 0rpm 0 3300 -",
                "amdgpu-pci-0300 edge 56°C - - 100",
                "amdgpu-pci-0300 PPT 41W - 272 -",
            ]
        );
        assert_eq!(brief("qemu-sensors-j.json").expect("beside the others"), ["nvme-pci-0020 Composite 49.85°C - 69.85 99.85"]);
    }

    #[test]
    fn no_sensors_are_no_rows() {
        assert!(from_sensors("n", &serde_json::json!({})).is_empty());
        assert!(from_sensors("n", &serde_json::json!({"chip":{"Adapter":"x","temp1":{}}})).is_empty());
        assert!(from_sensors("n", &serde_json::json!([1])).is_empty());
    }
}
