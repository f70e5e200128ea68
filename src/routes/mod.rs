//! The routing table: what every call needs, risks, and asks. Plans, denials, roles made to measure, `felhom routes` and the raw `api` verb read it.

mod checks;
mod derived;
mod needs;
mod rows;
mod sends;
mod settings;
mod verbs;

use std::collections::BTreeMap;

use crate::api::{Method, Request};

pub use crate::api::Risk;

pub use derived::templates;
pub use needs::{Grant, Needs, either, needs};
pub use rows::ROWS;
pub use sends::{ONLY_WITH, SENDS, Sends};
pub use verbs::{COMFORT, COMMON, VERBS, Verb};

/// The privileges that a call needs. Paths are templates over the call's path and parameters: `/vms/{vmid}`, `/storage/{storage}`.
#[derive(Debug, Clone, Copy)]
pub enum Privs {
    /// Any valid login.
    None,
    /// root@pam itself; no token of it.
    Root,
    Need(&'static str, &'static str),
    All(&'static [Privs]),
    Any(&'static [Privs]),
    /// Needed only when the parameter is sent.
    When(&'static str, &'static Privs),
    /// Needed only when the parameter is sent with this value.
    WhenIs(&'static str, &'static str, &'static Privs),
    /// Needed only when the parameter is sent with a drive of this sort.
    WhenDrive(&'static str, Drive, &'static Privs),
    /// Needed only when the parameter is not sent.
    Without(&'static str, &'static Privs),
}

impl Privs {
    /// The parameters that something depends on, as long as it depends on nothing else.
    fn options(&self) -> Vec<&'static str> {
        match self {
            Self::All(list) => list.iter().flat_map(Self::options).collect(),
            Self::When(option, _) | Self::WhenDrive(option, ..) => vec![option],
            Self::None | Self::Root | Self::Need(..) | Self::Any(_) | Self::WhenIs(..) | Self::Without(..) => Vec::new(),
        }
    }
}

/// What a drive of a virtual machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    Disk,
    Optical,
    /// The small drive that cloud-init reads.
    Cloudinit,
}

impl Drive {
    pub fn word(self) -> &'static str {
        match self {
            Self::Disk => "as a disk",
            Self::Optical => "as a CD drive",
            Self::Cloudinit => "for cloud-init",
        }
    }

    fn of(value: &str) -> Self {
        let mut parts = value.split(',');
        match parts.next().unwrap_or_default() {
            volume if volume == "cloudinit" || volume.ends_with(":cloudinit") || volume.contains("-cloudinit") => Self::Cloudinit,
            _ if parts.any(|part| part == "media=cdrom") => Self::Optical,
            _ => Self::Disk,
        }
    }
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
    /// Whether every success starts a task. A configuration change and a deletion may also be done at once.
    pub fn always_starts_task(&self) -> bool {
        self.task.is_some_and(|task| !matches!(task, "qmconfig" | "imgdel"))
    }

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
    best.or_else(|| derived::find(request))
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
    rows().find(|row| row.template == template && row.method.word() == method)
}

/// Every row: first the hand-written ones.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(derived::rows())
}

/// Every verb: first the hand-written ones.
pub fn verbs() -> impl Iterator<Item = &'static Verb> {
    VERBS.iter().chain(derived::verbs())
}

/// Whether a verb may make a call: it names it, every verb may make it, or it is how a declared verb looks up its object.
pub fn allows(verb: &Verb, request: &Request) -> bool {
    let key = find(request).map(|(row, _)| row.key()).unwrap_or_default();
    verb.calls.iter().chain(COMMON).any(|named| **named == key) || derived::looks_up(verb.name, request) || checks::allows(verb.calls, &key)
}

/// The risk of a request: an unknown write counts as irreversible.
pub fn risk(request: &Request) -> Risk {
    match find(request) {
        Some((row, _)) => row.risk,
        None if request.is_read() => Risk::Read,
        None => Risk::Irreversible,
    }
}

/// The verb with this name.
pub fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name).or_else(|| derived::verb(name))
}

/// What a verb sends of that which needs something; `None` where it may send anything.
pub fn sends(verb: &str) -> Option<&'static Sends> {
    SENDS.iter().find(|sends| sends.verb == verb)
}

impl Sends {
    /// A parameter of this change that the verb is not said to send, although it needs something.
    pub fn unnamed(&self, request: &Request) -> Option<&'static str> {
        let (row, _) = find(request).filter(|_| !request.is_read())?;
        let said = |option: &&str| self.always.contains(option) || self.may.contains(option);
        row.privs.options().into_iter().find(|option| needs::given(request, option).next().is_some() && !said(option))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (name, option, calls) in ONLY_WITH {
            let known = verb(name).is_some_and(|verb| calls.iter().all(|key| verb.calls.contains(key)));
            assert!(known, "{name} with {option} makes calls that it does not name");
        }
        assert!(SENDS.iter().all(|sends| verb(sends.verb).is_some()));
    }

    #[test]
    fn a_write_has_a_risk_and_an_irreversible_one_a_word() {
        for row in ROWS {
            assert_eq!(row.method == Method::Get, row.risk == Risk::Read, "{}", row.key());
            assert_eq!(row.word.is_some(), row.risk == Risk::Irreversible, "{}", row.key());
        }
    }

    #[test]
    fn an_unknown_write_is_the_worst_of_them() {
        assert_eq!(risk(&Request::new(Method::Post, crate::path!["nodes", "pve1", "nosuch"])), Risk::Irreversible);
        assert_eq!(risk(&Request::new(Method::Get, crate::path!["nodes", "pve1", "nosuch"])), Risk::Read);
    }
}
