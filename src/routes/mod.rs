//! The routing table: privileges, risk and confirmation of every call. Used by plans, permission errors, tailored roles, `felhom routes`
//! and the raw `api` commands.

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
pub use verbs::{COMMON, VERBS, Verb, optional};

/// Privileges of a call. Paths are templates filled from the call's path and parameters: `/vms/{vmid}`, `/storage/{storage}`.
#[derive(Debug, Clone, Copy)]
pub enum Privs {
    /// Any authenticated user.
    None,
    /// root@pam itself, not its tokens.
    Root,
    Need(&'static str, &'static str),
    All(&'static [Privs]),
    Any(&'static [Privs]),
    /// Required only if the parameter is sent.
    When(&'static str, &'static Privs),
    /// Required only if the parameter has this value.
    WhenIs(&'static str, &'static str, &'static Privs),
    /// Required only if the parameter is a drive of this kind.
    WhenDrive(&'static str, Drive, &'static Privs),
    /// Required only if the parameter is not sent.
    Without(&'static str, &'static Privs),
}

impl Privs {
    /// Returns the parameters on which a privilege depends, if it depends on nothing else.
    fn options(&self) -> Vec<&'static str> {
        match self {
            Self::All(list) => list.iter().flat_map(Self::options).collect(),
            Self::When(option, _) | Self::WhenDrive(option, ..) => vec![option],
            Self::None | Self::Root | Self::Need(..) | Self::Any(_) | Self::WhenIs(..) | Self::Without(..) => Vec::new(),
        }
    }
}

/// The kind of a VM's drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    Disk,
    Optical,
    /// The cloud-init drive.
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

/// The confirmation word of an irreversible call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfirmWord {
    Vmid,
    Archive,
    Snapshot,
    Node,
    Storage,
    /// The last segment of the path.
    Last,
}

/// A call.
#[derive(Debug)]
pub struct Row {
    pub method: Method,
    pub template: &'static str,
    pub privs: Privs,
    pub risk: Risk,
    pub word: Option<ConfirmWord>,
    /// The type of the task it starts; several joined by `|` if it depends on the parameters.
    pub task: Option<&'static str>,
}

impl Row {
    /// Whether every success starts a task. Configuration changes and deletions may complete without one.
    pub fn always_starts_task(&self) -> bool {
        self.task.is_some_and(|task| !matches!(task, "qmconfig" | "imgdel" | "qmtemplate"))
    }

    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.template)
    }
}

/// The values of a template's placeholders in one request.
pub type Bound = BTreeMap<&'static str, String>;

/// The backend of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    Api,
    Fence,
}

/// Returns the row of a request with the values of its placeholders.
pub fn find(request: &Request) -> Option<(&'static Row, Bound)> {
    let mut best: Option<(&'static Row, Bound)> = None;
    for row in ROWS.iter().filter(|row| row.method == request.method) {
        if let Some(bound) = bind(row.template, &request.path) {
            // A literal segment has priority over a placeholder: `/cluster/ha/status/current` over `/cluster/ha/{kind}/{id}`.
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

/// Returns the row with this key, such as `GET /version`.
pub fn by_key(key: &str) -> Option<&'static Row> {
    let (method, template) = key.split_once(' ')?;
    let own = ROWS.iter().find(|row| row.template == template && row.method.word() == method);
    own.or_else(|| derived::by_key(method, template))
}

/// All rows: the hand-written ones first.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(derived::rows())
}

/// All commands: the hand-written ones first.
pub fn verbs() -> impl Iterator<Item = &'static Verb> {
    VERBS.iter().chain(derived::verbs())
}

/// Whether a command may make a call: it lists it, every command may make it, or a declared command looks up its object with it.
pub fn allows(verb: &Verb, request: &Request) -> bool {
    let key = find(request).map(|(row, _)| row.key()).unwrap_or_default();
    verb.calls.iter().chain(COMMON).any(|named| **named == key) || derived::looks_up(verb.name, request) || checks::allows(verb.calls, &key)
}

/// Returns the risk of a request. An unknown write is irreversible.
pub fn risk(request: &Request) -> Risk {
    match find(request) {
        Some((row, _)) => row.risk,
        None if request.is_read() => Risk::Read,
        None => Risk::Irreversible,
    }
}

/// Returns the command with this name.
pub fn verb(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name).or_else(|| derived::verb(name))
}

/// Returns the privileged parameters that a command sends, or `None` if it may send any.
pub fn sends(verb: &str) -> Option<&'static Sends> {
    SENDS.iter().find(|sends| sends.verb == verb)
}

impl Sends {
    /// Returns a privileged parameter of this change that is not listed for the command.
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
