//! Declared commands that change something: looked up before, sent through the guard, and verified afterwards.

use clap::ArgMatches;
use serde_json::{Map, Value as Json};

use super::asked::{Asked, Settled};
use super::show::{self, Seen};
use crate::api::{Value, lenient, list};
use crate::cli::Ctx;
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Item, Step, Target};
use crate::nouns::{Act, Noun, Verb};
use crate::ops::raw;
use crate::redact;
use crate::session::Session;

pub(super) fn run(ctx: &Ctx, noun: &'static Noun, verb: &'static Verb, matches: &ArgMatches) -> Result<()> {
    let asked = Asked::read(ctx, noun, verb, matches)?;
    let fixed = |key: &str| verb.sends().any(|(fixed, _)| fixed == key);
    if verb.act == Act::Set && asked.unset.is_empty() && asked.params.iter().all(|(key, _)| key == noun.key || fixed(key)) {
        return Err(Fault::usage("nothing to change").with_hint(format!("run `felhom {} set --help` for the options", noun.words)));
    }
    let session = ctx.session()?;
    let settled = asked.settle(&session)?;
    let mut change = Change::new(format!("{} {} {}", verb.name, noun.one, asked.keys.join(", ")).trim_end());
    for key in &asked.keys {
        change.items.push(item(&session, &settled, key)?);
    }
    ctx.carry_out(&session, change, |item, done| {
        let key = item.target.name.as_deref().unwrap_or_default();
        raw::verify(&session, &settled.call(key).request, done)?;
        verify(&session, &settled, key)?;
        Ok(match done.outputs.get(STEP) {
            // An ID that the host chose.
            Some(answer) if answer.is_string() && done.upid.is_none() => Map::from_iter([("result".to_owned(), answer.clone())]),
            answer => answer.and_then(Json::as_object).cloned().unwrap_or_default(),
        })
    })
}

const STEP: &str = "call";

fn item(session: &Session, settled: &Settled<'_>, key: &str) -> Result<Item> {
    let Asked { noun, verb, .. } = *settled.asked;
    let name = Some(key.to_owned()).filter(|key| !key.is_empty());
    let vmid = settled.values.get("vmid").and_then(|vmid| vmid.parse().ok());
    let target = Target { node: settled.node().map(str::to_owned), vmid, name, kind: Some(noun.one) };
    let mut item = Item::new(verb.name, target).risk(verb.risk);
    if !key.is_empty() {
        item = item.word(key).lane(noun.words);
    }
    let mut call = settled.call(key);
    let root_only = settled.method().is_some_and(|method| method.permissions.is_none() || !method.allow_token);
    if root_only && session.who().contains('!') {
        let root = settled.method().is_some_and(|method| method.permissions.is_none());
        let who = if root { "only root@pam may" } else { "no API token may" };
        let fault = Fault::new(Kind::Denied, format!("{who} {} {}", verb.name, noun.many));
        return Ok(item.step(Step::call(STEP, call)).refused(fault.with_hint("use a context with `transport = \"ssh\"`")));
    }
    let takes_digest = settled.method().is_some_and(|method| method.parameters.property("digest").is_some());
    let looked_up = is_looked_up(noun, verb, key);
    let seen = if looked_up || takes_digest { show::object(session, settled, key)? } else { Seen::Hidden };
    match (&seen, verb.act) {
        (Seen::There(_), Act::Create) if looked_up => {
            let fault = Fault::refused(format!("{} '{key}' exists already", noun.one));
            let home = noun.home();
            let hint =
                home.verbs().find(|verb| verb.act == Act::Set).map(|_| format!("run `felhom {} set {key} …` to change it", home.words));
            return Ok(item.refused(Fault { hint, ..fault }));
        }
        (Seen::Absent, Act::Set | Act::Delete) if looked_up => {
            let fault = Fault::not_found(format!("{} '{key}' does not exist", noun.one));
            return Ok(item.refused(fault.with_hint(format!("run `felhom {} list`", noun.words))));
        }
        (Seen::There(object), Act::Set) if let Some(fault) = not_of_type(settled, object) => return Ok(item.refused(fault)),
        (Seen::There(object), Act::Set) if unchanged(settled, object) => return Ok(item.unchanged()),
        _ => {}
    }
    if let Seen::There(object) = &seen
        && takes_digest
        && let Some(digest) = object.get("digest").and_then(lenient::text)
    {
        item = item.fact("digest", &digest);
        call = call.with("digest", digest);
    }
    // What applies to the call as a raw one applies here: protected guests, impact.
    let request = call.request.clone();
    raw::assess(session, &request, item.step(Step::call(STEP, call)))
}

/// The refusal of an option that the object's type does not have, or that cannot change.
fn not_of_type(settled: &Settled<'_>, object: &Map<String, Json>) -> Option<Fault> {
    let Asked { noun, params, unset, keys, .. } = settled.asked;
    let key = keys.first()?;
    let kind = object.get("type").and_then(Json::as_str)?;
    let entries = noun.options?.of(kind)?;
    let mut names = params.iter().map(|(name, _)| name).chain(unset).filter(|name| **name != noun.key && !is_fixed(settled, name));
    let refusal = names.find_map(|name| {
        let flag = name.replace('_', "-");
        match entries.iter().find(|entry| entry.name == name) {
            None => Some(format!("{} '{key}' is of type {kind}, which has no --{flag}", noun.one)),
            Some(entry) if entry.fixed => Some(format!("--{flag} of {} '{key}' (type {kind}) cannot be changed", noun.one)),
            Some(_) => None,
        }
    });
    refusal.map(|message| Fault::usage(message).with_hint(format!("run `felhom {} create {kind} --help` for its options", noun.words)))
}

/// Whether the object is read before the change and after it.
fn is_looked_up(noun: &Noun, verb: &Verb, key: &str) -> bool {
    verb.act != Act::Other && (noun.key.is_empty() || !key.is_empty())
}

/// Whether everything that is asked for is so already.
fn unchanged(settled: &Settled<'_>, object: &Map<String, Json>) -> bool {
    let wanted = settled.asked.params.iter().filter(|(key, _)| !is_fixed(settled, key));
    let same = |(key, value): &(String, Value)| object.get(key).is_some_and(|now| equal(settled, key, value, now));
    wanted.clone().all(same) && settled.asked.unset.iter().all(|key| !object.contains_key(key))
}

fn is_fixed(settled: &Settled<'_>, key: &str) -> bool {
    settled.asked.verb.sends().any(|(fixed, _)| fixed == key)
}

/// Compares what was sent with what the host has, which it writes in its own form.
fn equal(settled: &Settled<'_>, key: &str, sent: &Value, now: &Json) -> bool {
    let schema = settled.method().and_then(|method| method.parameters.parameter(key)).map(|(schema, _)| schema);
    let in_any_order = schema.is_some_and(|schema| schema.is_list() || schema.fields().is_some());
    let parts = |text: &str| {
        if !in_any_order {
            return vec![text.to_owned()];
        }
        let mut parts: Vec<String> = list::split(text).map(str::to_owned).collect();
        parts.sort();
        parts
    };
    let now = match now {
        Json::Bool(flag) => u8::from(*flag).to_string(),
        Json::Array(items) => items.iter().filter_map(lenient::text).collect::<Vec<_>>().join(","),
        Json::Object(map) => {
            map.iter().filter_map(|(key, value)| Some(format!("{key}={}", lenient::text(value)?))).collect::<Vec<_>>().join(",")
        }
        other => lenient::text(other).unwrap_or_default(),
    };
    parts(&sent.wire().join(",")) == parts(&now)
}

/// Looks at the object after the host said that it is done.
fn verify(session: &Session, settled: &Settled<'_>, key: &str) -> Result<()> {
    let Asked { noun, verb, .. } = *settled.asked;
    if !is_looked_up(noun, verb, key) {
        return Ok(());
    }
    let not_done = |why: String| Err(Fault::other(format!("the host reported success, but {why}")));
    match (verb.act, show::object(session, settled, key)?) {
        (Act::Create, Seen::Absent) => not_done(format!("{} '{key}' does not exist", noun.one)),
        (Act::Delete, Seen::There(_)) => not_done(format!("{} '{key}' still exists", noun.one)),
        (Act::Set, Seen::There(object)) => {
            // Values that are added to those that the object has are not the whole.
            let appends = settled.asked.params.iter().any(|(key, value)| key == "append" && *value == Value::Flag(true));
            let plain = |value: &Value| !appends && !matches!(value, Value::Secret(_)) && !value.wire().join(",").contains('=');
            let params = settled.asked.params.iter().filter(|(key, value)| plain(value) && !redact::sensitive(key));
            let differing = params.filter_map(|(key, value)| {
                let now = object.get(key).filter(|now| !equal(settled, key, value, now))?;
                Some(format!("{key} is '{}', requested '{}'", lenient::text(now).unwrap_or_default(), value.shown()))
            });
            let differing: Vec<String> = differing.collect();
            if differing.is_empty() { Ok(()) } else { not_done(differing.join("; ")) }
        }
        _ => Ok(()),
    }
}
