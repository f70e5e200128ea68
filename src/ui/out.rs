//! Output of results and messages.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indicatif::MultiProgress;
use serde_json::{Map, Value};

use super::field::{self, As, Field};
use super::grid::{self, Grid};
use super::row::Head;
use super::sink::Sink;
use super::table::{self, Layout};
use super::{Cell, ColorMode, Detail, Format, Options, Record, Row, Screen, clean, csv, jq, json, message, select};
use crate::fault::{Fault, Result};

/// Writes data to stdout in the requested format, and messages to stderr. A closed pipe is not an error.
pub struct Out {
    pub(super) options: Options,
    pub(super) screen: Screen,
    stdout: Sink,
    pub(super) stderr: Sink,
    /// Set once bars exist: messages are then printed above them.
    bars: OnceLock<MultiProgress>,
}

impl Out {
    /// Creates the output on the program's stdout and stderr.
    pub fn new(options: Options) -> Self {
        let screen = Screen::detect(options.color);
        if options.color != ColorMode::Auto {
            // For the prompts, which use this crate.
            console::set_colors_enabled_stderr(screen.stderr_color);
        }
        Self { options, screen, stdout: Sink::new(std::io::stdout()), stderr: Sink::new(std::io::stderr()), bars: OnceLock::new() }
    }

    /// Creates an output into memory for the given screen.
    pub fn captured(options: Options, screen: Screen) -> (Self, Captured) {
        let captured = Captured::default();
        let out = Self {
            options,
            screen,
            stdout: Sink::new(captured.stdout.clone()),
            stderr: Sink::new(captured.stderr.clone()),
            bars: OnceLock::new(),
        };
        (out, captured)
    }

    /// Checks `--jq`, `--filter` and `--sort`, before any change is made.
    pub fn check(&self) -> Result<()> {
        select::check(&self.options)?;
        self.options.jq.as_deref().map_or(Ok(()), jq::check)
    }

    pub fn options(&self) -> &Options {
        &self.options
    }

    pub fn format(&self) -> Format {
        self.options.format()
    }

    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Whether the reader of stdout has closed it, so that a follower can stop.
    pub fn is_closed(&self) -> bool {
        self.stdout.is_closed()
    }

    /// Prints a list: a table, or an array in JSON.
    pub fn list<T: Row>(&self, rows: &[T]) -> Result<()> {
        self.grid(Grid::of_rows(rows, &self.options, false))
    }

    /// Prints a list over several contexts, with the context in each line.
    pub fn list_of_contexts<T: Row>(&self, rows: &[T]) -> Result<()> {
        self.grid(Grid::of_rows(rows, &self.options, true))
    }

    /// Prints a list as a detail view for people, as a list in every other format.
    pub fn list_in_detail<T: Row>(&self, rows: &[T], view: impl FnOnce(&[&T]) -> Vec<Detail>) -> Result<()> {
        let mut grid = Grid::of_rows(rows, &self.options, false);
        if self.format() != Format::Table || self.options.columns.is_some() {
            return self.grid(grid);
        }
        select::select(&mut grid, &self.options)?;
        if grid.lines.is_empty() {
            return self.table(&grid, None);
        }
        let shown: Vec<&T> = grid.lines.iter().map(|line| &rows[line.at]).collect();
        self.data(&table::render_details(&view(&shown), &self.screen))
    }

    /// Prints one item: labelled lines, or an object in JSON.
    pub fn one<T: Record>(&self, record: &T) -> Result<()> {
        let format = self.format();
        if format == Format::Id {
            return self.ids([Some(record.id())]);
        }
        if format == Format::Table && self.options.columns.is_none() {
            return self.data(&table::render_details(&record.details(), &self.screen));
        }
        let fields: Vec<(String, Cell)> = record.fields().into_iter().map(|(key, cell)| (key.to_owned(), cell)).collect();
        let json = if grid::wants_json(format) { grid::to_value(record)? } else { Value::Null };
        self.fields(&fields, json)
    }

    /// Prints a list of objects with columns described as data; `id` is the key of the identifier.
    pub fn objects(&self, fields: &[Field], rows: Vec<Map<String, Value>>, noun: &'static str, id: &str) -> Result<()> {
        self.grid(field::grid(fields, rows, noun, id))
    }

    /// Prints one object: the given keys first, then the others.
    pub fn object(&self, fields: &[Field], object: Map<String, Value>, id: &str) -> Result<()> {
        let format = self.format();
        if format == Format::Id {
            return self.ids([object.get(id).map(grid::cell_of).map(|cell| cell.raw()).or_else(|| grid::id_of(&Value::Object(object)))]);
        }
        let shown = |key: &str| fields.iter().any(|field| field.key() == key || field.key().starts_with(&format!("{key}.")));
        let others = object.keys().filter(|key| !shown(key)).map(|key| Field::new(key, As::Plain));
        let fields: Vec<Field> = fields.iter().cloned().chain(others).collect();
        let known = || fields.iter().filter_map(|field| Some((field, field::within(&object, field.key())?)));
        if format == Format::Table && self.options.columns.is_none() {
            let details: Vec<_> = known()
                .filter(|(field, _)| field.key() != "context" && !field.is_hidden())
                .map(|(field, value)| field.detail(value))
                .collect();
            return self.data(&table::render_details(&details, &self.screen));
        }
        let cells: Vec<(String, Cell)> = known().map(|(field, value)| (field.key().to_owned(), field.cell(value))).collect();
        self.fields(&cells, Value::Object(object))
    }

    /// Prints any JSON: a table for an array of objects, labelled lines for an object, plain text otherwise.
    pub fn value(&self, value: &Value) -> Result<()> {
        let format = self.format();
        match value {
            Value::Array(items) if items.iter().all(Value::is_object) => self.grid(Grid::of_objects(items)),
            Value::Object(_) if format == Format::Id => self.ids([grid::id_of(value)]),
            Value::Object(map) => {
                let fields: Vec<(String, Cell)> = map.iter().map(|(key, value)| (key.clone(), grid::cell_of(value))).collect();
                self.fields(&fields, value.clone())
            }
            _ if grid::wants_json(format) => self.json(value),
            Value::Array(items) if format == Format::Id => self.ids(items.iter().map(grid::id_of)),
            Value::Array(items) => self.lines(items.iter().map(grid::cell_of)),
            Value::Null => Ok(()),
            scalar => self.lines([grid::cell_of(scalar)]),
        }
    }

    /// Prints text that is the result itself, such as a log. On a terminal, unsafe characters are removed.
    pub fn text(&self, text: &str) -> Result<()> {
        if self.screen.stdout_terminal { self.data(&clean::text(text)) } else { self.data(text) }
    }

    /// Prints bytes unchanged: the output of a command inside a guest, or a file.
    pub fn raw(&self, bytes: &[u8]) -> Result<()> {
        self.stdout.write(bytes)
    }

    /// As [`Out::raw`], to stderr.
    pub fn raw_error(&self, bytes: &[u8]) -> Result<()> {
        self.stderr.write(bytes)
    }

    /// Prints a help page, with bold headings if colour is on.
    pub fn help(&self, page: &str) -> Result<()> {
        if !self.screen.color {
            return self.data(page);
        }
        let heading = |line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase()) && line.ends_with(':');
        let painted = page.lines().map(|line| match line.strip_prefix("Usage:") {
            Some(usage) => table::paint("Usage:", "1") + usage + "\n",
            None if heading(&line) => table::paint(line, "1") + "\n",
            None => line.to_owned() + "\n",
        });
        self.data(&painted.collect::<String>())
    }

    /// Prints the help page of a command line without a command to stderr.
    pub fn usage(&self, page: &str) {
        self.say(page);
    }

    /// Prints a warning, also with `--quiet`.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.say(&message::line("warning:", "33", text.as_ref(), self.screen.stderr_color));
    }

    /// Prints a hint.
    pub fn hint(&self, text: impl AsRef<str>) {
        if !self.options.quiet {
            self.say(&message::line("hint:", "36", text.as_ref(), self.screen.stderr_color));
        }
    }

    /// Prints a note, unless `--quiet`.
    pub fn note(&self, text: impl AsRef<str>) {
        if !self.options.quiet {
            self.say(&(message::indented(text.as_ref()) + "\n"));
        }
    }

    /// Prints a message with `-v` (1) or `-vv` (2).
    pub fn debug(&self, level: u8, text: impl AsRef<str>) {
        if self.options.verbose >= level {
            let text = message::indented(text.as_ref());
            self.say(&(if self.screen.stderr_color { table::paint(&text, "2") } else { text } + "\n"));
        }
    }

    /// Prints the error that ends the command, unless the results already contain it.
    pub fn fault(&self, fault: &Fault) {
        if fault.shown {
            return;
        }
        match self.format() {
            Format::Json | Format::Jsonl => self.say(&json::compact(&message::fault_json(fault))),
            _ => self.say(&message::fault_text(fault, self.screen.stderr_color)),
        }
    }

    fn grid(&self, mut grid: Grid<'_>) -> Result<()> {
        let named = select::select(&mut grid, &self.options)?;
        match self.format() {
            Format::Id => self.ids(grid.lines.iter().map(|line| grid.source.id(line.at))),
            Format::Table => self.table(&grid, named),
            Format::Csv => {
                let shown = named.unwrap_or_else(|| (0..grid.heads.len()).filter(|at| !grid.heads[*at].hidden).collect());
                let mut text = String::new();
                if !self.options.no_headers {
                    text.push_str(&csv::record(&shown.iter().map(|at| grid.heads[*at].name.clone()).collect::<Vec<_>>()));
                }
                for line in &grid.lines {
                    text.push_str(&csv::record(&shown.iter().map(|at| line.cells[*at].raw()).collect::<Vec<_>>()));
                }
                self.data(&text)
            }
            format @ (Format::Json | Format::Jsonl) if named.is_none() && self.options.jq.is_none() => self.items(&grid, format),
            Format::Json | Format::Jsonl | Format::Yaml => {
                let names: Option<Vec<&str>> = named.as_ref().map(|shown| shown.iter().map(|at| grid.heads[*at].name.as_str()).collect());
                let items = grid.lines.iter().map(|line| Ok(project(grid.source.value(line.at)?, names.as_deref())));
                self.json(&Value::Array(items.collect::<Result<_>>()?))
            }
        }
    }

    /// Prints items as JSON in pieces, so that a long list is never in memory as a whole.
    fn items(&self, grid: &Grid<'_>, format: Format) -> Result<()> {
        let mut list = json::List::new(format);
        for line in &grid.lines {
            let piece = list.item(|to| grid.source.write(line.at, format, to)).map_err(|error| grid::not_json(&error))?;
            piece.map_or(Ok(()), |piece| self.data(&piece))?;
        }
        self.data(&list.end())
    }

    fn table(&self, grid: &Grid<'_>, named: Option<Vec<usize>>) -> Result<()> {
        if grid.lines.is_empty() {
            self.note(format!("no {}", grid.noun));
            return Ok(());
        }
        let layout = self.layout(named.is_some());
        let shown = named.unwrap_or_else(|| (0..grid.heads.len()).filter(|at| !grid.heads[*at].hidden).collect());
        let heads: Vec<&Head> = shown.iter().map(|at| &grid.heads[*at]).collect();
        let rows: Vec<Vec<&Cell>> = grid.lines.iter().map(|line| shown.iter().map(|at| &line.cells[*at]).collect()).collect();
        self.data(&table::render(&heads, &rows, &layout))
    }

    fn layout(&self, named: bool) -> Layout {
        Layout { width: self.screen.width, headers: !self.options.no_headers, color: self.screen.color, named }
    }

    fn fields(&self, fields: &[(String, Cell)], json: Value) -> Result<()> {
        let heads: Vec<Head> = fields.iter().map(|(key, _)| Head::new(key)).collect();
        let named = select::columns(&heads, &self.options)?;
        match self.format() {
            Format::Json | Format::Jsonl | Format::Yaml => {
                let names: Option<Vec<&str>> = named.as_ref().map(|shown| shown.iter().map(|at| fields[*at].0.as_str()).collect());
                self.json(&project(json, names.as_deref()))
            }
            format => {
                let shown = named.unwrap_or_else(|| (0..fields.len()).collect());
                if format == Format::Csv {
                    let keys: Vec<String> = shown.iter().map(|at| fields[*at].0.clone()).collect();
                    let values: Vec<String> = shown.iter().map(|at| fields[*at].1.raw()).collect();
                    let header = if self.options.no_headers { String::new() } else { csv::record(&keys) };
                    return self.data(&(header + &csv::record(&values)));
                }
                let fields: Vec<(String, &Cell)> = shown.iter().map(|at| (fields[*at].0.clone(), &fields[*at].1)).collect();
                self.data(&table::render_fields(&fields, self.screen.color, self.screen.width))
            }
        }
    }

    fn json(&self, value: &Value) -> Result<()> {
        if let Some(expression) = &self.options.jq {
            let text = jq::run(expression, value, self.screen.stdout_terminal)?;
            return self.text(&text);
        }
        match (self.format(), value) {
            (Format::Yaml, _) => self.text(&json::yaml(value)?),
            (Format::Jsonl, Value::Array(items)) => self.data(&items.iter().map(json::compact).collect::<String>()),
            (Format::Jsonl, _) => self.data(&json::compact(value)),
            _ => self.data(&json::pretty(value)),
        }
    }

    fn lines(&self, cells: impl IntoIterator<Item = Cell>) -> Result<()> {
        let csv = self.format() == Format::Csv;
        let text: String = cells
            .into_iter()
            .map(|cell| if csv { csv::record(&[cell.raw()]) } else { clean::text(&cell.raw()).into_owned() + "\n" })
            .collect();
        self.data(&text)
    }

    fn ids(&self, ids: impl IntoIterator<Item = Option<String>>) -> Result<()> {
        let mut text = String::new();
        for id in ids {
            let id =
                id.ok_or_else(|| Fault::usage("this answer has no identifiers for -o id").with_hint("use -o json, or --jq to pick a key"))?;
            text.push_str(&clean::line(&id));
            text.push('\n');
        }
        self.data(&text)
    }

    fn data(&self, text: &str) -> Result<()> {
        let write = || self.stdout.write(text.as_bytes());
        match self.bars.get() {
            Some(bars) if self.screen.stdout_terminal => bars.suspend(write),
            _ => write(),
        }
    }

    fn say(&self, text: &str) {
        // A failed write to stderr cannot be reported anywhere.
        let write = || drop(self.stderr.write(text.as_bytes()));
        self.bars.get().map_or_else(write, |bars| bars.suspend(write));
    }

    pub(super) fn bars(&self) -> MultiProgress {
        self.bars.get_or_init(MultiProgress::new).clone()
    }
}

/// Returns the object with only these keys, in this order.
fn project(json: Value, names: Option<&[&str]>) -> Value {
    match (json, names) {
        (Value::Object(mut map), Some(names)) => {
            Value::Object(names.iter().map(|name| ((*name).to_owned(), map.remove(*name).unwrap_or(Value::Null))).collect::<Map<_, _>>())
        }
        (json, _) => json,
    }
}

/// The output of [`Out::captured`].
#[derive(Debug, Clone, Default)]
pub struct Captured {
    stdout: Buffer,
    stderr: Buffer,
}

impl Captured {
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

#[derive(Debug, Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
