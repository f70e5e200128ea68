//! What a command line asks for: the paths and parameters of its calls, checked against the schema before anything is sent.

use std::collections::BTreeMap;

use clap::ArgMatches;
use serde_json::{Map, Value as Json};

use super::args::{self, SET};
use super::params::{self, Param, Place, placeholders, scope_value, takes_several};
use crate::api::schema::{self, Kind};
use crate::api::{Call, Request, Value};
use crate::cli::Ctx;
use crate::config::secrets::{Source, Vault};
use crate::fault::{Fault, Result};
use crate::nouns::{Noun, Scope, Shape, Verb};
use crate::ops::{guests, nodes};
use crate::secret::Secret;
use crate::session::Session;

/// The API's name of the node that answers.
const ANSWERING: &str = "localhost";

/// Values of placeholders, by name.
pub(super) type Values = BTreeMap<String, String>;

/// A declared command as it was typed.
pub(super) struct Asked<'a> {
    pub noun: &'static Noun,
    pub verb: &'static Verb,
    scope: Option<&'static Scope>,
    /// Placeholders that are settled: those of the scope and of positional arguments but the last.
    values: Values,
    /// The objects that it is about; one empty name where there is no key.
    pub keys: Vec<String>,
    /// The node as it was named; `None` for the only one.
    pub node: Option<String>,
    guest: Option<String>,
    pub params: Vec<(String, Value)>,
    pub unset: Vec<String>,
    matches: &'a ArgMatches,
}

impl<'a> Asked<'a> {
    pub fn read(ctx: &Ctx, noun: &'static Noun, verb: &'static Verb, matches: &'a ArgMatches) -> Result<Self> {
        let params = params::of(noun, verb);
        let chosen = |scope: &&Scope| {
            let id = args::scope_id(scope.flag);
            matches.value_source(&id) == Some(clap::parser::ValueSource::CommandLine)
        };
        let scope = noun.scopes.iter().find(chosen).or_else(|| noun.scopes.first().filter(|_| noun.scope_optional));
        let mut asked = Self {
            noun,
            verb,
            scope,
            values: Values::new(),
            keys: vec![String::new()],
            node: None,
            guest: None,
            params: verb.sends().map(|(key, value)| (key.to_owned(), Value::from(value))).collect(),
            unset: Vec::new(),
            matches,
        };
        if let Some(scope) = scope
            && let Some(name) = scope_value(scope)
        {
            let value = asked.one(&args::scope_id(scope.flag)).unwrap_or_default();
            match name {
                "guest" => asked.guest = Some(value),
                "node" => asked.node = Some(value),
                name => drop(asked.values.insert(name.to_owned(), value)),
            }
        }
        let several = takes_several(noun, verb, &params);
        for param in &params {
            asked.take(ctx, param, several)?;
        }
        for text in matches.try_get_many::<String>(SET).ok().flatten().into_iter().flatten() {
            let (key, value) = text
                .split_once('=')
                .ok_or_else(|| Fault::usage(format!("--set {text}: expected KEY=VALUE")).with_hint(format!("write --set {text}=VALUE")))?;
            asked.params.push((key.to_owned(), Value::from(value)));
        }
        asked.check()?;
        Ok(asked)
    }

    fn one(&self, id: &str) -> Option<String> {
        self.matches.try_get_one::<String>(id).ok().flatten().cloned()
    }

    fn all(&self, id: &str) -> Vec<String> {
        self.matches.try_get_many::<String>(id).ok().flatten().into_iter().flatten().cloned().collect()
    }

    fn is_set(&self, id: &str) -> bool {
        self.matches.try_get_one::<bool>(id).ok().flatten().copied().unwrap_or(false)
    }

    fn take(&mut self, ctx: &Ctx, param: &Param, several: bool) -> Result<()> {
        let id = args::id(param);
        match param.place {
            Place::Node => self.node = self.one(&id),
            Place::Guest => self.guest = self.one(&id),
            Place::Unset => self.unset = self.all(&id),
            Place::Positional => {
                let path = self.noun.path(self.verb);
                let given = self.all(&id);
                if param.name == self.noun.key && (several || !placeholders(&path).any(|name| name == param.name)) {
                    if !several && let Some(value) = given.first() {
                        self.params.push((param.name.clone(), Value::from(value)));
                    }
                    self.keys = given;
                } else if let Some(value) = given.into_iter().next() {
                    if placeholders(&path).any(|name| name == param.name) {
                        if param.name == self.noun.key {
                            self.keys = vec![value.clone()];
                        }
                        self.values.insert(param.name.clone(), value);
                    } else {
                        self.params.push((param.name.clone(), Value::from(value)));
                    }
                }
            }
            Place::Flag if param.is_flag() => {
                let on = self.is_set(&id).then_some(true);
                if let Some(flag) = on.or_else(|| self.is_set(&args::off(param)).then_some(false)) {
                    self.params.push((param.name.clone(), Value::Flag(flag)));
                }
            }
            Place::Flag if param.secret => {
                if let Some(secret) = self.secret(ctx, param)? {
                    self.params.push((param.name.clone(), Value::Secret(secret)));
                }
            }
            Place::Flag if param.is_file(self.noun) => {
                if let Some(file) = self.one(&id) {
                    self.params.push((param.name.clone(), Value::Text(content(&file)?)));
                }
            }
            Place::Flag => {
                let given = self.all(&id);
                if !given.is_empty() {
                    let array = param.schema.kind == Some(Kind::Array);
                    let split =
                        |value: &String| if param.splits() { value.split(',').map(str::to_owned).collect() } else { vec![value.clone()] };
                    let each = || given.iter().flat_map(split).collect();
                    self.params.push((param.name.clone(), if array { Value::Each(each()) } else { Value::Text(given.join(",")) }));
                }
            }
        }
        Ok(())
    }

    /// A secret from where the command line says, or from the person where it is needed.
    fn secret(&self, ctx: &Ctx, param: &Param) -> Result<Option<Secret>> {
        let flag = param.flag(self.noun);
        if self.is_set(&args::stdin(param)) {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map_err(|error| Fault::io("read the secret from stdin", &error))?;
            return Ok(Some(Secret::new(line.trim_end_matches(['\r', '\n']))));
        }
        if let Some(source) = self.matches.try_get_one::<Source>(&args::id(param)).ok().flatten() {
            let vault = Vault::new(&ctx.around.env, &ctx.around.paths, &ctx.around.interrupt);
            let secret = vault.parameter(source).map_err(|fault| fault.while_(format_args!("--{flag}")))?;
            return Ok(Some(secret));
        }
        if !param.required {
            return Ok(None);
        }
        if !ctx.person().present() {
            return Err(
                Fault::usage(format!("missing --{flag}")).with_hint(format!("give --{flag} file:PATH, --{flag} env:VAR or --{flag}-stdin"))
            );
        }
        ctx.person().password(&format!("{flag}: ")).map(Some)
    }

    /// The schema's own check of everything that is known already.
    fn check(&self) -> Result<()> {
        let Some(method) = self.method("lxc").or_else(|| self.method("qemu")) else { return Ok(()) };
        let mut all: Map<String, Json> = Map::new();
        for name in placeholders(method.template) {
            let known = self.values.get(name).cloned().or_else(|| (name == self.noun.key).then(|| self.keys.first().cloned()).flatten());
            let stand_in = if name == "vmid" { "100" } else { "node" };
            all.insert(name.to_owned(), args::json(&known.unwrap_or_else(|| stand_in.to_owned())));
        }
        let known = |key: &str| method.parameters.parameter(key).is_some();
        self.check_scope(known)?;
        for (key, value) in self.params.iter().filter(|(key, _)| known(key)) {
            all.insert(key.clone(), args::json(&value.wire().join("\0")));
        }
        let Err(errors) = schema::verify(method, &mut all) else { return Ok(()) };
        let params = params::of(self.noun, self.verb);
        let flag = |key: &str| match params.iter().find(|param| key.split(['.', '[']).next() == Some(param.name.as_str())) {
            Some(param) if param.place == Place::Flag => format!("--{}", param.flag(self.noun)),
            _ => key.to_owned(),
        };
        let said: Vec<String> = errors
            .iter()
            .map(|(key, text)| match text.as_str() {
                "property is missing and it is not optional" => format!("missing {}", flag(key)),
                text => format!("{}: {}", flag(key), text.trim_end()),
            })
            .collect();
        Err(Fault::usage(said.join("; ")).with_hint(format!("run `felhom {} {} --help` for the values", self.noun.words, self.verb.name)))
    }

    /// Refuses flags that only another scope has.
    fn check_scope(&self, known: impl Fn(&str) -> bool) -> Result<()> {
        let Some(scope) = self.scope.filter(|_| self.noun.scopes.len() > 1) else { return Ok(()) };
        let params = params::of(self.noun, self.verb);
        let foreign = self.params.iter().find_map(|(key, _)| params.iter().find(|param| param.name == *key && !known(key)));
        match foreign {
            None => Ok(()),
            Some(param) => Err(Fault::usage(format!("--{} does not apply to --{}", param.flag(self.noun), scope.flag))
                .with_hint(format!("run `felhom {} {} --help` for the options", self.noun.words, self.verb.name))),
        }
    }

    /// The method of the chosen scope and kind of guest.
    fn method(&self, kind: &str) -> Option<&'static schema::Method> {
        schema::method(self.verb.method.word(), &self.template(self.verb, kind))
    }

    fn template(&self, verb: &Verb, kind: &str) -> String {
        let path = self.noun.path(verb).replace("{scope}", self.scope.map_or("", |scope| scope.path));
        path.replace("{guest}", &format!("{kind}/{{vmid}}"))
    }

    /// Finds the node and the guest; asks the host only where it must.
    pub fn settle(&self, session: &Session) -> Result<Settled<'_>> {
        let path = self.template(self.verb, "lxc");
        let mut values = self.values.clone();
        let mut kind = "lxc";
        if let Some(text) = &self.guest {
            let guest = guests::one(session, Some(text))?;
            let own = if guest.place().kind == crate::api::GuestKind::Qemu { "qemu" } else { "lxc" };
            if self.method(own).is_none() {
                let wanted = if own == "lxc" { "VMs" } else { "containers" };
                return Err(Fault::refused(format!("{} is not possible for {}: only for {wanted}", self.verb.name, guest.label())));
            }
            kind = own;
            values.insert("vmid".into(), guest.place().vmid.to_string());
            values.insert("node".into(), guest.place().node);
        } else if placeholders(&path).any(|name| name == "node") {
            let node = match &self.node {
                None if self.noun.asks_any_node(self.verb) => ANSWERING.to_owned(),
                named => nodes::pick(session, named.as_deref())?,
            };
            values.insert("node".into(), node);
        }
        Ok(Settled { asked: self, values, kind })
    }

    /// The same for a node that is known.
    pub fn on(&self, node: &str) -> Settled<'_> {
        let mut values = self.values.clone();
        values.insert("node".into(), node.to_owned());
        Settled { asked: self, values, kind: "lxc" }
    }
}

/// The content of a file, or of stdin for `-`.
fn content(file: &str) -> Result<String> {
    let read = if file == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    read.map_err(|error| Fault::io(format!("read {file}"), &error))
}

/// A command whose node and guest are known.
pub(super) struct Settled<'a> {
    pub asked: &'a Asked<'a>,
    pub values: Values,
    kind: &'static str,
}

impl Settled<'_> {
    pub fn node(&self) -> Option<&str> {
        self.values.get("node").map(String::as_str).filter(|node| *node != ANSWERING)
    }

    pub fn method(&self) -> Option<&'static schema::Method> {
        self.asked.method(self.kind)
    }

    /// The call of the command for one object.
    pub fn call(&self, key: &str) -> Call<Json> {
        let mut request = self.request(self.asked.verb, key);
        request.params.clone_from(&self.asked.params);
        if !self.asked.unset.is_empty() {
            let schema = self.method().and_then(|method| method.parameters.property("delete"));
            let array = schema.is_some_and(|schema| schema.kind == Some(Kind::Array));
            let keys = self.asked.unset.clone();
            request.params.push(("delete".into(), if array { Value::Each(keys) } else { Value::List(keys) }));
        }
        Call::of(request)
    }

    /// A call of another verb of the noun, for the same object; `None` where the noun does not have it here.
    pub fn other(&self, verb: &Verb, key: &str) -> Option<Call<Json>> {
        schema::method(verb.method.word(), &self.asked.template(verb, self.kind))?;
        Some(Call::of(self.request(verb, key)))
    }

    fn request(&self, verb: &Verb, key: &str) -> Request {
        let template = self.asked.template(verb, self.kind);
        let own = &self.asked.noun.key;
        let mut request = Request::new(verb.method, Vec::new());
        if !key.is_empty() && verb.shape != Shape::Change && !placeholders(&template).any(|name| name == *own) {
            request.params.push(((*own).to_owned(), Value::from(key)));
        }
        let fill = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) if name == self.asked.noun.key && !key.is_empty() => key.to_owned(),
            Some(name) => self.values.get(name).cloned().unwrap_or_default(),
            None => part.to_owned(),
        };
        request.path = template.split('/').skip(1).map(fill).collect();
        request
    }
}
