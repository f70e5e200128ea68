//! Tables without borders, fitted to the available width.

use std::borrow::Cow;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::clean;
use super::detail::bar;
use super::row::Head;
use super::wrap::wrap;
use super::{Cell, Detail, Screen, Tone};

/// Maximum length of a cell where the width is unlimited.
const ABSURD: usize = 200;
/// Maximum length of a brief cell, unless `--columns` names it.
const BRIEF: usize = 40;
/// Minimum width of a shortened column.
const LEAST: usize = 8;
/// Space between columns.
const GAP: usize = 2;

pub(super) struct Layout {
    pub(super) width: Option<usize>,
    pub(super) headers: bool,
    pub(super) color: bool,
    /// Whether `--columns` was given: all columns are then shown.
    pub(super) named: bool,
}

struct Column<'a> {
    head: &'a Head,
    title: String,
    texts: Vec<String>,
    tones: Vec<Option<Tone>>,
    width: usize,
    right: bool,
}

impl Column<'_> {
    /// Returns the text of a line: of the title if `at` is below `titles`, else of the row.
    fn line(&self, at: usize, titles: usize) -> &str {
        if at < titles { &self.title } else { &self.texts[at - titles] }
    }
}

/// Renders one line per row, more where a column wraps.
pub(super) fn render(heads: &[&Head], rows: &[Vec<&Cell>], layout: &Layout) -> String {
    let mut columns: Vec<Column<'_>> = heads.iter().enumerate().map(|(at, head)| column(head, at, rows, layout)).collect();
    if let Some(width) = layout.width {
        fit(&mut columns, width, layout.named);
    }
    let wraps = columns.iter().any(|column| column.head.wraps);
    let lines = if wraps { unfold(&mut columns, rows.len()) } else { rows.len() };
    let mut out = String::new();
    let mut finish = |at: usize, line: &str| {
        let line = line.trim_end();
        match (layout.color, layout.headers, at) {
            (false, ..) => out.push_str(line),
            (true, true, 0) => out.push_str(&paint(line, "1")),
            (true, headers, at) => out.push_str(&colored(line, &columns, at - usize::from(headers))),
        }
        out.push('\n');
    };
    if wraps {
        folded(&columns, lines, layout).iter().enumerate().for_each(|(at, line)| finish(at, line));
    } else {
        straight(&columns, lines, layout, &mut finish);
    }
    out
}

/// Returns the lines of a table with wrapped columns.
fn folded(columns: &[Column<'_>], lines: usize, layout: &Layout) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    if layout.headers {
        table.set_header(columns.iter().map(|c| c.title.as_str()).collect::<Vec<_>>());
    }
    for at in 0..lines {
        table.add_row(columns.iter().map(|c| c.texts[at].as_str()).collect::<Vec<_>>());
    }
    let last = columns.len().saturating_sub(1);
    for (at, column) in columns.iter().enumerate() {
        if let Some(cells) = table.column_mut(at) {
            cells.set_padding((0, if at == last { 0 } else { u16::try_from(GAP).unwrap_or(0) }));
            cells.set_cell_alignment(if column.right { CellAlignment::Right } else { CellAlignment::Left });
        }
    }
    table.lines().collect()
}

/// Returns the same lines as [`folded`] for rows of one line, in a tenth of the time and memory: thousands of guests need that.
fn straight(columns: &[Column<'_>], rows: usize, layout: &Layout, finish: &mut impl FnMut(usize, &str)) {
    let titles = usize::from(layout.headers);
    let widths: Vec<usize> =
        columns.iter().map(|column| (0..titles + rows).map(|at| measure(column.line(at, titles))).fold(1, usize::max)).collect();
    let mut line = String::new();
    for at in 0..titles + rows {
        line.clear();
        for (column, width) in columns.iter().zip(&widths) {
            let text = column.line(at, titles);
            let blanks = width - measure(text);
            let (before, after) = if column.right { (blanks, 0) } else { (0, blanks) };
            line.extend(std::iter::repeat_n(' ', before));
            line.push_str(text);
            line.extend(std::iter::repeat_n(' ', after + GAP));
        }
        finish(at, &line);
    }
}

/// Renders keys and values; the lines of a longer text are aligned.
pub(super) fn render_fields(fields: &[(String, &Cell)], color: bool, room: Option<usize>) -> String {
    let width = fields.iter().map(|(key, _)| measure(key)).max().unwrap_or(0);
    fields.iter().map(|(key, cell)| labelled((key, width), None, cell, "", color, room)).collect()
}

/// Renders a detail view: omits empty lines, separates groups, adds usage bars on a terminal.
pub(super) fn render_details(details: &[Detail], screen: &Screen) -> String {
    let shown: Vec<&Detail> = details.iter().filter(|detail| !detail.is_empty() || detail.group).collect();
    let width = shown.iter().map(|detail| measure(&detail.label)).max().unwrap_or(0);
    let texts = shown.iter().filter(|detail| detail.share.is_some()).map(|detail| measure(&detail.cell.shown()));
    let usage = texts.max().unwrap_or(0);
    let marks = shown.iter().filter_map(|detail| detail.mark).map(|(word, _)| word.len()).max().unwrap_or(0);
    let mut out = String::new();
    for detail in shown {
        if detail.group && !out.is_empty() {
            out.push('\n');
        }
        if detail.is_empty() {
            continue;
        }
        let bar = detail.share.filter(|_| screen.stdout_terminal).map(|share| {
            let gap = usage - measure(&detail.cell.shown()) + GAP;
            " ".repeat(gap) + &bar(share)
        });
        let bar = bar.filter(|bar| screen.width.is_none_or(|room| width + GAP + usage + bar.len() <= room));
        let mark = detail.mark.map(|(word, tone)| (word, tone, marks));
        let after = bar.as_deref().unwrap_or_default();
        out.push_str(&labelled((&detail.label, width), mark, &detail.cell, after, screen.color, screen.width));
    }
    out
}

/// Renders a label, a mark and a value on as many lines as needed. Label and mark come with the width of their column.
fn labelled(
    (label, width): (&str, usize),
    mark: Option<(&str, Tone, usize)>,
    cell: &Cell,
    after: &str,
    color: bool,
    room: Option<usize>,
) -> String {
    let indent = width + GAP + mark.map_or(0, |(.., width)| width + GAP);
    // In a very narrow window, the terminal breaks the lines.
    let room = room.and_then(|room| room.checked_sub(indent)).filter(|room| *room >= 20);
    let label = clean::line(label);
    let padding = " ".repeat(width - measure(&label) + GAP);
    let mark = mark.map_or_else(String::new, |(word, tone, width)| {
        let blanks = " ".repeat(width - measure(word) + GAP);
        if color && !word.is_empty() { paint(word, code(tone)) + &blanks } else { word.to_owned() + &blanks }
    });
    let value = cell.shown();
    let value = clean::text(value.trim_end());
    let whole = value.split('\n').map(|line| shorten(&clean::line(line), ABSURD * 5));
    let lines = whole.flat_map(|line| room.map_or_else(|| vec![line.clone()], |room| wrap(&line, room)));
    let mut out = String::new();
    for (at, line) in lines.enumerate() {
        if at > 0 {
            out.push_str(&" ".repeat(indent));
            out.push_str(&line);
        } else if color {
            out.push_str(&paint(&label, "2"));
            out.push_str(&padding);
            out.push_str(&mark);
            out.push_str(&cell.tone().map_or_else(|| line.clone(), |tone| paint(&line, code(tone))));
            out.push_str(after);
        } else {
            out.push_str(&format!("{label}{padding}{mark}{line}{after}"));
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
    out
}

/// Returns the cell as one clean line.
pub(super) fn shown(cell: &Cell) -> String {
    let text = cell.shown();
    let clean = clean::line(text.trim());
    // Most texts need no cleaning.
    if clean.len() == text.len() && matches!(clean, Cow::Borrowed(_)) { text } else { clean.into_owned() }
}

/// Adds ANSI colour.
pub(super) fn paint(text: &str, code: &str) -> String {
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// Shortens a text to `width` columns of a terminal.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if measure(text) <= width { text.to_owned() } else { console::truncate_str(text, width, "…").into_owned() }
}

pub(super) fn measure(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { console::measure_text_width(text) }
}

fn column<'a>(head: &'a Head, at: usize, rows: &[Vec<&Cell>], layout: &Layout) -> Column<'a> {
    let most = match head {
        Head { wraps: true, .. } => usize::MAX,
        Head { brief: true, .. } if !layout.named => BRIEF,
        _ => ABSURD,
    };
    let short = |text: String| if measure(&text) <= most { text } else { shorten(&text, most) };
    let texts: Vec<String> = rows.iter().map(|row| short(shown(row[at]))).collect();
    let title = clean::line(&head.title).into_owned();
    let widest = texts.iter().map(|t| measure(t)).max().unwrap_or(0);
    let mut filled = rows.iter().map(|row| row[at]).filter(|cell| **cell != Cell::Empty).peekable();
    Column {
        head,
        right: head.right || (filled.peek().is_some() && filled.all(Cell::is_number)),
        width: widest.max(if layout.headers { measure(&title) } else { 0 }),
        tones: rows.iter().map(|row| row[at].tone()).collect(),
        texts,
        title,
    }
}

/// Drops wide columns from the right, then shortens flexible ones, then all texts.
fn fit(columns: &mut Vec<Column<'_>>, width: usize, named: bool) {
    while total(columns) > width && !named {
        let Some(at) = columns.iter().rposition(|c| c.head.wide) else { break };
        columns.remove(at);
    }
    for only_flex in [true, false] {
        while total(columns) > width {
            let over = total(columns) - width;
            let candidates = columns.iter_mut().filter(|c| c.width > LEAST && (c.head.flex || !only_flex && !c.right));
            let Some(widest) = candidates.max_by_key(|c| c.width) else { break };
            // Shrink in steps, so that two long columns share the loss.
            let width = widest.width - over.min(4).min(widest.width - LEAST);
            widest.width = width;
        }
    }
    for column in columns {
        column.title = shorten(&column.title, column.width);
        for text in &mut column.texts {
            if measure(text) > column.width && !column.head.wraps {
                *text = shorten(text, column.width);
            }
        }
    }
}

/// Splits wrapped rows into lines. Returns the number of lines.
fn unfold(columns: &mut [Column<'_>], rows: usize) -> usize {
    let folded = |column: &Column<'_>, row: usize| match column.texts.get(row) {
        Some(text) if column.head.wraps => wrap(text, column.width),
        Some(text) => vec![text.clone()],
        None => Vec::new(),
    };
    let heights: Vec<usize> = (0..rows).map(|row| columns.iter().map(|column| folded(column, row).len()).max().unwrap_or(1)).collect();
    for column in columns {
        let (mut texts, mut tones) = (Vec::new(), Vec::new());
        for (row, height) in heights.iter().enumerate() {
            let mut lines = folded(column, row);
            lines.resize(*height, String::new());
            texts.extend(lines);
            tones.extend(std::iter::repeat_n(column.tones[row], *height));
        }
        (column.texts, column.tones) = (texts, tones);
    }
    heights.iter().sum()
}

fn total(columns: &[Column<'_>]) -> usize {
    columns.iter().map(|c| c.width).sum::<usize>() + GAP * columns.len().saturating_sub(1)
}

/// Colours the cells of a line. Texts appear in column order, so each is searched after the previous one.
fn colored(line: &str, columns: &[Column<'_>], row: usize) -> String {
    let mut out = String::with_capacity(line.len() + 32);
    let mut rest = line;
    for column in columns {
        let text = column.texts[row].as_str();
        let Some(at) = rest.find(text) else { break };
        out.push_str(&rest[..at]);
        match column.tones[row] {
            Some(tone) if !text.is_empty() => out.push_str(&paint(text, code(tone))),
            _ => out.push_str(text),
        }
        rest = &rest[at + text.len()..];
    }
    out + rest
}

fn code(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "32",
        Tone::Warn => "33",
        Tone::Bad => "31",
        Tone::Dim => "2",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_layouts_make_the_same_lines(texts in proptest::collection::vec("[a-c é日\u{301}]{0,9}", 1..13), right: bool, headers: bool) {
            let heads = ["first", "x", "last"].map(|name| Head { right, ..Head::new(name) });
            let cells: Vec<Cell> = texts.iter().map(Cell::text).collect();
            let rows: Vec<Vec<&Cell>> = cells.chunks_exact(3).map(|row| row.iter().collect()).collect();
            let layout = Layout { width: None, headers, color: false, named: false };
            let columns: Vec<Column<'_>> = heads.iter().enumerate().map(|(at, head)| column(head, at, &rows, &layout)).collect();
            let mut lines = Vec::new();
            straight(&columns, rows.len(), &layout, &mut |_, line| lines.push(line.trim_end().to_owned()));
            let folded = folded(&columns, rows.len(), &layout);
            prop_assert_eq!(lines, folded.iter().map(|line| line.trim_end()).collect::<Vec<_>>());
        }
    }
}
