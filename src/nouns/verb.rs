//! What a noun is made of.

use crate::api::sections::Options;
use crate::api::{Method, Risk};

/// How many verbs a noun can have.
const MOST: usize = 24;

/// A kind of object of the API, with the commands for it.
#[derive(Debug)]
pub struct Noun {
    /// Its words on the command line: `access user`.
    pub words: &'static str,
    /// One of them, in running text: `user`.
    pub one: &'static str,
    /// Several of them: `users`.
    pub many: &'static str,
    /// Where the collection is. `{scope}` stands for the path of the scope that a flag chooses, `{guest}` for `lxc/101` or `qemu/201`.
    path: &'static str,
    /// The parameter that names one of them.
    pub key: &'static str,
    /// What the path of an object begins with, by the flag that chooses it.
    pub scopes: &'static [Scope],
    /// Whether the first scope applies where no flag chooses one.
    pub scope_optional: bool,
    /// The options of each type, where the objects are of several.
    pub options: Option<Options>,
    /// Which calls any node answers alike.
    pub anywhere: Anywhere,
    /// The noun that lists and shows the objects, where this one does not.
    listed_by: Option<&'static Noun>,
    verbs: [Verb; MOST],
    count: usize,
}

/// One of several places where a noun is found: `--cluster`, `--node N`, `--guest G`.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    pub flag: &'static str,
    pub path: &'static str,
}

/// Which calls of a noun do not depend on the node that they name: the node that answers is the default then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anywhere {
    No,
    Reads,
    All,
}

/// What a verb shows or does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A table with these columns; all other keys of the answer are columns on request.
    List(&'static [&'static str]),
    /// One object: these keys first, then the others.
    Show(&'static [&'static str]),
    /// Lines of text: a log, a report.
    Text,
    Change,
}

/// What a verb does to an object, as far as it is looked up before and verified after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Create,
    Set,
    Delete,
    Other,
}

/// A command of a noun.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    pub name: &'static str,
    /// The summary; derived from the name where it is empty.
    pub about: &'static str,
    pub method: Method,
    path: Where,
    pub shape: Shape,
    pub risk: Risk,
    /// The type of the task that it starts; several joined by `|`.
    pub task: Option<&'static str>,
    /// Parameters that are always sent.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Parameters that are given by position, in this order, besides those of the path.
    pub args: &'static [&'static str],
    /// Parameters that belong to other verbs of the noun.
    pub without: &'static [&'static str],
    /// Parameters that this verb takes, where it does not take all of them.
    pub only: &'static [&'static str],
    /// The type of the objects that it creates.
    pub of_type: &'static str,
    /// Where the rows of a list are in the answer: the keys that lead there. `*` goes down to the last level, `#` numbers the rows.
    pub rows: &'static [&'static str],
    pub act: Act,
    pub example: &'static str,
}

/// The path of a verb, from that of its noun.
#[derive(Debug, Clone, Copy)]
enum Where {
    Collection,
    Object,
    /// Below the object.
    Below(&'static str),
    /// Below the collection.
    Beside(&'static str),
    /// A path of its own.
    At(&'static str),
}

const NOTHING: Verb = Verb {
    name: "",
    about: "",
    method: Method::Get,
    path: Where::Collection,
    shape: Shape::Change,
    risk: Risk::Read,
    task: None,
    fixed: &[],
    args: &[],
    without: &[],
    only: &[],
    of_type: "",
    rows: &[],
    act: Act::Other,
    example: "",
};

/// Begins a noun: `noun("pool", "resource pool", "resource pools", "/pools")`.
pub const fn noun(words: &'static str, one: &'static str, many: &'static str, path: &'static str) -> Noun {
    Noun {
        words,
        one,
        many,
        path,
        key: "",
        scopes: &[],
        scope_optional: false,
        options: None,
        anywhere: Anywhere::No,
        listed_by: None,
        verbs: [NOTHING; MOST],
        count: 0,
    }
}

impl Verb {
    /// The parameters that it always sends.
    pub fn sends(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.fixed.iter().copied().chain((!self.of_type.is_empty()).then_some(("type", self.of_type)))
    }
}

impl Noun {
    pub fn verbs(&self) -> impl Iterator<Item = &Verb> {
        self.verbs[..self.count].iter()
    }

    /// The noun that lists and shows the objects.
    pub fn home(&self) -> &Self {
        self.listed_by.unwrap_or(self)
    }

    /// The verb that shows one object.
    pub fn shown(&self) -> Option<&Verb> {
        self.home().verbs().find(|verb| verb.name == "show")
    }

    /// The verb that lists them.
    pub fn listed(&self) -> Option<&Verb> {
        self.home().verbs().find(|verb| verb.name == "list")
    }

    /// Whether a verb asks the node that answers where none is named.
    pub fn asks_any_node(&self, verb: &Verb) -> bool {
        self.anywhere == Anywhere::All || self.anywhere == Anywhere::Reads && verb.shape != Shape::Change
    }

    /// The path template of a verb, with `{scope}` and `{guest}` as they are.
    pub fn path(&self, verb: &Verb) -> String {
        let object = || if self.key.is_empty() { self.path.to_owned() } else { format!("{}/{{{}}}", self.path, self.key) };
        match verb.path {
            Where::Collection => self.path.to_owned(),
            Where::Object => object(),
            Where::Below(rest) => format!("{}/{rest}", object()),
            Where::Beside(rest) => format!("{}/{rest}", self.path),
            Where::At(path) => path.to_owned(),
        }
    }

    /// What a verb's paths begin with: one template, or that of each scope.
    pub fn begins(&self, verb: &Verb) -> impl Iterator<Item = &'static str> {
        let path = match verb.path {
            Where::At(path) => path,
            _ => self.path,
        };
        let scopes: &'static [Scope] = if path.starts_with("{scope}") { self.scopes } else { &[] };
        let own = Some(path).filter(|_| scopes.is_empty());
        own.into_iter().chain(scopes.iter().map(|scope| scope.path))
    }

    /// The parameter that names one of them.
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = key;
        self
    }

    pub const fn scopes(mut self, scopes: &'static [Scope]) -> Self {
        self.scopes = scopes;
        self
    }

    /// Scopes of which the first is the default.
    pub const fn scopes_or_first(mut self, scopes: &'static [Scope]) -> Self {
        self.scopes = scopes;
        self.scope_optional = true;
        self
    }

    /// The options of each type of object.
    pub const fn options(mut self, options: Options) -> Self {
        self.options = Some(options);
        self
    }

    /// Which calls any node answers alike.
    pub const fn anywhere(mut self, anywhere: Anywhere) -> Self {
        self.anywhere = anywhere;
        self
    }

    /// The noun that lists and shows the objects of this one.
    pub const fn listed_by(mut self, noun: &'static Self) -> Self {
        self.listed_by = Some(noun);
        self
    }

    const fn push(mut self, verb: Verb) -> Self {
        self.verbs[self.count] = verb;
        self.count += 1;
        self
    }

    pub const fn list(self, columns: &'static [&'static str]) -> Self {
        self.push(Verb { name: "list", shape: Shape::List(columns), ..NOTHING })
    }

    pub const fn show(self, keys: &'static [&'static str]) -> Self {
        self.push(Verb { name: "show", path: Where::Object, shape: Shape::Show(keys), ..NOTHING })
    }

    pub const fn create(self) -> Self {
        self.push(Verb { name: "create", method: Method::Post, risk: Risk::Safe, act: Act::Create, ..NOTHING })
    }

    pub const fn set(self) -> Self {
        self.push(Verb { name: "set", method: Method::Put, path: Where::Object, risk: Risk::Safe, act: Act::Set, ..NOTHING })
    }

    pub const fn delete(self) -> Self {
        self.push(Verb {
            name: "delete",
            method: Method::Delete,
            path: Where::Object,
            risk: Risk::Irreversible,
            act: Act::Delete,
            ..NOTHING
        })
    }

    /// A POST below the object: `node service restart ssh`.
    pub const fn action(self, name: &'static str, risk: Risk) -> Self {
        self.push(Verb { name, method: Method::Post, path: Where::Below(name), risk, ..NOTHING })
    }

    /// Another list, with a path of its own.
    pub const fn other_list(self, name: &'static str, columns: &'static [&'static str]) -> Self {
        self.push(Verb { name, path: Where::Beside(name), shape: Shape::List(columns), ..NOTHING })
    }

    /// Another object that is shown.
    pub const fn other_show(self, name: &'static str, keys: &'static [&'static str]) -> Self {
        self.push(Verb { name, path: Where::Beside(name), shape: Shape::Show(keys), ..NOTHING })
    }

    /// Lines of text.
    pub const fn text(self, name: &'static str) -> Self {
        self.push(Verb { name, path: Where::Beside(name), shape: Shape::Text, ..NOTHING })
    }

    pub const fn post(self, name: &'static str, risk: Risk) -> Self {
        self.push(Verb { name, method: Method::Post, path: Where::Beside(name), risk, ..NOTHING })
    }

    pub const fn put(self, name: &'static str, risk: Risk) -> Self {
        self.push(Verb { name, method: Method::Put, path: Where::Collection, risk, ..NOTHING })
    }

    const fn last(mut self, verb: Verb) -> Self {
        self.verbs[self.count - 1] = verb;
        self
    }

    const fn current(&self) -> Verb {
        self.verbs[self.count - 1]
    }

    /// Another name of the last verb.
    pub const fn named(self, name: &'static str) -> Self {
        let verb = Verb { name, ..self.current() };
        self.last(verb)
    }

    /// The summary of the last verb.
    pub const fn about(self, about: &'static str) -> Self {
        let verb = Verb { about, ..self.current() };
        self.last(verb)
    }

    /// The path of the last verb.
    pub const fn at(self, path: &'static str) -> Self {
        let verb = Verb { path: Where::At(path), ..self.current() };
        self.last(verb)
    }

    /// The path of the last verb, below the object.
    pub const fn below(self, path: &'static str) -> Self {
        let verb = Verb { path: Where::Below(path), ..self.current() };
        self.last(verb)
    }

    /// The method of the last verb.
    pub const fn by(self, method: Method) -> Self {
        let verb = Verb { method, ..self.current() };
        self.last(verb)
    }

    pub const fn risk(self, risk: Risk) -> Self {
        let verb = Verb { risk, ..self.current() };
        self.last(verb)
    }

    /// The type of the task that the last verb starts.
    pub const fn task(self, task: &'static str) -> Self {
        let verb = Verb { task: Some(task), ..self.current() };
        self.last(verb)
    }

    /// Parameters that the last verb always sends.
    pub const fn fixed(self, fixed: &'static [(&'static str, &'static str)]) -> Self {
        let verb = Verb { fixed, ..self.current() };
        self.last(verb)
    }

    /// Parameters that the last verb takes by position.
    pub const fn args(self, args: &'static [&'static str]) -> Self {
        let verb = Verb { args, ..self.current() };
        self.last(verb)
    }

    /// Parameters that the last verb does not take, because another verb is for them.
    pub const fn without(self, without: &'static [&'static str]) -> Self {
        let verb = Verb { without, ..self.current() };
        self.last(verb)
    }

    /// The only parameters that the last verb takes.
    pub const fn only(self, only: &'static [&'static str]) -> Self {
        let verb = Verb { only, ..self.current() };
        self.last(verb)
    }

    /// The type of the objects that the last verb creates: only its options are parameters.
    pub const fn of_type(self, of_type: &'static str) -> Self {
        let verb = Verb { of_type, ..self.current() };
        self.last(verb)
    }

    /// Where the rows of the last verb are in the answer.
    pub const fn rows(self, rows: &'static [&'static str]) -> Self {
        let verb = Verb { rows, ..self.current() };
        self.last(verb)
    }

    /// Gives the last verb the path of the object.
    pub const fn on_object(self) -> Self {
        let verb = Verb { path: Where::Object, ..self.current() };
        self.last(verb)
    }

    /// Gives the last verb the path of the collection.
    pub const fn on_collection(self) -> Self {
        let verb = Verb { path: Where::Collection, ..self.current() };
        self.last(verb)
    }

    /// An example for the last verb.
    pub const fn example(self, example: &'static str) -> Self {
        let verb = Verb { example, ..self.current() };
        self.last(verb)
    }
}
