//! `sensors -j`, which needs no root.

use serde_json::{Value, json};

use super::system::{Host, Tool, failed};
use crate::fence::protocol::HelperError;
use crate::fence::request::SensorsReply;

/// Reads all sensors. Without sensors, `sensors` exits with 1 and prints an empty object, which is not an error.
pub(super) fn read(host: &Host<'_>) -> Result<SensorsReply, HelperError> {
    let done = host.run(Tool::Sensors, &["-j"])?;
    match serde_json::from_slice::<Value>(&done.stdout) {
        Ok(sensors) if sensors.is_object() => Ok(SensorsReply { sensors }),
        _ if done.stderr_text().contains("No sensors found") => Ok(SensorsReply { sensors: json!({}) }),
        _ => Err(failed(Tool::Sensors, &done)),
    }
}
