//! A list on its way out: columns, cells and JSON of each line, whatever type they came from.

use serde_json::{Map, Value};

use super::row::Head;
use super::{Cell, Format, Row};
use crate::fault::{Fault, Kind, Result};

pub(super) struct Grid {
    pub(super) heads: Vec<Head>,
    pub(super) lines: Vec<Line>,
    pub(super) noun: &'static str,
    /// The columns come from the type, not from what the lines happen to hold.
    pub(super) fixed: bool,
}

pub(super) struct Line {
    pub(super) cells: Vec<Cell>,
    /// Only where the format wants it.
    pub(super) json: Value,
    pub(super) id: Option<String>,
}

impl Grid {
    pub(super) fn of_rows<T: Row>(rows: &[T], format: Format) -> Result<Self> {
        let columns = T::columns();
        let mut lines = Vec::with_capacity(rows.len());
        for row in rows {
            lines.push(Line {
                cells: columns.iter().map(|c| (c.get)(row)).collect(),
                json: if wants_json(format) { to_value(row)? } else { Value::Null },
                id: (format == Format::Id).then(|| row.id()),
            });
        }
        Ok(Self { heads: columns.into_iter().map(|c| c.head).collect(), lines, noun: T::noun(), fixed: true })
    }

    /// From an array of objects: the columns are their keys, in the order in which they are first seen.
    pub(super) fn of_objects(items: &[Value]) -> Self {
        let mut heads: Vec<Head> = Vec::new();
        for key in items.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if !heads.iter().any(|h| h.name == *key) {
                heads.push(Head { flex: true, ..Head::new(key) });
            }
        }
        let lines = items
            .iter()
            .map(|item| Line {
                cells: heads.iter().map(|h| item.get(&h.name).map_or(Cell::Empty, cell_of)).collect(),
                json: item.clone(),
                id: id_of(item),
            })
            .collect();
        Self { heads, lines, noun: "rows", fixed: false }
    }
}

pub(super) fn wants_json(format: Format) -> bool {
    matches!(format, Format::Json | Format::Jsonl | Format::Yaml)
}

pub(super) fn to_value<T: serde::Serialize + ?Sized>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|e| Fault::new(Kind::Other, format!("cannot put the result into JSON: {e}")))
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

/// What Proxmox calls its things by, the most telling first.
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
