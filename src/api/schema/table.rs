//! The data files, indexed by path on first use.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::node::{Permissions, Schema};

/// First the types, one a line; an empty line; then `VERB /path {…}` for every method, whose properties point at types.
const DATA: &str = include_str!("pve-9.2.txt");
/// The named formats that are property strings: `name {fields}`.
const NAMED: &str = include_str!("named.txt");

/// One method of the API.
#[derive(Debug)]
pub struct Method {
    pub verb: &'static str,
    /// The path template, e.g. `/nodes/{node}/lxc/{vmid}/config`.
    pub template: &'static str,
    pub name: String,
    /// Carried out by the root daemon.
    pub protected: bool,
    pub allow_token: bool,
    /// The parameter that names the node which answers.
    pub proxy_to: Option<String>,
    /// None: root@pam alone.
    pub permissions: Option<Permissions>,
    pub parameters: Schema,
    pub returns: Option<Value>,
    /// The keys of an answer that are not plain text, by what they are.
    typed: BTreeMap<char, String>,
}

/// What a key of an answer is, where it is not plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    Flag,
    Int,
    Number,
    List,
    Object,
    Bytes,
    Time,
    Seconds,
    /// From 0 to 1.
    Share,
}

impl Method {
    /// The type of a key in the answer; `None` for text and for keys that the schema does not declare.
    pub fn typed(&self, key: &str) -> Option<Typed> {
        let (letter, _) = self.typed.iter().find(|(_, names)| names.split(' ').any(|name| name == key))?;
        Some(match letter {
            'b' => Typed::Flag,
            'i' => Typed::Int,
            'n' => Typed::Number,
            'a' => Typed::List,
            'o' => Typed::Object,
            'B' => Typed::Bytes,
            'T' => Typed::Time,
            'D' => Typed::Seconds,
            _ => Typed::Share,
        })
    }
}

#[derive(Deserialize)]
struct Line {
    name: String,
    #[serde(default)]
    protected: u8,
    allowtoken: Option<u8>,
    proxyto: Option<String>,
    permissions: Option<Permissions>,
    parameters: Schema,
    returns: Option<Value>,
    #[serde(default)]
    typed: BTreeMap<char, String>,
}

struct Entry {
    verb: &'static str,
    template: &'static str,
    text: &'static str,
    parsed: OnceLock<Method>,
}

impl Entry {
    fn method(&self) -> &Method {
        self.parsed.get_or_init(|| {
            let line: Line = serde_json::from_str(self.text).expect("the compiled-in schema is proved by a test");
            Method {
                verb: self.verb,
                template: self.template,
                name: line.name,
                protected: line.protected == 1,
                allow_token: line.allowtoken != Some(0),
                proxy_to: line.proxyto,
                permissions: line.permissions,
                parameters: line.parameters,
                returns: line.returns,
                typed: line.typed,
            }
        })
    }
}

#[derive(Default)]
struct Node {
    folders: HashMap<&'static str, Node>,
    variable: Option<(&'static str, Box<Node>)>,
    entries: Vec<usize>,
}

struct Table {
    types: Vec<(&'static str, OnceLock<Schema>)>,
    /// Sorted by template and verb.
    entries: Vec<Entry>,
    /// The entries by the segments of their path; only a path with values needs it.
    root: OnceLock<Node>,
}

impl Table {
    fn entry(&self, verb: &str, template: &str) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|entry| entry.template.cmp(template).then_with(|| entry.verb.cmp(verb)));
        at.ok().map(|at| &self.entries[at])
    }

    fn root(&self) -> &Node {
        self.root.get_or_init(|| {
            let mut root = Node::default();
            for (at, entry) in self.entries.iter().enumerate() {
                let mut node = &mut root;
                for part in entry.template.split('/').filter(|part| !part.is_empty()) {
                    node = match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                        Some(name) => &mut node.variable.get_or_insert_with(|| (name, Box::default())).1,
                        None => node.folders.entry(part).or_default(),
                    };
                }
                node.entries.push(at);
            }
            root
        })
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut lines = DATA.lines();
        let types = lines.by_ref().take_while(|line| !line.is_empty()).map(|line| (line, OnceLock::new())).collect();
        let entry = |line: &'static str| {
            let (verb, rest) = line.split_once(' ')?;
            let (template, text) = rest.split_once(' ')?;
            Some(Entry { verb, template, text, parsed: OnceLock::new() })
        };
        Table { types, entries: lines.filter_map(entry).collect(), root: OnceLock::new() }
    })
}

/// A type of the table, by index.
pub(super) fn kind_at(index: usize) -> Option<&'static Schema> {
    let (text, parsed) = table().types.get(index)?;
    Some(parsed.get_or_init(|| serde_json::from_str(text).expect("the compiled-in types are proved by a test")))
}

/// The fields of a named format that is a property string.
pub(super) fn named(name: &str) -> Option<&'static BTreeMap<String, Schema>> {
    struct Named {
        name: &'static str,
        text: &'static str,
        fields: OnceLock<BTreeMap<String, Schema>>,
    }
    static ALL: OnceLock<Vec<Named>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let lines = NAMED.lines().filter_map(|line| line.split_once(' '));
        lines.map(|(name, text)| Named { name, text, fields: OnceLock::new() }).collect()
    });
    let found = all.iter().find(|format| format.name == name)?;
    Some(found.fields.get_or_init(|| serde_json::from_str(found.text).expect("the compiled-in formats are proved by a test")))
}

/// Every method, in order of path and verb.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    table().entries.iter().map(Entry::method)
}

/// The path template of a method, if the schema has it; no line is parsed for it.
pub fn template(verb: &str, path: &str) -> Option<&'static str> {
    table().entry(verb, path).map(|entry| entry.template)
}

/// The method with this path template.
pub fn method(verb: &str, template: &str) -> Option<&'static Method> {
    table().entry(verb, template).map(Entry::method)
}

/// Below these parameters the rest of the path is one value, slashes and all.
const WHOLE_REST: [&str; 2] = ["volume", "cidr"];

/// The method that answers, and the parameters in the path. The path is decoded before it is split, as the host does.
pub fn find(verb: &str, path: &str) -> Option<(&'static Method, BTreeMap<String, String>)> {
    let table = table();
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let mut values = BTreeMap::new();
    let mut node = table.root();
    let mut at = 0;
    while at < parts.len() {
        if let Some((name, next)) = &node.variable {
            let value = if WHOLE_REST.contains(name) && next.folders.is_empty() {
                let rest = parts[at..].join("/");
                at = parts.len();
                rest
            } else {
                at += 1;
                parts[at - 1].to_owned()
            };
            if value.chars().any(char::is_whitespace) {
                return None;
            }
            values.insert((*name).to_owned(), value);
            node = next;
        } else {
            node = node.folders.get(parts[at])?;
            at += 1;
        }
    }
    let entry = node.entries.iter().map(|index| &table.entries[*index]).find(|entry| entry.verb == verb)?;
    Some((entry.method(), values))
}
