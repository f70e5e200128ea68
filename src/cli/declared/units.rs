//! Values as people write them: sizes, durations, dates and lists, for the parameters that mean such.

use crate::api::schema::{Kind, Schema};

/// Unix times.
const TIMES: &[&str] = &["expire", "starttime", "endtime", "since", "until"];
/// Durations in seconds.
const SECONDS: &[&str] = &["timeout", "lockwait-seconds", "downdelay"];

/// The value that the API takes for what a person wrote.
pub(super) fn wire(schema: &Schema, name: &str, text: &str) -> Result<String, String> {
    let number = matches!(schema.kind, Some(Kind::Integer | Kind::Number));
    if number && text.parse::<f64>().is_err() {
        if TIMES.contains(&name) {
            return date(text);
        }
        if SECONDS.contains(&name) {
            return crate::duration::parse(text).map(|time| time.as_secs().to_string());
        }
    }
    Ok(if schema.is_list() && schema.kind != Some(Kind::Array) {
        crate::api::list::split(text).collect::<Vec<_>>().join(",")
    } else {
        text.to_owned()
    })
}

/// A date or time in Unix seconds; `never` is 0.
fn date(text: &str) -> Result<String, String> {
    if text == "never" {
        return Ok("0".into());
    }
    crate::ops::time::at(text).map(|time| time.to_string()).map_err(|fault| fault.message)
}
