//! Columns and detail lines described as data: a JSON key and its presentation.

use serde_json::{Map, Value};

use super::grid::{self, Grid, Line, Objects};
use super::row::Head;
use super::{Cell, Detail, Tone};

/// Presentation of a value if its JSON type is not enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum As {
    Plain,
    Bytes,
    /// Unix seconds.
    Time,
    /// Unix seconds, shown as an age.
    Age,
    Seconds,
    /// A share from 0 to 1, shown as percent.
    Share,
    Flag,
    State,
    /// Separated by commas, semicolons or spaces.
    List,
}

/// A JSON key with its presentation.
#[derive(Debug, Clone)]
pub struct Field {
    pub shown: As,
    head: Head,
    /// Whether the title was given, and not derived from the key.
    titled: bool,
}

impl Field {
    pub fn new(key: &str, shown: As) -> Self {
        Self { shown, head: Head { title: key.to_uppercase().replace(['-', '_'], " "), ..Head::new(key) }, titled: false }
    }

    /// Reads `key`, `key:option,…` or `key=TITLE:option,…`.
    pub fn read(spec: &str) -> Self {
        let (name, options) = spec.split_once(':').unwrap_or((spec, ""));
        let (key, title) = name.split_once('=').map_or((name, None), |(key, title)| (key, Some(title)));
        let mut field = Self::new(key, As::Plain);
        if let Some(title) = title {
            title.clone_into(&mut field.head.title);
            field.titled = true;
        }
        for option in options.split(',') {
            match option {
                "bytes" => field.shown = As::Bytes,
                "time" => field.shown = As::Time,
                "age" => field.shown = As::Age,
                "seconds" => field.shown = As::Seconds,
                "share" => field.shown = As::Share,
                "flag" => field.shown = As::Flag,
                "state" => field.shown = As::State,
                "list" => field.shown = As::List,
                "flex" => field.head.flex = true,
                "wide" => field.head.wide = true,
                "hidden" => field.head.hidden = true,
                _ => {}
            }
        }
        field
    }

    pub fn key(&self) -> &str {
        &self.head.name
    }

    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.head.hidden = true;
        self
    }

    /// Returns the value as a cell.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes and times of a host fit")]
    pub fn cell(&self, value: &Value) -> Cell {
        let number = || value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let text = || grid::cell_of(value);
        match self.shown {
            _ if value.is_null() => Cell::Empty,
            As::Bytes => number().map_or_else(text, |n| Cell::Bytes(n as u64)),
            As::Seconds => number().map_or_else(text, |n| Cell::Seconds(n as u64)),
            // Proxmox writes 0 for times that do not exist.
            As::Time if number() == Some(0.0) => Cell::text("never"),
            As::Time => number().map_or_else(text, |n| Cell::Time(n as i64)),
            As::Age => number().map_or_else(text, |n| Cell::Age(n as i64)),
            As::Share => number().map_or_else(text, |n| Cell::Percent(n * 100.0)),
            As::Flag => value.as_bool().or_else(|| number().map(|n| n != 0.0)).map_or_else(text, Cell::Flag),
            As::State => match text() {
                Cell::Text(word) => Cell::state(word.clone(), tone(&word)),
                Cell::Flag(up) => Cell::state(if up { "yes" } else { "no" }, if up { Tone::Good } else { Tone::Dim }),
                other => other,
            },
            As::List => match value {
                Value::String(text) => Cell::List(crate::api::list::split(text).map(str::to_owned).collect()),
                Value::Object(map) => Cell::List(map.keys().cloned().collect()),
                _ => text(),
            },
            As::Plain => match value {
                Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
                    Cell::List(items.iter().filter_map(grid::id_of).collect())
                }
                Value::Object(map) => Cell::List(map.iter().map(|(key, value)| format!("{key}={}", plain(value))).collect()),
                _ => text(),
            },
        }
    }

    /// Returns the line of a detail view.
    pub fn detail(&self, value: &Value) -> Detail {
        if self.titled { Detail::new(&self.head.title, self.cell(value)) } else { Detail::of_key(self.key(), self.cell(value)) }
    }

    pub fn is_hidden(&self) -> bool {
        self.head.hidden
    }
}

/// Returns the value of a key or of a path of keys, such as `osdmap.num_osds`.
pub(super) fn within<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let nested = || key.split_once('.').and_then(|(first, rest)| within(object.get(first)?.as_object()?, rest));
    object.get(key).or_else(nested)
}

pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn tone(word: &str) -> Tone {
    match word {
        "running" | "active" | "online" | "ok" | "available" | "enabled" | "started" | "up" | "OK" | "yes" | "Active" => Tone::Good,
        "stopped" | "inactive" | "disabled" | "unused" | "no" | "ignored" | "dead" | "not-found" => Tone::Dim,
        "error" | "failed" | "offline" | "down" | "fence" | "expired" => Tone::Bad,
        _ => Tone::Warn,
    }
}

/// Builds a list of objects: the given columns, and all other keys as hidden columns.
pub(super) fn grid<'a>(fields: &[Field], rows: Vec<Map<String, Value>>, noun: &'static str, id: &'a str) -> Grid<'a> {
    let mut fields = fields.to_vec();
    for key in rows.iter().flat_map(Map::keys) {
        if !fields.iter().any(|field| field.head.name == *key) {
            fields.push(Field::new(key, As::Plain).hidden());
        }
    }
    let cells = |row: &Map<String, Value>| {
        fields.iter().map(|field| within(row, &field.head.name).map_or(Cell::Empty, |value| field.cell(value))).collect()
    };
    let lines = rows.iter().enumerate().map(|(at, row)| Line { cells: cells(row), at }).collect();
    let source = Box::new(Objects { items: rows.into_iter().map(Value::Object).collect(), id });
    Grid { heads: fields.into_iter().map(|field| field.head).collect(), lines, noun, fixed: true, source }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_column_is_read_from_its_description() {
        let field = Field::read("unit-state=UNIT:state,wide");
        assert_eq!((field.key(), field.head.title.as_str(), field.shown, field.head.wide), ("unit-state", "UNIT", As::State, true));
        let plain = Field::read("max-workers");
        assert_eq!((plain.key(), plain.head.title.as_str(), plain.head.wide), ("max-workers", "MAX WORKERS", false));
    }

    #[test]
    fn values_are_shown_as_what_they_are() {
        for (spec, value, wanted) in [
            ("a:bytes", json!("1024"), Cell::Bytes(1024)),
            ("a:share", json!(0.5), Cell::Percent(50.0)),
            ("a:flag", json!(1), Cell::Flag(true)),
            ("a:flag", json!("0"), Cell::Flag(false)),
            ("a:state", json!("running"), Cell::state("running", Tone::Good)),
            ("a:list", json!("a,b c"), Cell::List(vec!["a".into(), "b".into(), "c".into()])),
            ("a", json!([{"vmid": 101}, {"storage": "local"}]), Cell::List(vec!["101".into(), "local".into()])),
            ("a", json!({"x": 1}), Cell::List(vec!["x=1".into()])),
            ("a:list", json!({"OSD_DOWN": {}}), Cell::List(vec!["OSD_DOWN".into()])),
            ("a:time", json!(null), Cell::Empty),
            ("a:time", json!(0), Cell::text("never")),
        ] {
            assert_eq!(Field::read(spec).cell(&value), wanted, "{spec} {value}");
        }
    }
}
