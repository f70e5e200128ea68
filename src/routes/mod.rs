//! The routing table: what every call needs, risks, and asks. Plans, denials, roles made to measure, `felhom routes` and the raw `api` verb read it.

mod rows;
mod verbs;

use std::collections::BTreeMap;

use crate::api::{Method, Request};

pub use rows::ROWS;
pub use verbs::{COMFORT, COMMON, VERBS, Verb};

/// How much harm a change can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Changes nothing.
    Read,
    Safe,
    /// Stops or degrades something that runs.
    Disruptive,
    /// Data or identity is lost.
    Irreversible,
}

impl Risk {
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Safe => "safe",
            Self::Disruptive => "disruptive",
            Self::Irreversible => "irreversible",
        }
    }
}

/// The privileges that a call needs. Paths are templates over the call's path and parameters: `/vms/{vmid}`, `/storage/{storage}`.
#[derive(Debug, Clone, Copy)]
pub enum Privs {
    /// Any valid login.
    None,
    Need(&'static str, &'static str),
    All(&'static [Privs]),
    Any(&'static [Privs]),
    /// Needed only when the parameter is sent.
    When(&'static str, &'static Privs),
    /// Needed only when the parameter is sent with this value.
    WhenIs(&'static str, &'static str, &'static Privs),
}

/// The word that confirms an irreversible call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Vmid,
    Archive,
    Snapshot,
    Node,
    Storage,
    /// The last segment of the path.
    Last,
}

/// One call that felhom knows.
#[derive(Debug)]
pub struct Row {
    pub method: Method,
    pub template: &'static str,
    pub privs: Privs,
    pub risk: Risk,
    pub word: Option<Word>,
    /// The type of the task that it starts; several joined by `|`, where it depends on the parameters.
    pub task: Option<&'static str>,
}

impl Row {
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// What the placeholders of a template stand for in one request.
pub type Bound = BTreeMap<&'static str, String>;

/// Which backend an operation goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    Api,
    Fence,
}

/// The row of a request, with what its placeholders stand for.
pub fn find(request: &Request) -> Option<(&'static Row, Bound)> {
    let mut best: Option<(&'static Row, Bound)> = None;
    for row in ROWS.iter().filter(|row| row.method == request.method) {
        if let Some(bound) = bind(row.template, &request.path) {
            // A literal segment beats a placeholder: `/cluster/ha/status/current` against `/cluster/ha/{kind}/{id}`.
            if best.as_ref().is_none_or(|(_, found)| bound.len() < found.len()) {
                best = Some((row, bound));
            }
        }
    }
    best
}

fn bind(template: &'static str, path: &[String]) -> Option<Bound> {
    let mut bound = Bound::new();
    let mut parts = template.split('/').skip(1);
    for segment in path {
        let part = parts.next()?;
        match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            Some(name) => {
                bound.insert(name, segment.clone());
            }
            None if part == segment => {}
            None => return None,
        }
    }
    parts.next().is_none().then_some(bound)
}

/// The row with this key, `GET /version`.
pub fn by_key(key: &str) -> Option<&'static Row> {
    let (method, template) = key.split_once(' ')?;
    ROWS.iter().find(|row| row.template == template && row.method.word() == method)
}

/// The risk of a request: an unknown write counts as irreversible.
pub fn risk(request: &Request) -> Risk {
    match find(request) {
        Some((row, _)) => row.risk,
        None if request.is_read() => Risk::Read,
        None => Risk::Irreversible,
    }
}

/// A privilege on a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Grant {
    pub path: String,
    pub privilege: String,
}

/// What one request needs, with its placeholders filled in: all of these groups, of each group any one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    pub all: Vec<Vec<Grant>>,
}

impl Needs {
    /// The groups of which nothing is held.
    pub fn missing(&self, holds: impl Fn(&Grant) -> bool) -> Vec<Vec<Grant>> {
        self.all.iter().filter(|any| !any.iter().any(&holds)).cloned().collect()
    }
}

/// What a request needs; `None` for a call that the table does not know.
pub fn needs(request: &Request) -> Option<Needs> {
    let (row, bound) = find(request)?;
    let mut needs = Needs::default();
    gather(&row.privs, request, &bound, &mut needs);
    Some(needs)
}

fn gather(privs: &Privs, request: &Request, bound: &Bound, needs: &mut Needs) {
    match privs {
        Privs::None => {}
        Privs::Need(privilege, path) => {
            needs.all.extend(fill(path, request, bound).into_iter().map(|path| vec![Grant { path, privilege: (*privilege).into() }]));
        }
        Privs::All(list) => list.iter().for_each(|p| gather(p, request, bound, needs)),
        Privs::Any(list) => {
            // An alternative that may itself be several privileges: (a or (b and c)) is (a or b) and (a or c).
            let alternatives = list.iter().filter(|p| applies(p, request)).map(|p| {
                let mut one = Needs::default();
                gather(p, request, bound, &mut one);
                one.all
            });
            needs.all.extend(either(alternatives));
        }
        Privs::When(option, p) if sent(request, option) => gather(p, request, bound, needs),
        Privs::WhenIs(option, value, p) if request.param(option).is_some_and(|v| v.shown() == *value) => gather(p, request, bound, needs),
        Privs::When(..) | Privs::WhenIs(..) => {}
    }
}

/// Is the option sent, or named as one that goes? `netN` stands for any of `net0`, `net1`, …
fn sent(request: &Request, option: &str) -> bool {
    let is = |name: &str| match option.strip_suffix('N') {
        Some(stem) => name.strip_prefix(stem).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())),
        None => name == option,
    };
    let gone = request.param("delete").map(crate::api::Value::shown).unwrap_or_default();
    request.params.iter().any(|(name, _)| is(name)) || gone.split(',').any(is)
}

/// An alternative that waits for an option which was not sent is none.
fn applies(privs: &Privs, request: &Request) -> bool {
    match privs {
        Privs::When(option, _) => sent(request, option),
        Privs::WhenIs(option, value, _) => request.param(option).is_some_and(|v| v.shown() == *value),
        _ => true,
    }
}

/// One of several lists of groups: the groups of which, together, one list must be held whole.
pub fn either<T: Clone + PartialEq>(alternatives: impl Iterator<Item = Vec<Vec<T>>>) -> Vec<Vec<T>> {
    let mut groups: Option<Vec<Vec<T>>> = None;
    for alternative in alternatives.filter(|alternative| !alternative.is_empty()) {
        groups = Some(match groups {
            None => alternative,
            Some(known) => known
                .iter()
                .flat_map(|a| {
                    alternative.iter().map(move |b| {
                        let mut both = a.clone();
                        both.extend(b.iter().filter(|one| !a.contains(one)).cloned());
                        both
                    })
                })
                .collect(),
        });
    }
    groups.unwrap_or_default()
}

/// Fills a path template; one path for each item where a parameter is a list. Empty where a placeholder has no value.
fn fill(template: &str, request: &Request, bound: &Bound) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        let values: Vec<String> = match bound.get(name) {
            Some(value) => vec![value.clone()],
            None => request.param(name).map(|v| v.shown().split([',', ';']).map(|s| s.trim().to_owned()).collect()).unwrap_or_default(),
        };
        texts = texts.iter().flat_map(|text| values.iter().map(move |value| format!("{text}{before}{value}"))).collect();
        rest = tail;
    }
    texts.iter().map(|text| text.clone() + rest).collect()
}

/// The verb with this name.
pub fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Call;
    use crate::path;

    #[test]
    fn keys_are_unique_and_verbs_name_rows_that_exist() {
        let mut keys: Vec<String> = ROWS.iter().map(Row::key).collect();
        keys.sort();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count, "two rows have the same key");
        for verb in VERBS {
            for key in verb.calls {
                assert!(by_key(key).is_some(), "{} names {key}, which is no row", verb.name);
            }
        }
    }

    #[test]
    fn a_write_has_a_risk_and_an_irreversible_one_a_word() {
        for row in ROWS {
            assert_eq!(row.method == Method::Get, row.risk == Risk::Read, "{}", row.key());
            assert_eq!(row.word.is_some(), row.risk == Risk::Irreversible, "{}", row.key());
        }
    }

    #[test]
    fn needs_are_filled_from_path_and_parameters() {
        let call: Call<()> =
            Call::post(path!["nodes", "pve1", "vzdump"]).with("vmid", vec!["101".to_owned(), "102".into()]).with("storage", "local");
        let needs = needs(&call.request).expect("known");
        let texts: Vec<String> = needs.all.iter().flatten().map(|g| format!("{} {}", g.privilege, g.path)).collect();
        assert_eq!(texts, ["VM.Backup /vms/101", "VM.Backup /vms/102", "Datastore.AllocateSpace /storage/local"]);
        assert_eq!(risk(&Request::new(Method::Post, path!["nodes", "pve1", "nosuch"])), Risk::Irreversible);
    }

    #[test]
    fn what_a_changed_setting_needs_depends_on_the_setting() {
        let held = |call: Call<()>| -> Vec<String> {
            let needs = needs(&call.request).expect("known");
            needs.all.iter().filter(|any| any.len() == 1).map(|any| any[0].privilege.clone()).collect()
        };
        let put = || Call::put(path!["nodes", "pve1", "lxc", 101, "config"]);
        assert_eq!(held(put().with("memory", "512").with("net3", "name=eth3")), ["VM.Config.Memory", "VM.Config.Network"]);
        assert_eq!(held(put().with("delete", vec!["tags".to_owned(), "mp0".into()])), ["VM.Config.Disk", "VM.Config.Options"]);
        assert_eq!(held(put().with("network", "x")), Vec::<String>::new());
    }
}
