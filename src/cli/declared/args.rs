//! clap commands out of nouns. Only the invoked noun's commands are built, and only its methods' schema is parsed.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, Command, Command as Subcommand};
use serde_json::Value as Json;

use super::params::{self, Param, Place, scope_value, takes_several};
use crate::api::schema::{self, Schema};
use crate::nouns::{self, Act, Noun, Shape, Verb};

/// An enumeration with more values than this is checked but not listed.
const MOST_LISTED: usize = 40;

/// The IDs of arguments that are not parameters.
pub(super) const NODE: &str = "declared-node";
pub(super) const SET: &str = "declared-set";
pub(super) const SCOPE: &str = "declared-scope";

/// The ID of a parameter's argument. The guest's and the node's are known to completion.
pub(super) fn id(param: &Param) -> String {
    match param.place {
        Place::Guest => "guest".into(),
        Place::Node => NODE.into(),
        _ => format!("param-{}", param.name),
    }
}

pub(super) fn off(param: &Param) -> String {
    format!("off-{}", param.name)
}

pub(super) fn stdin(param: &Param) -> String {
    format!("stdin-{}", param.name)
}

pub(super) fn scope_id(flag: &str) -> String {
    format!("scope-{flag}")
}

/// Adds the declared commands beside the hand-written nouns, which add those below them when they are built ([`graft_below`]).
pub fn graft_beside(root: Command) -> Command {
    let written: Vec<String> = root.get_subcommands().map(|noun| noun.get_name().to_owned()).collect();
    let others = nouns::ALL.iter().filter(|noun| !written.iter().any(|name| *name == split(noun.words).0));
    others.fold(root, |root, noun| attach(root, noun.words, noun, true))
}

/// Adds the declared commands whose words begin with this noun.
pub fn graft_below(command: Command) -> Command {
    let name = command.get_name().to_owned();
    nouns::ALL.iter().filter(|noun| split(noun.words).0 == name).fold(command, |command, noun| match split(noun.words).1 {
        Some(rest) => attach(command, rest, noun, true),
        None => with_verbs(command, noun, true),
    })
}

/// The first word, and the others.
fn split(words: &'static str) -> (&'static str, Option<&'static str>) {
    words.split_once(' ').map_or((words, None), |(first, rest)| (first, Some(rest)))
}

/// Adds all declared commands, completely built.
pub fn graft_built(root: Command) -> Command {
    nouns::ALL.iter().fold(root, |root, noun| attach(root, noun.words, noun, false))
}

fn attach(command: Command, words: &'static str, noun: &'static Noun, later: bool) -> Command {
    let (first, rest) = split(words);
    let known = command.find_subcommand(first).is_some();
    // A deferred noun builds the verbs of all nouns with its words.
    let deferred = command.find_subcommand(first).and_then(Command::get_display_name) == Some(noun.words);
    match (rest, known) {
        (None, true) if later && deferred => command,
        (Some(rest), true) => command.mut_subcommand(first, |inner| attach(inner, rest, noun, later)),
        (Some(rest), false) => command.subcommand(attach(parent(first), rest, noun, later)),
        // Beside hand-written verbs each declared one is deferred by itself.
        (None, true) => command.mut_subcommand(first, |inner| with_verbs(inner, noun, later)),
        (None, false) => {
            let own = named(first, noun, None).subcommand_required(true).arg_required_else_help(true);
            command.subcommand(if later { own.defer(build_noun) } else { with_verbs(own, noun, false) })
        }
    }
}

fn with_verbs(command: Command, noun: &'static Noun, later: bool) -> Command {
    noun.verbs().fold(command, |command, verb| {
        let own = named(verb.name, noun, Some(verb));
        command.subcommand(if later { own.defer(build_verb) } else { build_verb(own) })
    })
}

/// A noun that only contains others.
fn parent(name: &'static str) -> Command {
    let about = nouns::PARENTS.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| about);
    Subcommand::new(name).about(about).subcommand_required(true).arg_required_else_help(true)
}

/// A command that is looked up by its display name when it is needed.
fn named(name: &'static str, noun: &Noun, verb: Option<&Verb>) -> Command {
    let full = verb.map_or_else(|| noun.words.to_owned(), |verb| format!("{} {}", noun.words, verb.name));
    Subcommand::new(name).display_name(full).about(verb.map_or_else(|| summary(noun), |verb| about(noun, verb)))
}

/// The summary of a noun.
fn summary(noun: &Noun) -> String {
    let own = nouns::PARENTS.iter().find(|(words, _)| *words == noun.words);
    own.map_or_else(|| format!("Manage {}", noun.many), |(_, about)| (*about).to_owned())
}

/// The summary of a verb.
pub(super) fn about(noun: &Noun, verb: &Verb) -> String {
    let vowel =
        noun.one.starts_with(['a', 'e', 'i', 'o', 'A', 'I']) || ["HA ", "SMTP ", "LVM "].iter().any(|word| noun.one.starts_with(word));
    let article = if vowel { "an" } else { "a" };
    match verb.name {
        _ if !verb.about.is_empty() => verb.about.to_owned(),
        "list" => format!("List {}", noun.many),
        "set" => format!("Set options of {article} {}", noun.one),
        name => {
            let name = name.replace('-', " ");
            let (first, rest) = name.split_at(1);
            format!("{}{rest} {article} {}", first.to_uppercase(), noun.one)
        }
    }
}

fn build_noun(command: Command) -> Command {
    let Some(words) = command.get_display_name().map(str::to_owned) else { return command };
    nouns::called(&words).fold(command, |command, noun| with_verbs(command, noun, true))
}

fn build_verb(command: Command) -> Command {
    let Some((noun, verb)) = command.get_display_name().and_then(nouns::find) else { return command };
    let params = params::of(noun, verb);
    let several = takes_several(noun, verb, &params);
    let mut command = command;
    for param in &params {
        command = command.args(arguments(noun, verb, param, several));
    }
    if !noun.scopes.is_empty() {
        for scope in noun.scopes {
            let arg = Arg::new(scope_id(scope.flag)).long(scope.flag).help(nouns::help(noun.words, scope.flag).unwrap_or_default());
            command = command.arg(match scope_value(scope) {
                Some(_) => arg.value_name(scope.flag.to_uppercase()),
                None => arg.action(ArgAction::SetTrue),
            });
        }
        command =
            command.group(ArgGroup::new(SCOPE).args(noun.scopes.iter().map(|scope| scope_id(scope.flag))).required(!noun.scope_optional));
    }
    if verb.shape == Shape::Change && params.iter().any(|param| param.place == Place::Flag) {
        let help = "Parameter that this version has no flag for";
        command = command.arg(Arg::new(SET).long("set").value_name("KEY=VALUE").action(ArgAction::Append).help(help));
    }
    if verb.example.is_empty() { command } else { command.after_help(format!("Examples:\n  {}", verb.example.replace('\n', "\n  "))) }
}

/// The arguments of one parameter: most have one, a flag that can be switched off has two.
fn arguments(noun: &Noun, verb: &Verb, param: &Param, several: bool) -> Vec<Arg> {
    let help = nouns::help(noun.words, &param.name).unwrap_or_default().to_owned();
    let arg = Arg::new(id(param)).value_name(param.value_name());
    match param.place {
        Place::Node => {
            let all = matches!(verb.shape, Shape::List(_)) && several_nodes(noun, verb);
            let default = match all {
                true => "all nodes",
                false if noun.asks_any_node(verb) => "the one that answers",
                false => "the only one",
            };
            return vec![arg.long("node").value_name("NODE").help(format!("Node [default: {default}]"))];
        }
        Place::Guest => return vec![arg.value_name("GUEST").required(true).help("Guest: VMID, name or NODE/VMID")],
        Place::Positional => {
            let arg = arg.required(param.required).help(help);
            let arg = with_values(arg, param.schema, &param.name);
            return vec![if several { arg.num_args(1..).action(ArgAction::Append) } else { arg }];
        }
        Place::Unset => {
            let keys = params::of(noun, verb).into_iter().filter(|other| other.place == Place::Flag && !other.required);
            let keys: Vec<String> = keys.map(|other| other.name).collect();
            let arg = arg.long("unset").value_name("KEY,…").value_delimiter(',').action(ArgAction::Append);
            return vec![arg.value_parser(PossibleValuesParser::new(keys)).hide_possible_values(true).help("Keys to unset")];
        }
        Place::Flag => {}
    }
    let flag = param.flag(noun);
    if param.is_flag() {
        let on = arg.long(flag.clone()).action(ArgAction::SetTrue).help(help.clone());
        let off = Arg::new(off(param)).long(format!("no-{flag}")).action(ArgAction::SetTrue).conflicts_with(id(param));
        return match (param.on_by_default(), verb.act == Act::Set) {
            (true, _) => vec![on.hide(true), off.help(format!("{help} [default: yes]"))],
            (false, true) => vec![on, off.hide(true).help(format!("{help}: no"))],
            (false, false) => vec![on],
        };
    }
    if param.secret {
        let from_stdin = Arg::new(stdin(param)).long(format!("{flag}-stdin")).action(ArgAction::SetTrue).conflicts_with(id(param));
        let arg = arg.long(flag).value_name("SOURCE").value_parser(source).help(format!("{help}: env:VAR, file:PATH"));
        return vec![arg, from_stdin.hide(true).help(format!("{help}, from stdin"))];
    }
    if param.is_file(noun) {
        let arg = arg.long(flag).value_name("FILE").value_hint(clap::ValueHint::FilePath).required(param.required);
        return vec![arg.help(format!("{help}, - for stdin"))];
    }
    let help = match (&param.schema.default, param.required) {
        (Some(default), false) if verb.act != Act::Set && !default.is_object() && !default.is_array() => {
            let shown = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            if shown.is_empty() || shown.len() > 30 { help } else { format!("{help} [default: {shown}]") }
        }
        _ => help,
    };
    let mut arg = with_values(arg.long(flag), param.schema, &param.name).required(param.required).help(help.clone());
    if param.is_list() {
        arg = arg.action(ArgAction::Append);
    }
    if let Some(fields) = param.schema.fields() {
        let keys: Vec<String> = fields.iter().filter(|(_, field)| field.alias.is_none()).map(|(name, field)| keyed(name, field)).collect();
        arg = arg.long_help(format!("{help}; keys: {}", keys.join(", ")));
    }
    vec![arg]
}

/// A key of a property string, with what it takes.
fn keyed(name: &str, field: &Schema) -> String {
    let value = match field.choices.len() {
        0 => field.kind.map_or("text", schema::Kind::word).to_owned(),
        1..=8 => field.choices.join("|"),
        _ => "…".to_owned(),
    };
    format!("{name}=<{value}>")
}

fn with_values(arg: Arg, schema: &'static Schema, name: &str) -> Arg {
    if !schema.choices.is_empty() && schema.choices.len() <= MOST_LISTED {
        return arg.value_parser(PossibleValuesParser::new(schema.choices.iter().map(String::as_str)));
    }
    let name = name.to_owned();
    arg.value_parser(move |text: &str| checked(schema, &name, text))
}

/// A value as the API takes it, checked by its schema.
fn checked(schema: &'static Schema, name: &str, text: &str) -> Result<String, String> {
    let value = super::units::wire(schema, name, text)?;
    let one = |text: &str| schema::verify_value(schema, name, text);
    let item = schema.items.as_deref().filter(|_| schema.kind == Some(schema::Kind::Array));
    match item {
        Some(item) if item.fields().is_none() => value.split(',').try_for_each(one)?,
        _ => one(&value)?,
    }
    Ok(value)
}

/// The source of a secret; the secret itself is no argument, because everybody on this machine could read it.
fn source(text: &str) -> Result<crate::config::secrets::Source, String> {
    use crate::config::secrets::Source;
    match Source::parse(text)? {
        Source::Literal(_) => Err("a secret on the command line can be seen by everybody on this machine".into()),
        source => Ok(source),
    }
}

/// Whether a list asks every node unless one is named.
pub(super) fn several_nodes(noun: &Noun, verb: &Verb) -> bool {
    let path = noun.path(verb);
    !noun.asks_any_node(verb) && params::placeholders(&path).all(|name| name == "node")
}

/// The value of a parameter as JSON, for the schema's own check.
pub(super) fn json(text: &str) -> Json {
    Json::String(text.to_owned())
}
