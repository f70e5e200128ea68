//! Declared commands that read: lists, objects, text.

use clap::ArgMatches;
use serde_json::{Map, Value as Json, json};

use super::args::several_nodes;
use super::asked::{Asked, Settled};
use crate::api::schema::{self, Method, Typed};
use crate::api::{Call, lenient};
use crate::cli::Ctx;
use crate::fault::Result;
use crate::nouns::{Noun, Shape, Verb};
use crate::ops::nodes;
use crate::session::Session;
use crate::ui::{As, Field};

pub(super) fn run(ctx: &Ctx, noun: &'static Noun, verb: &'static Verb, matches: &ArgMatches) -> Result<()> {
    let asked = Asked::read(ctx, noun, verb, matches)?;
    match verb.shape {
        Shape::List(columns) => list(ctx, &asked, columns),
        Shape::Show(keys) => {
            let session = ctx.session()?;
            let settled = asked.settle(&session)?;
            let answer = session.client()?.get(&settled.call(&asked.keys[0]))?;
            match only(answer) {
                Json::Object(object) => {
                    let object = typed(settled.method(), object);
                    let fields = fields(settled.method(), keys, &object);
                    ctx.out.object(&fields, placed(&session, settled.node(), object), noun.key)
                }
                // One value has no key of its own.
                other => {
                    let object = Map::from_iter([(name_of(noun), asked.keys[0].as_str().into()), ("value".to_owned(), other)]);
                    ctx.out.object(&[], placed(&session, settled.node(), object), noun.key)
                }
            }
        }
        _ => {
            let session = ctx.session()?;
            let answer = session.client()?.get(&asked.settle(&session)?.call(&asked.keys[0]))?;
            ctx.out.text(&lines(&answer))
        }
    }
}

/// The object of a list that can only have one.
fn only(answer: Json) -> Json {
    match answer {
        Json::Array(mut items) if items.len() == 1 => items.remove(0),
        // The guest agent wraps what it returns.
        Json::Object(mut object) if object.len() == 1 && object.contains_key("result") => object.remove("result").unwrap_or_default(),
        other => other,
    }
}

fn list(ctx: &Ctx, asked: &Asked<'_>, columns: &[&str]) -> Result<()> {
    let everywhere = several_nodes(asked.noun, asked.verb) && asked.noun.path(asked.verb).contains("{node}");
    let method = super::params::methods(asked.noun, asked.verb).into_iter().next();
    let read = |session: &Session| {
        if everywhere {
            return nodes::each(session, asked.node.as_deref(), |node| rows(session, &asked.on(node), method));
        }
        rows(session, &asked.settle(session)?, method)
    };
    ctx.list_with(read, |rows: Vec<Map<String, Json>>| {
        let differ = |key: &str| rows.iter().any(|row| row.get(key) != rows[0].get(key));
        let place = |key: &str, shown: bool| {
            let field = Field::new(key, As::Plain);
            if shown { field } else { field.hidden() }
        };
        let mut shown: Vec<Field> = vec![place("context", ctx.several())];
        if everywhere && !columns.iter().any(|column| column.starts_with("node")) {
            shown.push(place("node", differ("node")));
        }
        shown.extend(fields(method, columns, &Map::new()));
        ctx.out.objects(&shown, rows, asked.noun.many, asked.noun.key)
    })
}

fn rows(session: &Session, settled: &Settled<'_>, method: Option<&'static Method>) -> Result<Vec<Map<String, Json>>> {
    let answer: Json = session.client()?.get(&settled.call(&settled.asked.keys[0]))?;
    let objects = match answer {
        answer if !settled.asked.verb.rows.is_empty() => rows_at(answer, settled.asked.verb.rows),
        Json::Array(items) => items,
        // An object of objects: the key is a name of its own.
        Json::Object(map) => map.into_iter().map(|(name, value)| named(settled.asked.noun.key, &name, value)).collect(),
        _ => Vec::new(),
    };
    let node = settled.node();
    let row = |item: Json| {
        let object = match item {
            Json::Object(object) => typed(method, object),
            other => Map::from_iter([(name_of(settled.asked.noun), other)]),
        };
        placed(session, node, object)
    };
    Ok(objects.into_iter().map(row).collect())
}

/// The objects at the end of a path of keys, with the plain values of the objects that they are in: `parent-KEY` where both have it.
fn rows_at(answer: Json, path: &[&str]) -> Vec<Json> {
    let Some((step, rest)) = path.split_first() else { return vec![answer] };
    let mut map = match answer {
        Json::Array(items) => return items.into_iter().flat_map(|item| rows_at(item, path)).collect(),
        Json::Object(map) => map,
        _ => return Vec::new(),
    };
    let key = step.trim_end_matches(['*', '#']);
    let inner = match map.remove(key) {
        Some(Json::Array(items)) => items,
        // Objects by name.
        Some(Json::Object(map)) if !map.is_empty() && map.values().all(Json::is_object) => {
            map.into_iter().map(|(name, value)| named("name", &name, value)).collect()
        }
        Some(one) => vec![one],
        None => return Vec::new(),
    };
    map.retain(|key, value| !value.is_object() && !value.is_array() && !key.starts_with("parent-"));
    let within = |(index, item): (usize, Json)| {
        let Json::Object(mut item) = item else { return Vec::new() };
        for (key, value) in &map {
            let key = if item.contains_key(key) { format!("parent-{key}") } else { key.clone() };
            item.entry(key).or_insert_with(|| value.clone());
        }
        if step.ends_with('#') {
            item.entry("index").or_insert_with(|| index.into());
        }
        let deeper = step.ends_with('*') && item.contains_key(key);
        rows_at(Json::Object(item), if deeper { path } else { rest })
    };
    inner.into_iter().enumerate().flat_map(within).collect()
}

fn name_of(noun: &Noun) -> String {
    if noun.key.is_empty() { "name".into() } else { noun.key.to_owned() }
}

fn named(key: &str, name: &str, value: Json) -> Json {
    let key = if key.is_empty() { "name" } else { key };
    match value {
        Json::Object(mut object) => {
            object.entry(key).or_insert_with(|| name.into());
            Json::Object(object)
        }
        other => json!({ key: name, "value": other }),
    }
}

/// The object with its context and node in front.
fn placed(session: &Session, node: Option<&str>, object: Map<String, Json>) -> Map<String, Json> {
    let mut placed = Map::new();
    placed.insert("context".into(), session.context.as_str().into());
    if let Some(node) = node {
        placed.insert("node".into(), node.into());
    }
    placed.extend(object);
    placed
}

/// Values with the types that the schema declares: the host sends 1 for yes, and some numbers as text.
pub(super) fn typed(method: Option<&Method>, object: Map<String, Json>) -> Map<String, Json> {
    let put_right = |(key, value): (String, Json)| {
        let value = match (method.and_then(|method| method.typed(&key)), &value) {
            (Some(Typed::Flag), Json::Number(_) | Json::String(_)) => lenient::integer(&value).map_or(value, |n| (n != 0).into()),
            (Some(Typed::Int | Typed::Bytes | Typed::Time | Typed::Seconds), Json::String(_)) => {
                lenient::integer(&value).map_or(value, Json::from)
            }
            (Some(Typed::Number | Typed::Share), Json::String(_)) => lenient::number(&value).map_or(value, Json::from),
            _ => value,
        };
        (key, value)
    };
    object.into_iter().map(put_right).collect()
}

/// The described fields, with the schema's types where the description names none, and then the object's other keys.
fn fields(method: Option<&Method>, keys: &[&str], object: &Map<String, Json>) -> Vec<Field> {
    let mut fields: Vec<Field> = keys.iter().map(|spec| Field::read(spec)).collect();
    for key in object.keys().filter(|key| *key != "digest") {
        if !fields.iter().any(|field| field.key() == key || field.key().split('.').next() == Some(key)) {
            fields.push(Field::new(key, As::Plain));
        }
    }
    for field in &mut fields {
        if field.shown == As::Plain {
            field.shown = match method.and_then(|method| method.typed(field.key())) {
                Some(Typed::Flag) => As::Flag,
                Some(Typed::Bytes) => As::Bytes,
                Some(Typed::Time) => As::Time,
                Some(Typed::Seconds) => As::Seconds,
                Some(Typed::Share) => As::Share,
                _ => As::Plain,
            };
        }
    }
    fields
}

/// Text out of an answer: itself, or the lines of a log.
fn lines(answer: &Json) -> String {
    match answer {
        Json::String(text) if text.ends_with('\n') => text.clone(),
        Json::Array(items) => {
            let line = |item: &Json| item.get("t").or_else(|| item.get("line")).unwrap_or(item).clone();
            items.iter().map(line).map(|line| line.as_str().map_or_else(|| line.to_string(), str::to_owned) + "\n").collect()
        }
        Json::Null => String::new(),
        other => other.as_str().map_or_else(|| other.to_string(), str::to_owned) + "\n",
    }
}

/// Looks up the object that a command is about.
pub(super) fn object(session: &Session, settled: &Settled<'_>, key: &str) -> Result<Seen> {
    use crate::fault::Kind;
    let noun = settled.asked.noun;
    let read = |call: &Call<Json>| match session.client()?.get(call) {
        Ok(answer) => Ok(Some(answer)),
        Err(fault) if fault.kind == Kind::NotFound => Ok(Some(Json::Null)),
        Err(fault) if matches!(fault.kind, Kind::Denied | Kind::NotImplemented) => Ok(None),
        Err(fault) => Err(fault),
    };
    if let Some(call) = noun.shown().and_then(|verb| settled.other(verb, key)) {
        // A subnet in CIDR form is no segment of a path.
        if schema::find("GET", &call.request.path_text()).is_none() {
            return Ok(Seen::Hidden);
        }
        match read(&call) {
            // Some calls fail for an object that does not exist without saying so: its list knows.
            Err(fault) if fault.kind == Kind::Host && noun.listed().is_some() => {}
            answer => {
                return Ok(match answer?.map(only) {
                    None => Seen::Hidden,
                    Some(Json::Object(object)) => Seen::There(object),
                    Some(Json::Null) => Seen::Absent,
                    Some(Json::Array(items)) if items.is_empty() => Seen::Absent,
                    Some(_) => Seen::Hidden,
                });
            }
        }
    }
    let Some((list, call)) = noun.listed().and_then(|verb| Some((verb, settled.other(verb, "")?))) else { return Ok(Seen::Hidden) };
    let items = match read(&call)? {
        Some(answer) if !list.rows.is_empty() => rows_at(answer, list.rows),
        Some(Json::Array(items)) => items,
        _ => return Ok(Seen::Hidden),
    };
    let own = |item: &Json| item.get(noun.key).and_then(lenient::text).as_deref() == Some(key);
    // A list leaves out what may not be seen, so only what is in it is certain.
    Ok(items.into_iter().find(own).and_then(|item| item.as_object().cloned()).map_or(Seen::Hidden, Seen::There))
}

/// Whether an object exists, as far as this login can tell.
pub(super) enum Seen {
    There(Map<String, Json>),
    Absent,
    Hidden,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_inherit_what_they_are_in() {
        let answer = json!({ "files": [{ "path": "/a", "digest": [1], "repositories": [{ "Enabled": 1 }, { "Enabled": 0 }] }] });
        let rows = rows_at(answer, &["files", "repositories#"]);
        assert_eq!(rows, [json!({ "Enabled": 1, "path": "/a", "index": 0 }), json!({ "Enabled": 0, "path": "/a", "index": 1 })]);
        let answer = json!({ "children": [{ "id": 101, "children": [{ "id": "rootfs" }] }, { "id": 102, "children": [] }] });
        assert_eq!(rows_at(answer, &["children", "children"]), [json!({ "id": "rootfs", "parent-id": 101 })]);
        let answer = json!({ "node": { "pve1": { "version": 1 }, "pve2": { "version": 2 } } });
        let rows = rows_at(answer, &["node"]);
        assert_eq!(rows, [json!({ "version": 1, "name": "pve1" }), json!({ "version": 2, "name": "pve2" })]);
    }

    #[test]
    fn a_tree_has_its_leaves_as_rows() {
        let osd = |id: i64| json!({ "id": id, "name": format!("osd.{id}") });
        let rack = json!({ "name": "rack", "children": [{ "name": "pve2", "children": [osd(1)] }] });
        let root = json!({ "name": "default", "children": [{ "name": "pve1", "children": [osd(0)] }, rack] });
        let rows = rows_at(json!({ "flags": "noout", "root": { "children": [root] } }), &["root", "children*"]);
        let names: Vec<_> = rows.iter().map(|row| (row["name"].as_str(), row["parent-name"].as_str())).collect();
        assert_eq!(names, [(Some("osd.0"), Some("pve1")), (Some("osd.1"), Some("pve2"))]);
    }
}
