//! What a type must say of itself to be shown.

use serde::Serialize;

use super::{Cell, Detail};

/// Something that stands in a list: a line of a table, an object in JSON.
pub trait Row: Serialize {
    /// The columns, in their order. Their names are the JSON keys.
    fn columns() -> Vec<Column<Self>>
    where
        Self: Sized;

    /// What another command would take as its argument.
    fn id(&self) -> String;

    /// What several of them are called: `guests`.
    fn noun() -> &'static str
    where
        Self: Sized,
    {
        "rows"
    }
}

/// One thing by itself: labelled lines for people, an object in JSON.
pub trait Record: Serialize {
    /// The values by their JSON keys: for CSV and `--columns`.
    fn fields(&self) -> Vec<(&'static str, Cell)>;

    /// The lines for people. Empty ones are left out.
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

    /// What stands above it, where that is not the name in capitals.
    #[must_use]
    pub fn title(mut self, title: &'static str) -> Self {
        self.head.title = title.to_owned();
        self
    }

    /// Aligned to the right (numbers are anyway).
    #[must_use]
    pub fn right(mut self) -> Self {
        self.head.right = true;
        self
    }

    /// Shown only when asked for by `--columns`.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.head.hidden = true;
        self
    }

    /// Shown when the terminal is wide enough.
    #[must_use]
    pub fn wide(mut self) -> Self {
        self.head.wide = true;
        self
    }

    /// May be shortened to make a line fit.
    #[must_use]
    pub fn flex(mut self) -> Self {
        self.head.flex = true;
        self
    }

    /// Shortened in a pipe too, where the width of a line has no limit.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.head.flex = true;
        self.head.brief = true;
        self
    }

    /// May take several lines instead of being shortened.
    #[must_use]
    pub fn wraps(mut self) -> Self {
        self.head.flex = true;
        self.head.wraps = true;
        self
    }

    /// The same column of a type that holds a `T`, e.g. a row with the name of its context.
    pub fn of<U: ?Sized + 'static>(self, inner: impl Fn(&U) -> &T + 'static) -> Column<U>
    where
        T: 'static,
    {
        let get = self.get;
        Column { head: self.head, get: Box::new(move |outer| get(inner(outer))) }
    }
}

/// A column without its rows' type.
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
