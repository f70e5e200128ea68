//! Numbers in human units.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `1.5 GiB`, `128 MiB`, `512 B`.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = n as f64;
    let mut unit = 0;
    // 1023.96 KiB would otherwise be shown as 1024 KiB.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", one_decimal(value), UNITS[unit])
}

/// Formats a duration in its two largest units: `3d 4h`, `4h 5m`, `1m 6s`, `6s`.
pub fn seconds(n: u64) -> String {
    let (days, hours, minutes, secs) = (n / 86400, n / 3600 % 24, n / 60 % 60, n % 60);
    let pair = |large: u64, a: &str, small: u64, b: &str| if small == 0 { format!("{large}{a}") } else { format!("{large}{a} {small}{b}") };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs}s"),
        (0, 0, _) => pair(minutes, "m", secs, "s"),
        (0, ..) => pair(hours, "h", minutes, "m"),
        _ => pair(days, "d", hours, "h"),
    }
}

/// Returns the time since a moment before `now`. A moment in the future has age 0.
pub fn age(then: i64, now: i64) -> String {
    seconds(u64::try_from(now.saturating_sub(then)).unwrap_or(0))
}

/// The local time zone. UTC and `/etc/localtime` are read here: `TimeZone::system` lists the whole zone database first.
pub fn zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let found = || match std::env::var_os("TZ") {
        None => TimeZone::tzif("Local", &std::fs::read("/etc/localtime").ok()?).ok(),
        Some(name) => (name.is_empty() || name == "UTC").then_some(TimeZone::UTC),
    };
    ZONE.get_or_init(|| found().unwrap_or_else(TimeZone::system)).clone()
}

/// `2026-11-20 13:05` in local time.
pub fn local_time(unix: i64) -> String {
    match Timestamp::from_second(unix) {
        Ok(t) => t.to_zoned(zone()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => unix.to_string(),
    }
}

/// Formats a time for JSON and CSV: `2026-11-20T12:05:00Z`.
pub fn rfc3339(unix: i64) -> String {
    Timestamp::from_second(unix).map_or_else(|_| unix.to_string(), |t| t.to_string())
}

/// Days that are still counted; later dates are written out.
const COUNTED: i64 = 730;
/// Days after which a date is no more than a way to say never: certificates without an end expire in the year 4096 or 9999.
const NEVER: i64 = 365_000;

/// Says when something expires: `expires in 83 days`, `expires on 2036-01-01`, `never expires`, `expired 3 days ago`.
pub fn expiry(at: i64, now: i64) -> String {
    let plural = |days: i64| if days == 1 { "" } else { "s" };
    match (at - now).div_euclid(86_400) {
        days @ ..0 => format!("expired {} day{} ago", -days, plural(-days)),
        days @ 0..=COUNTED => format!("expires in {days} day{}", plural(days)),
        NEVER.. => "never expires".to_owned(),
        _ => format!("expires on {}", date(at)),
    }
}

/// Says in a column when something expires: `83d`, `2036-01-01`, `never`.
pub fn days_left(days: i64, now: i64) -> String {
    match days {
        ..=COUNTED => format!("{days}d"),
        NEVER.. => "never".to_owned(),
        _ => date(now + days * 86_400),
    }
}

fn date(unix: i64) -> String {
    local_time(unix).split(' ').next().unwrap_or_default().to_owned()
}

/// Unix seconds.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|d| i64::try_from(d.as_secs()).ok()).unwrap_or(0)
}

/// `12.3%` of 12.34.
pub fn percent(value: f64) -> String {
    format!("{}%", one_decimal(value))
}

pub fn float(value: f64) -> String {
    let text = format!("{value:.2}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn one_decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (n, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1 << 20, "1 MiB"),
            ((1 << 20) - 1, "1 MiB"),
            (1536 << 20, "1.5 GiB"),
            (128 << 20, "128 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn expiry_dates() {
        let now = 1_795_000_000;
        for (days, sentence, column) in [
            (-3, "expired 3 days ago", "-3d"),
            (1, "expires in 1 day", "1d"),
            (730, "expires in 730 days", "730d"),
            (3_650, "expires on 2036-11-15", "2036-11-15"),
            (755_717, "never expires", "never"),
        ] {
            assert_eq!((expiry(now + days * 86_400, now).as_str(), days_left(days, now).as_str()), (sentence, column));
        }
    }

    #[test]
    fn durations() {
        for (n, text) in
            [(0, "0s"), (59, "59s"), (60, "1m"), (66, "1m 6s"), (3600, "1h"), (3661, "1h 1m"), (86400, "1d"), (273_600, "3d 4h")]
        {
            assert_eq!(seconds(n), text);
        }
        assert_eq!(age(100, 160), "1m");
        assert_eq!(age(200, 160), "0s");
    }

    #[test]
    fn times() {
        assert_eq!(rfc3339(1_795_179_900), "2026-11-20T13:05:00Z");
        for unix in [1_768_478_400, 1_784_116_800] {
            let time = Timestamp::from_second(unix).expect("a time");
            assert_eq!(zone().to_offset(time), TimeZone::system().to_offset(time));
        }
        assert_eq!(local_time(i64::MAX), i64::MAX.to_string());
        assert_eq!(local_time(1_795_179_900).len(), "2026-11-20 13:05".len());
    }

    #[test]
    fn numbers() {
        assert_eq!(percent(12.34), "12.3%");
        assert_eq!(percent(100.0), "100%");
        assert_eq!(float(2.0), "2");
        assert_eq!(float(0.126), "0.13");
    }
}
