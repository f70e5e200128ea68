//! Times as in logs and archive names, in the node's time zone.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::demo::state::State;

pub(super) fn zone(state: &State, node: &str) -> TimeZone {
    let name = state.nodes.get(node).map_or("", |node| node.timezone.as_str());
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

pub(super) fn at(zone: &TimeZone, seconds: i64) -> Zoned {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

/// Returns `2026-11-20 12:01:44`.
pub(super) fn plain(zone: &TimeZone, seconds: i64) -> String {
    at(zone, seconds).strftime("%F %H:%M:%S").to_string()
}

/// Returns `2026_11_20-12_01_44`.
pub(super) fn in_name(zone: &TimeZone, seconds: i64) -> String {
    at(zone, seconds).strftime("%Y_%m_%d-%H_%M_%S").to_string()
}

/// Returns `2026-11-20T12:01:44Z`.
pub(super) fn utc(seconds: i64) -> String {
    at(&TimeZone::UTC, seconds).strftime("%FT%TZ").to_string()
}
