//! Calendar events: when a schedule runs next.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const WORDS: &[(&str, &str)] = &[
    ("minutely", "*:*"),
    ("hourly", "*:00"),
    ("daily", "00:00"),
    ("weekly", "mon 00:00"),
    ("monthly", "*-1 00:00"),
    ("quarterly", "1,4,7,10-1 00:00"),
    ("yearly", "1-1 00:00"),
    ("annually", "1-1 00:00"),
    ("semiannually", "1,7-1 00:00"),
];

/// Returns the next run after `now` (Unix seconds) within two years; `None` for an unknown format.
pub(super) fn next_run(schedule: &str, now: i64) -> Option<i64> {
    let schedule = WORDS.iter().find(|(word, _)| *word == schedule).map_or(schedule, |(_, text)| text);
    let event = Event::parse(schedule)?;
    let start: DateTime = TimeZone::UTC.to_datetime(Timestamp::from_second(now - now.rem_euclid(60) + 60).ok()?);
    let mut day = start.date();
    for _ in 0..732 {
        if event.on_day(day.month(), day.day(), day.weekday()) {
            let from = if day == start.date() { start.time() } else { Time::midnight() };
            if let Some(time) = event.first_at(from) {
                return Some(day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp().as_second());
            }
        }
        day = day.checked_add(1.day()).ok()?;
    }
    None
}

/// Allowed values of a field; empty for any.
type Field = Vec<i8>;

struct Event {
    weekdays: Vec<Weekday>,
    months: Field,
    days: Field,
    hours: Field,
    minutes: Field,
}

impl Event {
    fn parse(text: &str) -> Option<Self> {
        let mut event = Self { weekdays: Vec::new(), months: Vec::new(), days: Vec::new(), hours: vec![0], minutes: vec![0] };
        for part in text.split_whitespace() {
            if part.contains(':') {
                let mut parts = part.split(':');
                (event.hours, event.minutes) = (field(parts.next()?, 23)?, field(parts.next()?, 59)?);
            } else if part.starts_with(|c: char| c.is_ascii_alphabetic()) {
                event.weekdays = weekdays(part)?;
            } else if let Some((date, day)) = part.rsplit_once('-') {
                event.months = field(date.rsplit('-').next()?, 12)?;
                event.days = field(day, 31)?;
            } else {
                (event.hours, event.minutes) = (Vec::new(), field(part, 59)?);
            }
        }
        Some(event)
    }

    fn on_day(&self, month: i8, day: i8, weekday: Weekday) -> bool {
        let fits = |field: &Field, value: i8| field.is_empty() || field.contains(&value);
        fits(&self.months, month) && fits(&self.days, day) && (self.weekdays.is_empty() || self.weekdays.contains(&weekday))
    }

    fn first_at(&self, from: Time) -> Option<Time> {
        let fits = |field: &Field, value: i8| field.is_empty() || field.contains(&value);
        let minutes = i16::from(from.hour()) * 60 + i16::from(from.minute())..24 * 60;
        let times = minutes.map(|m| ((m / 60) as i8, (m % 60) as i8));
        let (hour, minute) = times.into_iter().find(|(h, m)| fits(&self.hours, *h) && fits(&self.minutes, *m))?;
        Time::new(hour, minute, 0, 0).ok()
    }
}

/// Parses `*`, `5`, `1,15`, `0/15`, `*/2` or `8..17`.
fn field(text: &str, max: i8) -> Option<Field> {
    if text == "*" {
        return Some(Vec::new());
    }
    let mut values = Vec::new();
    for part in text.split(',') {
        if let Some((from, step)) = part.split_once('/') {
            let from: i8 = if from == "*" { 0 } else { from.parse().ok()? };
            let step: i8 = step.parse().ok().filter(|s| *s > 0)?;
            values.extend((from..=max).step_by(usize::try_from(step).ok()?));
        } else if let Some((from, to)) = part.split_once("..") {
            values.extend(from.parse::<i8>().ok()?..=to.parse::<i8>().ok()?);
        } else {
            values.push(part.parse().ok()?);
        }
    }
    Some(values)
}

fn weekdays(text: &str) -> Option<Vec<Weekday>> {
    let all = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    let index = |name: &str| all.iter().position(|(short, _)| name.to_ascii_lowercase().starts_with(short));
    let mut days = Vec::new();
    for part in text.split(',') {
        let (from, to) = part.split_once("..").unwrap_or((part, part));
        let (from, to) = (index(from)?, index(to)?);
        let span = if from <= to { to - from } else { to + 7 - from };
        days.extend((0..=span).map(|i| all[(from + i) % 7].1));
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 12:00:00 UTC, a Friday.
    const NOON: i64 = 1_795_176_000;

    #[test]
    fn schedules_find_their_next_moment() {
        let day = 86_400;
        let midnight = NOON - day / 2;
        let cases = [
            ("daily", midnight + day),
            ("21:30", midnight + 21 * 3600 + 1800),
            ("02:00", midnight + day + 2 * 3600),
            ("mon..fri 02:00", midnight + 3 * day + 2 * 3600),
            ("sat 18:15", midnight + day + 18 * 3600 + 900),
            ("*/15", NOON + 900),
            ("*:0/20", NOON + 1200),
            ("monthly", midnight + 11 * day),
        ];
        for (schedule, expected) in cases {
            assert_eq!(next_run(schedule, NOON), Some(expected), "{schedule}");
        }
        assert_eq!(next_run("whenever", NOON), None);
    }
}
