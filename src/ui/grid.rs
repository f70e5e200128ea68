//! A list ready for output: columns, and the cells and JSON of each line.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};

use super::field::plain;
use super::row::Head;
use super::{Cell, Format, Options, Row};
use crate::fault::{Fault, Kind, Result};

pub(super) struct Grid<'a> {
    pub(super) heads: Vec<Head>,
    pub(super) lines: Vec<Line>,
    pub(super) noun: &'static str,
    /// Whether the columns come from the type and not from the lines.
    pub(super) fixed: bool,
    pub(super) source: Box<dyn Source + 'a>,
}

pub(super) struct Line {
    pub(super) cells: Vec<Cell>,
    /// Index in the source.
    pub(super) at: usize,
}

/// The items of a grid, for formats that are not built from cells.
pub(super) trait Source {
    fn id(&self, at: usize) -> Option<String>;
    fn value(&self, at: usize) -> Result<Value>;
    /// Writes one item as JSON without a line feed; indented as an item of a list for [`Format::Json`].
    fn write(&self, at: usize, format: Format, to: &mut Vec<u8>) -> serde_json::Result<()>;
}

struct Rows<'a, T>(&'a [T]);

impl<T: Row> Source for Rows<'_, T> {
    fn id(&self, at: usize) -> Option<String> {
        Some(self.0[at].id())
    }

    fn value(&self, at: usize) -> Result<Value> {
        to_value(&self.0[at])
    }

    fn write(&self, at: usize, format: Format, to: &mut Vec<u8>) -> serde_json::Result<()> {
        write(&self.0[at], format, to)
    }
}

pub(super) struct Objects<'a> {
    pub(super) items: Cow<'a, [Value]>,
    /// Key of the identifier, or empty for Proxmox's usual identifier.
    pub(super) id: &'a str,
}

impl Source for Objects<'_> {
    fn id(&self, at: usize) -> Option<String> {
        let item = &self.items[at];
        item.get(self.id).filter(|value| !value.is_null()).map(plain).or_else(|| id_of(item))
    }

    fn value(&self, at: usize) -> Result<Value> {
        Ok(self.items[at].clone())
    }

    fn write(&self, at: usize, format: Format, to: &mut Vec<u8>) -> serde_json::Result<()> {
        write(&self.items[at], format, to)
    }
}

fn write<T: Serialize>(item: &T, format: Format, to: &mut Vec<u8>) -> serde_json::Result<()> {
    if format == Format::Jsonl { serde_json::to_writer(to, item) } else { serde_json::to_writer_pretty(to, item) }
}

impl<'a> Grid<'a> {
    /// Builds a grid with only the cells that the options need. With `several` contexts, each line names its context.
    pub(super) fn of_rows<T: Row>(rows: &'a [T], options: &Options, several: bool) -> Self {
        let mut columns = T::columns();
        let from = columns.iter_mut().map(|column| &mut column.head).filter(|head| several && head.name == "context");
        from.for_each(|head| (head.hidden, head.wide) = (false, false));
        if options.filter.is_empty() && options.sort.is_none() && options.columns.is_none() {
            let shown = matches!(options.format(), Format::Table | Format::Csv);
            columns.retain(|column| shown && !column.head.hidden);
        }
        let cells = |row| columns.iter().map(|column| (column.get)(row)).collect();
        let lines = rows.iter().enumerate().map(|(at, row)| Line { cells: cells(row), at }).collect();
        Self { lines, heads: columns.into_iter().map(|c| c.head).collect(), noun: T::noun(), fixed: true, source: Box::new(Rows(rows)) }
    }

    /// Builds a grid from objects. The columns are their keys in order of appearance.
    pub(super) fn of_objects(items: &'a [Value]) -> Self {
        let mut heads: Vec<Head> = Vec::new();
        for key in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if !heads.iter().any(|h| h.name == *key) {
                heads.push(Head { flex: true, ..Head::new(key) });
            }
        }
        let cells = |item: &Value| heads.iter().map(|h| item.get(&h.name).map_or(Cell::Empty, cell_of)).collect();
        let lines = items.iter().enumerate().map(|(at, item)| Line { cells: cells(item), at }).collect();
        Self { heads, lines, noun: "rows", fixed: false, source: Box::new(Objects { items: items.into(), id: "" }) }
    }
}

pub(super) fn wants_json(format: Format) -> bool {
    matches!(format, Format::Json | Format::Jsonl | Format::Yaml)
}

pub(super) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| not_json(&error))
}

pub(super) fn not_json(error: &serde_json::Error) -> Fault {
    Fault::new(Kind::Other, format!("cannot convert the result to JSON: {error}"))
}

pub(super) fn cell_of(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Empty,
        Value::Bool(b) => Cell::Flag(*b),
        Value::Number(n) => n.as_i64().map_or_else(|| n.as_f64().map_or_else(|| Cell::Text(n.to_string()), Cell::Float), Cell::Int),
        Value::String(s) => Cell::Text(s.clone()),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            Cell::List(items.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect())
        }
        nested => Cell::Text(nested.to_string()),
    }
}

/// Proxmox's usual identifiers, most specific first.
const ID_KEYS: [&str; 22] = [
    "upid", "volid", "vmid", "tokenid", "userid", "groupid", "roleid", "poolid", "storage", "id", "sid", "devpath", "iface", "realm",
    "service", "subdir", "node", "name", "filename", "key", "pos", "type",
];

pub(super) fn id_of(item: &Value) -> Option<String> {
    match item {
        Value::Object(map) => ID_KEYS.into_iter().find_map(|key| match map.get(key)? {
            Value::String(s) => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        }),
        Value::String(s) => Some(s.clone()),
        Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
        Value::Null | Value::Array(_) => None,
    }
}
