//! Strict TOML parsing: errors name the line, unknown keys are errors.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Item, TableLike, Value};

use crate::fault::{Fault, Result};

/// The parsed text, for line numbers.
pub(super) struct Origin<'t> {
    pub(super) file: &'t Path,
    pub(super) text: &'t str,
}

impl Origin<'_> {
    /// Returns an error `config.toml:12: …`; the hint contains the full path.
    pub(super) fn fault(&self, at: Option<Range<usize>>, message: &str) -> Fault {
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let place = at.map_or_else(|| format!("{name}:"), |at| format!("{name}:{}:", self.line(at.start)));
        Fault::config(format!("{place} {message}")).with_hint(format!("edit {} with `felhom context edit`", self.file.display()))
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

/// A table with its name for messages.
pub(super) struct Section<'t> {
    origin: &'t Origin<'t>,
    table: &'t dyn TableLike,
    /// `contexts.home.endpoints`; empty at the top level.
    path: String,
    at: Option<Range<usize>>,
}

impl<'t> Section<'t> {
    /// Refuses keys that are not in `known`.
    pub(super) fn open(
        origin: &'t Origin<'t>,
        table: &'t dyn TableLike,
        path: String,
        at: Option<Range<usize>>,
        known: &[&str],
    ) -> Result<Self> {
        let section = Self { origin, table, path, at };
        for (key, _) in table.iter() {
            if !known.contains(&key) {
                let place = if section.path.is_empty() { String::new() } else { format!(" in {}", section.path) };
                let meant = nearest(key, known).map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
                return Err(section.fault_at_key(key, &format!("unknown key '{}'{place}{meant}", key.escape_debug())));
            }
        }
        Ok(section)
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn fault_at_key(&self, key: &str, message: &str) -> Fault {
        let at = self.table.get(key).and_then(Item::span);
        self.origin.fault(self.table.key(key).and_then(toml_edit::Key::span).or(at), message)
    }

    /// Returns an error for the value of a key: `config.toml:3: contexts.home.writes: …`.
    pub(super) fn wrong(&self, key: &str, why: &str) -> Fault {
        let at = self.table.get(key).and_then(Item::span);
        self.origin.fault(at, &format!("{}: {why}", self.full(key)))
    }

    /// Returns an error for the section.
    pub(super) fn lacks(&self, why: &str) -> Fault {
        self.origin.fault(self.at.clone(), &format!("{}: {why}", self.path))
    }

    fn typed<T>(&self, key: &str, kind: &str, take: impl Fn(&'t Item) -> Option<T>) -> Result<Option<T>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        take(item).map(Some).ok_or_else(|| self.wrong(key, &format!("must be {kind}, not {}", kind_of(item))))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'t str>> {
        self.typed(key, "a string", Item::as_str)
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false", Item::as_bool)
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>> {
        let list = self.typed(key, "a list of strings", |item| {
            item.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        })?;
        Ok(list.unwrap_or_default())
    }

    /// Parses a text with a function.
    pub(super) fn parsed<T>(&self, key: &str, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        parse(text).map(Some).map_err(|why| self.wrong(key, &why))
    }

    /// Parses one of several words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<Option<T>> {
        self.parsed(key, |text| {
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let known: Vec<_> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
                format!("must be one of {}, not '{}'", known.join(", "), text.escape_debug())
            })
        })
    }

    pub(super) fn section(&self, key: &str, known: &[&str]) -> Result<Option<Section<'t>>> {
        let Some((table, at)) = self.typed(key, "a table", |item| Some((item.as_table_like()?, item.span())))? else { return Ok(None) };
        Section::open(self.origin, table, self.full(key), at, known).map(Some)
    }

    /// Reads `[[…]]` or a list of inline tables.
    pub(super) fn sections(&self, key: &str, known: &[&str]) -> Result<Vec<Section<'t>>> {
        let tables = self.typed(key, "a list of tables", |item| match item {
            Item::ArrayOfTables(tables) => Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect::<Vec<_>>()),
            Item::Value(Value::Array(list)) => {
                list.iter().map(|value| value.as_inline_table().map(|table| (table as &dyn TableLike, table.span()))).collect()
            }
            _ => None,
        })?;
        let open = |(table, at)| Section::open(self.origin, table, self.full(key), at, known);
        tables.unwrap_or_default().into_iter().map(open).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.table.iter().map(|(key, _)| key)
    }
}

fn kind_of(item: &Item) -> &'static str {
    match item {
        Item::None => "nothing",
        Item::Table(_) | Item::Value(Value::InlineTable(_)) => "a table",
        Item::ArrayOfTables(_) => "a list of tables",
        Item::Value(Value::String(_)) => "a string",
        Item::Value(Value::Integer(_)) => "a number",
        Item::Value(Value::Float(_)) => "a fraction",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date",
        Item::Value(Value::Array(_)) => "a list",
    }
}

/// Returns the known word closest to a typo.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = known.iter().map(|known| (distance(word, known), *known)).min_by_key(|(distance, _)| *distance)?;
    // The first letter is rarely wrong: `port` is not a typo of `host`.
    let limit = if word.chars().next() == near.1.chars().next() { 1 + near.1.len() / 3 } else { 1 };
    (near.0 <= limit).then_some(near.1)
}

/// Returns the number of inserted, deleted or replaced letters.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.iter().enumerate() {
            let exchanged = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}
