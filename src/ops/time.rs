//! Parsing and formatting times in the local time zone.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, Zoned};

use crate::fault::{Fault, Result};
use crate::units::zone;

/// Parses `2026-11-20`, `2026-11-20T08:00`, `2026-11-20 08:00:30` or RFC 3339 with a zone. Returns Unix seconds.
pub fn at(text: &str) -> Result<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.as_second());
    }
    let local = |civil: DateTime| civil.to_zoned(zone()).map(|z: Zoned| z.timestamp().as_second());
    let civil = text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    civil.and_then(local).map_err(|_| {
        Fault::usage(format!("invalid time '{text}'")).with_hint("use 2026-11-20, 2026-11-20T08:00 (local time) or 2026-11-20T08:00:00Z")
    })
}

/// Parses a time, or a duration before now.
pub fn since(text: &str) -> Result<u64> {
    if let Ok(ago) = crate::duration::parse(text) {
        let now = Timestamp::now().as_second();
        return Ok(u64::try_from(now).unwrap_or_default().saturating_sub(ago.as_secs()));
    }
    let time =
        at(text).map_err(|fault| Fault { hint: Some(format!("{}, or a duration before now: 90m, 24h, 7d", fault.hint())), ..fault })?;
    Ok(u64::try_from(time).unwrap_or_default())
}

/// Formats a time as `2026-11-20 13:05`, in local time.
pub fn local(unix: i64) -> String {
    match Timestamp::from_second(unix) {
        Ok(time) => time.to_zoned(zone()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => unix.to_string(),
    }
}

/// Formats a duration in one unit: `40 s`, `3 min`, `5 h`, `12 days`.
pub fn span(time: std::time::Duration) -> String {
    match time.as_secs() {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7199 => format!("{} min", s / 60),
        s @ 7200..=172_799 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

/// Formats a time with its age: `2026-11-20 13:05 (3 h ago)`.
pub fn moment(unix: i64) -> String {
    let ago = u64::try_from(Timestamp::now().as_second() - unix).unwrap_or_default();
    format!("{} ({} ago)", local(unix), span(std::time::Duration::from_secs(ago)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zoned_and_local_times() {
        assert_eq!(at("2026-11-20T08:00:00Z").expect("RFC 3339"), 1_795_161_600);
        assert!(at("2026-11-20").is_ok() && at("2026-11-20T08:00").is_ok() && at("2026-11-20 08:00").is_ok());
        assert_eq!(at("yesterday").expect_err("no").exit_code(), 2);
        let now = u64::try_from(Timestamp::now().as_second()).expect("after 1970");
        assert!(now - since("1h").expect("an hour") - 3600 < 5);
    }
}
