//! Rows and verbs of declared commands (`src/nouns`): privileges from the schema's permissions, risk and task type from the noun.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value as Json;

use super::{Bound, ConfirmWord, Privs, Row, Verb, bind};
use crate::api::{Method, Request, Risk, schema};
use crate::nouns::{self, Noun};

/// A call that a declared command makes.
struct Declared {
    method: Method,
    template: &'static str,
    verb: &'static nouns::Verb,
}

/// Returns the schema's path templates of a command: one per scope, and for containers and VMs.
pub fn templates(noun: &Noun, verb: &nouns::Verb) -> Vec<&'static str> {
    let path = noun.path(verb);
    let scoped: Vec<String> = match noun.scopes {
        [] => vec![path],
        scopes => scopes.iter().map(|scope| path.replace("{scope}", scope.path)).collect(),
    };
    let mut found: Vec<&'static str> = Vec::new();
    let mut look = |path: &str| {
        if let Some(template) = schema::template(verb.method.word(), path).filter(|template| !found.contains(template)) {
            found.push(template);
        }
    };
    for path in &scoped {
        if path.contains("{guest}") {
            ["lxc/{vmid}", "qemu/{vmid}"].into_iter().for_each(|kind| look(&path.replace("{guest}", kind)));
        } else {
            look(path);
        }
    }
    found
}

/// The calls of declared commands with this method, below the first segment of a path: most runs ask for one group of them.
fn declared(method: Method, below: &str) -> &'static [Declared] {
    type Groups = HashMap<(Method, String), &'static [Declared]>;
    static KNOWN: OnceLock<Mutex<Groups>> = OnceLock::new();
    let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    known.entry((method, below.to_owned())).or_insert_with(|| {
        let of_noun = |noun: &&'static Noun| {
            let noun: &'static Noun = noun;
            let verbs =
                noun.verbs().filter(move |verb| verb.method == method && noun.begins(verb).any(|path| first_segment(path) == below));
            verbs.flat_map(move |verb| templates(noun, verb).into_iter().map(move |template| Declared { method, template, verb }))
        };
        nouns::ALL.iter().flat_map(of_noun).collect::<Vec<_>>().leak()
    })
}

fn first_segment(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// Returns the row of a request that a declared command makes.
pub(super) fn find(request: &Request) -> Option<(&'static Row, Bound)> {
    let fitting = declared(request.method, request.path.first()?).iter();
    let bound = fitting.filter_map(|one| Some((one, bind(one.template, &request.path)?)));
    let (one, bound) = bound.min_by_key(|(_, bound)| bound.len())?;
    Some((row(one), bound))
}

/// The row of a declared command with this method and template. Builds no other row.
pub(super) fn by_key(method: &str, template: &str) -> Option<&'static Row> {
    let method = [Method::Get, Method::Post, Method::Put, Method::Delete].into_iter().find(|known| known.word() == method)?;
    declared(method, first_segment(template)).iter().find(|one| one.template == template).map(row)
}

/// All rows of declared commands.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    let verbs = nouns::ALL.iter().flat_map(|noun| noun.verbs().map(move |verb| (*noun, verb)));
    let calls = verbs
        .flat_map(|(noun, verb)| templates(noun, verb).into_iter().map(move |template| Declared { method: verb.method, template, verb }));
    calls.map(|one| row(&one))
}

/// Returns the row of a call, built on first use.
fn row(declared: &Declared) -> &'static Row {
    static BUILT: OnceLock<Mutex<HashMap<(Method, &'static str), &'static Row>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    built.entry((declared.method, declared.template)).or_insert_with(|| {
        let method = schema::method(declared.method.word(), declared.template);
        let permissions = method.and_then(|method| method.permissions.as_ref());
        let privs = match permissions {
            None => Privs::Root,
            Some(permissions) => permissions.check.as_ref().map_or(Privs::None, of_check),
        };
        let irreversible = declared.verb.risk == Risk::Irreversible;
        Box::leak(Box::new(Row {
            method: declared.method,
            template: declared.template,
            privs,
            risk: declared.verb.risk,
            word: irreversible.then_some(ConfirmWord::Last),
            task: declared.verb.task,
        }))
    })
}

/// Returns a declared command as a routing-table command.
pub(super) fn verb(name: &str) -> Option<&'static Verb> {
    static BUILT: OnceLock<Mutex<HashMap<String, Option<&'static Verb>>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    *built.entry(name.to_owned()).or_insert_with(|| {
        let (noun, verb) = nouns::find(name)?;
        let calls: Vec<&'static str> =
            templates(noun, verb).into_iter().map(|template| &*format!("{} {template}", verb.method).leak()).collect();
        Some(Box::leak(Box::new(Verb { name: name.to_owned().leak(), calls: calls.leak() })))
    })
}

/// All declared commands in the form of the routing table.
pub(super) fn verbs() -> impl Iterator<Item = &'static Verb> {
    let names = nouns::ALL.iter().flat_map(|noun| noun.verbs().map(|verb| format!("{} {}", noun.words, verb.name)));
    names.filter_map(|name| verb(&name))
}

/// Read after an action on many guests: its task ends with OK even if some of them failed.
const GUEST_STATUS: &[&str] = &["/nodes/{node}/lxc/{vmid}/status/current", "/nodes/{node}/qemu/{vmid}/status/current"];

/// Whether a declared command may read this path to look up its object, before or after a change.
pub(super) fn looks_up(name: &str, request: &Request) -> bool {
    let Some((noun, verb)) = nouns::find(name).filter(|_| request.is_read()) else { return false };
    if verb.name.ends_with("-all") && GUEST_STATUS.iter().any(|template| bind(template, &request.path).is_some()) {
        return true;
    }
    let reads = [noun.shown(), noun.listed()].into_iter().flatten();
    reads.flat_map(|verb| templates(noun, verb)).any(|template| bind(template, &request.path).is_some())
}

/// Parses the privileges of a schema permission in prefix notation. Alternatives for users only are omitted: a token is no user.
fn of_check(check: &Json) -> Privs {
    let parts = check.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |at: usize| parts.get(at).and_then(Json::as_str).unwrap_or_default();
    let words = |at: usize| parts.get(at).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    let several = |list: Vec<Privs>, any: bool| -> Privs {
        let list: &'static mut [Privs] = list.leak();
        match list {
            [] => Privs::None,
            [one] => *one,
            _ if any => Privs::Any(list),
            _ => Privs::All(list),
        }
    };
    let on = |at: usize, path: &str, any: bool| -> Privs {
        let path: &'static str = path.to_owned().leak();
        several(words(at).map(|privilege| Privs::Need(privilege.to_owned().leak(), path)).collect(), any)
    };
    match text(0) {
        "and" => several(parts[1..].iter().map(of_check).collect(), false),
        "or" => several(parts[1..].iter().filter(|part| part[1] != "self").map(of_check).collect(), true),
        "perm" => {
            let options = || parts.get(3..).unwrap_or_default().chunks(2).filter_map(|pair| Some((pair[0].as_str()?, pair.get(1)?)));
            let needed = on(2, text(1), options().any(|(name, _)| name == "any"));
            match options().find(|(name, _)| *name == "require_param").and_then(|(_, parameter)| parameter.as_str()) {
                Some(parameter) => Privs::When(parameter.to_owned().leak(), Box::leak(Box::new(needed))),
                None => needed,
            }
        }
        "userid-group" => on(1, "/access/groups", true),
        "userid-param" => Privs::Need(text(1).to_owned().leak(), "/access/realm/{realm}"),
        "perm-modify" => Privs::Need("Permissions.Modify", text(1).to_owned().leak()),
        _ => Privs::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declared_row_is_found_by_its_key_and_by_a_request() {
        for declared in rows() {
            let (method, template) = (declared.method, declared.template);
            assert!(std::ptr::eq(by_key(method.word(), template).unwrap(), declared), "{method} {template}");
            let path = template.split('/').skip(1).map(|part| part.trim_matches(['{', '}']).to_owned()).collect();
            let (found, _) = find(&Request::new(method, path)).unwrap();
            assert!(std::ptr::eq(found, declared), "{method} {template}: {}", found.template);
        }
    }
}
