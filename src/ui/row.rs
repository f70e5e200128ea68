//! Traits of types that can be printed.

use serde::Serialize;

use super::{Cell, Detail};

/// An item of a list: a line of a table, an object in JSON.
pub trait Row: Serialize {
    /// The columns in order, named like the JSON keys.
    fn columns() -> Vec<Column<Self>>
    where
        Self: Sized;

    /// The argument that names the item to other commands.
    fn id(&self) -> String;

    /// Plural noun, such as `guests`.
    fn noun() -> &'static str
    where
        Self: Sized,
    {
        "rows"
    }
}

/// A single item: labelled lines for people, an object in JSON.
pub trait Record: Serialize {
    /// The values by JSON key, for CSV and `--columns`.
    fn fields(&self) -> Vec<(&'static str, Cell)>;

    /// The labelled lines. Empty ones are omitted.
    fn details(&self) -> Vec<Detail> {
        self.fields().into_iter().map(|(key, cell)| Detail::of_key(key, cell)).collect()
    }

    fn id(&self) -> String;
}

/// A column of a table.
pub struct Column<T: ?Sized> {
    pub(super) head: Head,
    pub(super) get: Box<dyn Fn(&T) -> Cell>,
}

impl<T: ?Sized> Column<T> {
    pub fn new(name: &'static str, get: impl Fn(&T) -> Cell + 'static) -> Self {
        Self { head: Head::new(name), get: Box::new(get) }
    }

    /// Sets a title other than the name in capitals.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.head.title = title.to_owned();
        self
    }

    /// Aligns the column to the right; numbers always are.
    #[must_use]
    pub fn right(mut self) -> Self {
        self.head.right = true;
        self
    }

    /// Shows the column only if `--columns` names it.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.head.hidden = true;
        self
    }

    /// Shows the column only if the terminal is wide enough.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.head.wide = true;
        self
    }

    /// Allows shortening the column.
    #[must_use]
    pub fn flex(mut self) -> Self {
        self.head.flex = true;
        self
    }

    /// Shortens the column in a pipe too, where the width is unlimited.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.head.flex = true;
        self.head.brief = true;
        self
    }

    /// Wraps long values onto several lines instead of shortening them.
    #[must_use]
    pub fn wraps(mut self) -> Self {
        self.head.flex = true;
        self.head.wraps = true;
        self
    }

    /// Returns the column for a type that contains a `T`, such as a row with the name of its context.
    pub fn of<U: ?Sized + 'static>(self, inner: impl Fn(&U) -> &T + 'static) -> Column<U>
    where
        T: 'static,
    {
        let get = self.get;
        Column { head: self.head, get: Box::new(move |outer| get(inner(outer))) }
    }
}

/// A column without the type of its rows.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) right: bool,
    pub(super) hidden: bool,
    pub(super) wide: bool,
    pub(super) flex: bool,
    pub(super) wraps: bool,
    pub(super) brief: bool,
}

impl Head {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: name.to_uppercase(),
            right: false,
            hidden: false,
            wide: false,
            flex: false,
            wraps: false,
            brief: false,
        }
    }
}
