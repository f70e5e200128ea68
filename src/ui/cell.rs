//! One value of a table, typed for sorting, filtering and export.

use std::cmp::Ordering;

use super::units;

/// How a state is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Warn,
    Bad,
    Dim,
}

/// A typed value. Tables show it in human units, all other formats unchanged.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Int(i64),
    Float(f64),
    /// Shown as `1.5 GiB`.
    Bytes(u64),
    /// Shown as `3d 4h`.
    Seconds(u64),
    /// Unix seconds, shown as `2026-11-20 13:05` in local time.
    Time(i64),
    /// Days until something expires, shown as `83d`, `2036-01-01` or `never`.
    Expiry(i64, Tone),
    /// Unix seconds, shown as `3d 4h` before now.
    Age(i64),
    /// 0 to 100.
    Percent(f64),
    Flag(bool),
    State(String, Tone),
    List(Vec<String>),
    /// No value, shown as `-`.
    Empty,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn state(word: impl Into<String>, tone: Tone) -> Self {
        Self::State(word.into(), tone)
    }

    /// Returns a cell for the value, or `Empty` for `None`.
    pub fn maybe<T>(value: Option<T>, make: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, make)
    }

    /// Returns the text for tables and detail views.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(t) | Self::State(t, _) if t.trim().is_empty() => "-".to_owned(),
            Self::Text(t) | Self::State(t, _) => t.clone(),
            Self::Int(n) => n.to_string(),
            Self::Float(x) => units::float(*x),
            Self::Bytes(n) => units::bytes(*n),
            Self::Seconds(n) => units::seconds(*n),
            Self::Time(t) => units::local_time(*t),
            Self::Age(t) => units::age(*t, units::now()),
            Self::Expiry(days, _) => units::days_left(*days, units::now()),
            Self::Percent(p) => units::percent(*p),
            Self::Flag(true) => "yes".to_owned(),
            Self::Flag(false) => "no".to_owned(),
            Self::List(items) if items.is_empty() => "-".to_owned(),
            Self::List(items) => items.join(","),
            Self::Empty => "-".to_owned(),
        }
    }

    /// Returns the text for CSV and filters.
    pub(super) fn raw(&self) -> String {
        match self {
            Self::Text(t) | Self::State(t, _) => t.clone(),
            Self::Int(n) | Self::Expiry(n, _) => n.to_string(),
            Self::Bytes(n) | Self::Seconds(n) => n.to_string(),
            Self::Float(x) | Self::Percent(x) => x.to_string(),
            Self::Time(t) | Self::Age(t) => units::rfc3339(*t),
            Self::Flag(b) => b.to_string(),
            Self::List(items) => items.join(","),
            Self::Empty => String::new(),
        }
    }

    pub(super) fn tone(&self) -> Option<Tone> {
        match self {
            Self::State(_, tone) | Self::Expiry(_, tone) => Some(*tone),
            Self::Empty => Some(Tone::Dim),
            _ => None,
        }
    }

    /// Whether the cell is aligned to the right.
    pub(super) fn is_number(&self) -> bool {
        self.number().is_some() && !matches!(self, Self::Time(_) | Self::Age(_) | Self::Flag(_))
    }

    #[expect(clippy::cast_precision_loss, reason = "for comparing only; 53 bits are 8 PiB to the byte")]
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(n) | Self::Time(n) | Self::Expiry(n, _) => Some(*n as f64),
            // An older time is smaller, but its age is greater.
            Self::Age(t) => Some(-(*t as f64)),
            Self::Bytes(n) | Self::Seconds(n) => Some(*n as f64),
            Self::Float(x) | Self::Percent(x) => Some(*x),
            Self::Flag(b) => Some(f64::from(u8::from(*b))),
            Self::Text(_) | Self::State(..) | Self::List(_) | Self::Empty => None,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::List(items) => items.is_empty(),
            Self::Text(t) => t.is_empty(),
            _ => false,
        }
    }

    /// Compares by value. Empty cells are last in both directions.
    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        match (self.is_empty(), other.is_empty()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Greater,
            (false, true) => return Ordering::Less,
            (false, false) => {}
        }
        let order = match (self.number(), other.number()) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            _ => natural(&self.raw(), &other.raw()),
        };
        if descending { order.reverse() } else { order }
    }
}

/// Compares `web2` before `web10`; case matters only between equal texts.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (m, rest_left) = digits(left);
            let (n, rest_right) = digits(right);
            match m.len().cmp(&n.len()).then_with(|| m.cmp(n)) {
                Ordering::Equal => (left, right) = (rest_left, rest_right),
                order => return order,
            }
        } else {
            match x.to_lowercase().cmp(y.to_lowercase()) {
                Ordering::Equal => (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]),
                order => return order,
            }
        }
    }
}

/// Splits a text into its leading number without zeros, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = vec!["web10", "Web2", "web1", "web02b", "db", ""];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["", "db", "web1", "Web2", "web02b", "web10"]);
    }

    #[test]
    fn empty_is_last_in_both_directions() {
        for descending in [false, true] {
            let mut cells = [Cell::Empty, Cell::Int(2), Cell::Int(10)];
            cells.sort_by(|a, b| a.compare(b, descending));
            assert_eq!(cells[2], Cell::Empty);
            assert_eq!(cells[0], Cell::Int(if descending { 10 } else { 2 }));
        }
    }

    #[test]
    fn each_kind_is_shown_for_people_and_raw_for_machines() {
        for (cell, shown, raw) in [
            (Cell::text("web"), "web", "web"),
            (Cell::text(" "), "-", " "),
            (Cell::Int(-3), "-3", "-3"),
            (Cell::Float(1.25), "1.25", "1.25"),
            (Cell::Bytes(1536 << 20), "1.5 GiB", "1610612736"),
            (Cell::Seconds(3 * 86400 + 4 * 3600), "3d 4h", "273600"),
            (Cell::Percent(12.34), "12.3%", "12.34"),
            (Cell::Flag(true), "yes", "true"),
            (Cell::state("running", Tone::Good), "running", "running"),
            (Cell::List(vec!["a".into(), "b".into()]), "a,b", "a,b"),
            (Cell::List(vec![]), "-", ""),
            (Cell::Empty, "-", ""),
        ] {
            assert_eq!((cell.shown().as_str(), cell.raw().as_str()), (shown, raw));
        }
        assert_eq!(Cell::Time(0).raw(), "1970-01-01T00:00:00Z");
    }
}
