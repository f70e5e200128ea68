//! `--filter`, `--sort` and `--columns`, on typed values, for every format.

use super::cell::Cell;
use super::grid::Grid;
use super::row::Head;
use super::{Options, table};
use crate::fault::{Fault, Result};

/// Filters and sorts the grid. Returns the columns of `--columns`, if given.
pub(super) fn select(grid: &mut Grid<'_>, options: &Options) -> Result<Option<Vec<usize>>> {
    // An empty list of unknown shape has no columns to check against.
    if !grid.fixed && grid.lines.is_empty() {
        return Ok(None);
    }
    for condition in conditions(&options.filter)? {
        let at = position(&grid.heads, &condition.column)?;
        grid.lines.retain(|line| line.cells.get(at).is_some_and(|cell| condition.holds(cell)));
    }
    if let Some(sort) = &options.sort {
        // Sort by the last key first: the sort is stable.
        for (column, descending) in sort_keys(sort)?.into_iter().rev() {
            let at = position(&grid.heads, column)?;
            grid.lines.sort_by(|a, b| a.cells[at].compare(&b.cells[at], descending));
        }
    }
    columns(&grid.heads, options)
}

/// Returns the columns of `--columns` in its order.
pub(super) fn columns(heads: &[Head], options: &Options) -> Result<Option<Vec<usize>>> {
    let Some(names) = &options.columns else { return Ok(None) };
    let names = names.iter().flat_map(|n| n.split(',')).map(str::trim).filter(|n| !n.is_empty());
    names.map(|name| position(heads, name)).collect::<Result<Vec<_>>>().map(Some)
}

/// Checks the syntax of the options without a list.
pub(super) fn check(options: &Options) -> Result<()> {
    conditions(&options.filter)?;
    options.sort.as_deref().map_or(Ok(()), |sort| sort_keys(sort).map(|_| ()))
}

/// Finds a column by JSON key or title.
fn position(heads: &[Head], name: &str) -> Result<usize> {
    let wanted = name.to_lowercase().replace('-', "_");
    let found = heads
        .iter()
        .position(|h| h.name == name)
        .or_else(|| heads.iter().position(|h| h.name.to_lowercase().replace('-', "_") == wanted || h.title.to_lowercase() == wanted));
    found.ok_or_else(|| {
        let all: Vec<&str> = heads.iter().map(|h| h.name.as_str()).collect();
        Fault::usage(format!("there is no column '{name}'")).with_hint(format!("choose from {}", all.join(", ")))
    })
}

fn sort_keys(text: &str) -> Result<Vec<(&str, bool)>> {
    text.split(',')
        .map(|key| match key.trim().split_once(':') {
            None => Ok((key.trim(), false)),
            Some((column, "desc")) => Ok((column, true)),
            Some((column, "asc")) => Ok((column, false)),
            Some((_, other)) => {
                Err(Fault::usage(format!("'{other}' is not a sort direction")).with_hint("write --sort COL or --sort COL:desc"))
            }
        })
        .collect()
}

struct Condition {
    column: String,
    negated: bool,
    /// Alternative values.
    patterns: Vec<String>,
}

/// Parses `status=running,name!=web*`. A part without `=` is another value of the column before it: `status=running,stopped`.
fn conditions(filters: &[String]) -> Result<Vec<Condition>> {
    let mut all = Vec::new();
    for filter in filters {
        let mut own: Vec<Condition> = Vec::new();
        for part in filter.split(',') {
            match (part.split_once('='), own.last_mut()) {
                (Some((left, pattern)), _) => {
                    let (column, negated) = left.strip_suffix('!').map_or((left, false), |column| (column, true));
                    own.push(Condition { column: column.trim().to_owned(), negated, patterns: vec![pattern.to_owned()] });
                }
                (None, Some(last)) => last.patterns.push(part.to_owned()),
                (None, None) => {
                    return Err(Fault::usage(format!("'{part}' is not a filter"))
                        .with_hint("write --filter COL=VALUE or COL!=VALUE; * and ? are wildcards"));
                }
            }
        }
        all.append(&mut own);
    }
    Ok(all)
}

impl Condition {
    fn holds(&self, cell: &Cell) -> bool {
        self.patterns.iter().any(|pattern| matches(cell, pattern)) != self.negated
    }
}

fn matches(cell: &Cell, pattern: &str) -> bool {
    match cell {
        Cell::Flag(flag) => match pattern.to_lowercase().as_str() {
            "yes" | "true" | "1" | "on" => *flag,
            "no" | "false" | "0" | "off" => !flag,
            other => glob(other, &flag.to_string()),
        },
        Cell::List(items) if items.is_empty() => pattern.is_empty() || pattern == "-",
        Cell::List(items) => items.iter().any(|item| glob(pattern, item)) || glob(pattern, &items.join(",")),
        Cell::Empty => pattern.is_empty() || pattern == "-",
        Cell::Text(text) | Cell::State(text, _) => glob(pattern, text),
        number => {
            let equal = pattern.parse::<f64>().is_ok_and(|wanted| number.raw().parse::<f64>().is_ok_and(|n| n.total_cmp(&wanted).is_eq()));
            equal || glob(pattern, &number.raw()) || table::shown(number) == pattern
        }
    }
}

/// Matches `*` (any text) and `?` (any character).
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // The position of the last star, and how much of the text it matches so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (p, t) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;
    use crate::ui::grid::Line;

    fn grid() -> Grid<'static> {
        let line = |id: i64, name: &str, up: bool, tags: &[&str]| Line {
            cells: vec![Cell::Int(id), Cell::text(name), Cell::Flag(up), Cell::List(tags.iter().map(ToString::to_string).collect())],
            at: 0,
        };
        Grid {
            heads: ["vmid", "name", "is_up", "tags"].map(Head::new).into(),
            lines: vec![line(101, "web10", true, &["prod", "web"]), line(20, "web2", false, &[]), line(3, "db", true, &["prod"])],
            noun: "rows",
            fixed: true,
            ..Grid::of_objects(&[])
        }
    }

    fn ids(filter: &str, sort: &str) -> Vec<i64> {
        let mut grid = grid();
        let options = Options {
            filter: if filter.is_empty() { vec![] } else { vec![filter.into()] },
            sort: (!sort.is_empty()).then(|| sort.into()),
            ..Options::default()
        };
        select(&mut grid, &options).unwrap();
        grid.lines
            .iter()
            .map(|l| match l.cells[0] {
                Cell::Int(n) => n,
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn filters() {
        assert_eq!(ids("name=web*", ""), [101, 20]);
        assert_eq!(ids("name!=web*", ""), [3]);
        assert_eq!(ids("name=web?", ""), [20]);
        assert_eq!(ids("is_up=yes,name=web*", ""), [101]);
        assert_eq!(ids("is-up=false", ""), [20]);
        assert_eq!(ids("tags=prod", ""), [101, 3]);
        assert_eq!(ids("tags=", ""), [20]);
        assert_eq!(ids("vmid=3,101", ""), [101, 3]);
        assert_eq!(ids("vmid=3.0", ""), [3]);
        assert_eq!(ids("vmid!=3,101", ""), [20]);
        assert_eq!(ids("name=Web2", ""), [0; 0]);
    }

    #[test]
    fn sorting_is_by_value() {
        assert_eq!(ids("", "vmid"), [3, 20, 101]);
        assert_eq!(ids("", "vmid:desc"), [101, 20, 3]);
        assert_eq!(ids("", "name"), [3, 20, 101]);
        assert_eq!(ids("", "is_up:desc,name"), [3, 101, 20]);
    }

    #[test]
    fn what_is_not_there_is_a_usage_fault_that_lists_what_is() {
        for options in [
            Options { filter: vec!["colour=red".into()], ..Options::default() },
            Options { sort: Some("colour".into()), ..Options::default() },
            Options { columns: Some(vec!["vmid".into(), "colour".into()]), ..Options::default() },
        ] {
            let fault = select(&mut grid(), &options).unwrap_err();
            assert_eq!(fault.kind, Kind::Usage);
            assert_eq!(fault.message, "there is no column 'colour'");
            assert_eq!(fault.hint(), "choose from vmid, name, is_up, tags");
        }
    }

    #[test]
    fn malformed_flags_are_found_without_a_list() {
        assert_eq!(check(&Options { filter: vec!["running".into()], ..Options::default() }).unwrap_err().kind, Kind::Usage);
        assert_eq!(check(&Options { sort: Some("vmid:up".into()), ..Options::default() }).unwrap_err().kind, Kind::Usage);
        check(&Options { sort: Some("vmid:asc".into()), filter: vec!["a=b,c!=d".into()], ..Options::default() }).unwrap();
    }

    #[test]
    fn columns_in_the_order_asked_for() {
        let options = Options { columns: Some(vec!["tags,VMID".into()]), ..Options::default() };
        assert_eq!(select(&mut grid(), &options).unwrap(), Some(vec![3, 0]));
    }

    #[test]
    fn globs() {
        for (pattern, text, yes) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*b*c", "aXXbYYbc", true),
            ("a*b", "abc", false),
            ("**x", "x", true),
            ("?", "é", true),
            ("a?", "a", false),
        ] {
            assert_eq!(glob(pattern, text), yes, "{pattern} on {text}");
        }
    }
}
