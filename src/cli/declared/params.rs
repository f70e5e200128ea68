//! The parameters of a declared command: where each one stands on the command line.

use crate::api::schema::{self, Format, Kind, Method, Schema};
use crate::cli::Global;
use crate::nouns::{Act, FILES, FLAGS, Noun, Scope, Shape, Verb};
use crate::{redact, routes};

/// Where a parameter stands on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `--node`, found by itself where there is only one.
    Node,
    /// The guest, by number or name.
    Guest,
    /// By position.
    Positional,
    /// A flag with its own name.
    Flag,
    /// `--unset`: the keys that are deleted.
    Unset,
}

/// A parameter of the API as an argument.
#[derive(Debug, Clone)]
pub(super) struct Param {
    pub name: String,
    pub schema: &'static Schema,
    pub place: Place,
    pub required: bool,
    /// Read from a file, a variable or the terminal, and never shown.
    pub secret: bool,
}

/// Flags of every command, which a parameter cannot have.
fn is_global(name: &str) -> bool {
    use clap::Args;
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let command = Global::augment_args(clap::Command::default());
        command.get_arguments().filter_map(|arg| arg.get_long()).map(str::to_owned).chain(["help".into(), "version".into()]).collect()
    });
    names.iter().any(|global| global == name)
}

impl Param {
    /// The flag's name: that of the parameter, unless every command has that one already.
    pub fn flag(&self, noun: &Noun) -> String {
        if let Some((.., flag)) = FLAGS.iter().find(|(words, name, _)| *words == noun.words && *name == self.name) {
            return (*flag).to_owned();
        }
        let name = self.name.replace('_', "-").to_lowercase();
        if is_global(&name) { format!("{}-{name}", noun.words.rsplit(' ').next().unwrap_or_default()) } else { name }
    }

    /// Whether its value is the content of a file.
    pub fn is_file(&self, noun: &Noun) -> bool {
        FILES.contains(&(noun.words, &self.name))
    }

    pub fn is_flag(&self) -> bool {
        self.schema.kind == Some(Kind::Boolean)
    }

    /// Given several times or as a list.
    pub fn is_list(&self) -> bool {
        self.schema.is_list()
    }

    /// Whether one value can name several, separated by commas: not where each has commas of its own.
    pub fn splits(&self) -> bool {
        self.schema.items.as_ref().is_none_or(|item| item.fields().is_none())
    }

    pub fn on_by_default(&self) -> bool {
        self.schema.default.as_ref().is_some_and(|value| *value == true || *value == 1 || *value == "1")
    }

    /// What stands for the value in help. The name of something that exists on a host makes the shell offer what there is.
    pub fn value_name(&self) -> String {
        let format = match &self.schema.format {
            Some(Format::Named(name)) => name.trim_end_matches("-list").trim_end_matches("-opt"),
            _ => "",
        };
        let one = match (self.name.trim_end_matches("[n]"), format) {
            (_, "pve-node") | ("target" | "node", "") => "NODE",
            (_, "pve-storage-id") => "STORAGE",
            (_, "pve-vmid") => "VMID",
            ("poolid" | "pool", _) => "POOL",
            ("userid" | "users" | "user", _) => "USER",
            ("tokenid" | "tokens", _) => "TOKEN",
            ("roleid" | "roles" | "role", _) => "ROLE",
            ("realm", _) => "REALM",
            ("groupid" | "groups" | "group", _) => "GROUP",
            ("zone", _) => "ZONE",
            ("vnet", _) => "VNET",
            ("bridge", _) => "BRIDGE",
            ("comment" | "description" | "notes", _) => "TEXT",
            (name, _) if matches!(self.schema.kind, Some(Kind::Integer | Kind::Number)) && self.place == Place::Flag => {
                return if name.ends_with("id") { name.to_uppercase() } else { "N".into() };
            }
            (name, _) => return name.replace('_', "-").to_uppercase(),
        };
        if self.is_list() { format!("{one},…") } else { one.to_owned() }
    }
}

/// The methods of a verb, one for each scope and kind of guest.
pub(super) fn methods(noun: &Noun, verb: &Verb) -> Vec<&'static Method> {
    let templates = routes::templates(noun, verb);
    templates.into_iter().filter_map(|template| schema::method(verb.method.word(), template)).collect()
}

/// The names in a path's placeholders.
pub(super) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// The parameters of a verb, in the order of its path and then of the schema. What the verb always sends is not among them, nor is a
/// digest, which is read from the host.
pub(super) fn of(noun: &Noun, verb: &Verb) -> Vec<Param> {
    let methods = methods(noun, verb);
    let path = noun.path(verb);
    let in_path = placeholders(&path).filter(|name| *name != "scope").map(|name| if name == "guest" { "vmid" } else { name });
    let in_path: Vec<&str> = in_path.collect();
    let in_scope = |name: &str| noun.scopes.iter().any(|scope| placeholders(scope.path).any(|own| own == name));
    let key_in_path = placeholders(&path).any(|name| name == noun.key);
    let by_position = |name: &str| verb.args.contains(&name) || !matches!(verb.shape, Shape::List(_)) && name == noun.key && !key_in_path;
    let mut found: Vec<Param> = Vec::new();
    let guest = path.contains("/{guest}") || path.contains("/{vmid}");
    for name in in_path {
        let Some(schema) = methods.iter().find_map(|method| method.parameters.property(name)) else { continue };
        let place = match name {
            // The guest's own.
            "node" if guest => continue,
            "node" => Place::Node,
            "vmid" if guest => Place::Guest,
            _ => Place::Positional,
        };
        found.push(Param { name: name.to_owned(), schema, place, required: place != Place::Node, secret: false });
    }
    let mut flags: Vec<Param> = Vec::new();
    let entries = noun.options.and_then(|options| options.of(verb.of_type));
    let entry = |name: &str| entries.as_ref().map(|entries| entries.iter().find(|entry| entry.name == name));
    for method in &methods {
        let segments: Vec<String> = method.template.split('/').skip(1).map(str::to_owned).collect();
        for name in method.parameters.names() {
            let own = placeholders(method.template).any(|placeholder| placeholder == name) || in_scope(&name);
            let known = found.iter().chain(&flags).any(|param| param.name == name);
            let left_out = !verb.only.is_empty() && !verb.only.contains(&name.as_str()) || verb.without.contains(&name.as_str());
            let other_type = name != noun.key && entry(&name).is_some_and(|entry| entry.is_none());
            let fixed = verb.sends().any(|(fixed, _)| fixed == name) || left_out || other_type || name == "digest";
            let Some((schema, required)) = method.parameters.parameter(&name).filter(|_| !own && !known && !fixed) else { continue };
            let place = match name.as_str() {
                "delete" if verb.act == Act::Set && schema.kind != Some(Kind::Boolean) => Place::Unset,
                name if by_position(name) => Place::Positional,
                _ => Place::Flag,
            };
            let secret = redact::sensitive_at(&segments, &name) && !redact::is_public(&name);
            let required = required || place == Place::Positional || entry(&name).flatten().is_some_and(|entry| entry.required);
            flags.push(Param { name, schema, place, required, secret });
        }
    }
    let order = |param: &Param| {
        let given = verb.args.iter().position(|name| *name == param.name).map_or(0, |at| at + 1);
        (param.place != Place::Positional, given, !param.required)
    };
    flags.sort_by_key(order);
    found.extend(flags);
    found
}

/// The scope that a placeholder stands for: `--node` of `/nodes/{node}/firewall`.
pub(super) fn scope_value(scope: &Scope) -> Option<&'static str> {
    placeholders(scope.path).find(|name| *name != "node" || !scope.path.contains("{guest}"))
}

/// Whether the last positional argument may name several objects.
pub(super) fn takes_several(noun: &Noun, verb: &Verb, params: &[Param]) -> bool {
    let positional = params.iter().filter(|param| param.place == Place::Positional).count();
    let guest = params.iter().any(|param| param.place == Place::Guest);
    let last_is_key = placeholders(&noun.path(verb)).filter(|name| *name == noun.key).count() == 1;
    let flags = params.iter().any(|param| param.place == Place::Flag && param.required);
    verb.shape == Shape::Change && !matches!(verb.act, Act::Set | Act::Create) && positional == 1 && !guest && last_is_key && !flags
}
