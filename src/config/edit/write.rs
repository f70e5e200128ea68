//! Writes a context to its TOML table, touching only changed keys.

use toml_edit::{Array, ArrayOfTables, Item, Table, TableLike, Value};

use crate::config::context::{Context, Fence, FenceVia, INSECURE, Transport, Writes};
use crate::config::endpoint::Endpoint;
use crate::config::{Paths, secrets::Source};

pub(super) fn context(table: &mut dyn TableLike, old: &Context, new: &Context, paths: &Paths) {
    if old.transport != new.transport {
        put(table, "transport", Some(word(Transport::ALL, new.transport)));
    }
    if old.token_id != new.token_id {
        put(table, "token_id", new.token_id.as_deref().map(Value::from));
    }
    if old.secret != new.secret {
        put(table, "secret", new.secret.as_ref().map(|source| secret(source, paths)));
    }
    if old.ca_file != new.ca_file {
        let short = |file: &std::path::PathBuf| shorten(file, paths).into();
        put(table, "ca_file", new.ca_file.as_ref().map(short));
    }
    if old.system_roots != new.system_roots {
        put(table, "system_roots", new.system_roots.then(|| true.into()));
    }
    if old.insecure != new.insecure {
        put(table, "insecure", new.insecure.then(|| INSECURE.into()));
    }
    if old.writes != new.writes {
        put(table, "writes", Some(word(Writes::ALL, new.writes)));
    }
    if old.protected_tags != new.protected_tags {
        put(table, "protected_tags", (!new.protected_tags.is_empty()).then(|| Value::Array(new.protected_tags.iter().collect())));
    }
    for (key, old, new) in
        [("managed_tag", &old.managed_tag, &new.managed_tag), ("proxy", &old.proxy, &new.proxy), ("preset", &old.preset, &new.preset)]
    {
        if old != new {
            put(table, key, new.as_deref().map(Value::from));
        }
    }
    if old.endpoints != new.endpoints {
        endpoints(table, &old.endpoints, &new.endpoints);
    }
    if old.ssh != new.ssh {
        section(table, "ssh", new.ssh.as_ref().map(|ssh| vec![("host", Some(Value::from(&ssh.host)))]));
    }
    if old.fence != new.fence {
        let keys = |fence: &Fence| vec![("via", Some(word(FenceVia::ALL, fence.via))), ("host", fence.host.as_deref().map(Value::from))];
        section(table, "fence", new.fence.as_ref().map(keys));
    }
}

/// Sets or removes a key. An existing key keeps its position and comment.
pub(super) fn put(table: &mut dyn TableLike, key: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(key);
        return;
    };
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

fn section(table: &mut dyn TableLike, key: &str, keys: Option<Vec<(&str, Option<Value>)>>) {
    let Some(keys) = keys else {
        table.remove(key);
        return;
    };
    let inner = table.entry(key).or_insert_with(|| Item::Table(Table::new()));
    if let Some(inner) = inner.as_table_like_mut() {
        for (key, value) in keys {
            put(inner, key, value);
        }
    }
}

fn endpoints(table: &mut dyn TableLike, old: &[Endpoint], new: &[Endpoint]) {
    let known = |endpoint: &Endpoint| old.iter().position(|old| old.url == endpoint.url);
    match table.get_mut("endpoints") {
        Some(Item::Value(Value::Array(list))) => {
            let mut next = Array::new();
            for endpoint in new {
                let mut inline = known(endpoint).and_then(|at| list.get(at)?.as_inline_table().cloned()).unwrap_or_default();
                fill(&mut inline, known(endpoint).map(|at| &old[at]), endpoint);
                next.push_formatted(Value::InlineTable(inline));
            }
            next.set_trailing(list.trailing().clone());
            next.set_trailing_comma(list.trailing_comma());
            *list = next;
        }
        other => {
            let mut next = ArrayOfTables::new();
            for endpoint in new {
                let there = known(endpoint).and_then(|at| other.as_ref()?.as_array_of_tables()?.get(at).cloned());
                let mut one = there.unwrap_or_default();
                fill(&mut one, known(endpoint).map(|at| &old[at]), endpoint);
                next.push(one);
            }
            reorder(&mut next);
            if next.is_empty() {
                table.remove("endpoints");
            } else {
                table.insert("endpoints", Item::ArrayOfTables(next));
            }
        }
    }
}

/// Tables remember their position in the file. Existing ones are reassigned their positions in the new order.
fn reorder(tables: &mut ArrayOfTables) {
    let mut places: Vec<_> = tables.iter().filter_map(Table::position).collect();
    places.sort_unstable();
    let mut places = places.into_iter();
    for table in tables.iter_mut().filter(|table| table.position().is_some()) {
        table.set_position(places.next());
    }
}

fn fill(table: &mut dyn TableLike, old: Option<&Endpoint>, new: &Endpoint) {
    if old.is_none() {
        put(table, "url", Some(new.url.to_string().into()));
    }
    if old.and_then(|old| old.fingerprint) != new.fingerprint {
        put(table, "fingerprint", new.fingerprint.map(|fingerprint| fingerprint.to_string().into()));
    }
    if old.and_then(|old| old.server_name.as_ref()) != new.server_name.as_ref() {
        put(table, "server_name", new.server_name.as_deref().map(Value::from));
    }
}

fn secret(source: &Source, paths: &Paths) -> Value {
    match source {
        Source::File(file) => format!("file:{}", shorten(file, paths)).into(),
        other => other.written().reveal().into(),
    }
}

/// Returns the shortest form of a path: relative to the configuration's folder, which can then be moved.
fn shorten(file: &std::path::Path, paths: &Paths) -> String {
    file.strip_prefix(&paths.config).unwrap_or(file).to_string_lossy().into_owned()
}

fn word<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> Value {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| *word).into()
}
