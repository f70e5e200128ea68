//! The kinds of sections in the cluster's configuration files, and what the host checks beyond their options.

mod access;
mod fabrics;
mod mappings;
mod notifications;
mod sdn;
mod services;

use serde_json::Value;

use crate::demo::api::section::Options;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::{Map, State, text};

/// One kind of section.
pub(in crate::demo::api::cluster) struct Kind {
    /// The path of the list; a section is below it.
    pub path: &'static str,
    /// The parameter that names a section.
    pub id: &'static str,
    /// The key in the state; the path if empty.
    pub section: &'static str,
    /// The type of all sections, where the request does not say one.
    pub only_type: &'static str,
    pub options: Options,
    /// Whether an update must have every required option, as a new section.
    pub full_update: bool,
    /// Prefixes of errors while creating, updating and deleting.
    pub failed: [&'static str; 3],
    /// Errors about a section that exists, that does not, and that cannot be deleted because it does not; `{}` is its name.
    pub taken: &'static str,
    pub missing: &'static str,
    /// None: deleting a missing section succeeds.
    pub gone: Option<&'static str>,
    /// The status of the error about a missing section.
    pub missing_status: u16,
    /// The name of a section in the state, from the one in the request.
    pub name: fn(&Req<'_>, &str) -> String,
    /// The name that the host shows, from the one in the state.
    pub shown: fn(&str) -> String,
    /// Sections of every host.
    pub built_in: fn() -> Vec<Value>,
    /// Options that the host keeps elsewhere.
    pub secret: &'static [&'static str],
    /// Adds what the host shows beside the options; `listed` in a list.
    pub show: fn(&mut Map, id: &str, listed: bool),
    pub may_see: fn(&Req<'_>, &str, &Map) -> bool,
    /// Checks a request before its section is looked at.
    pub before: fn(&Req<'_>) -> Result<(), Refusal>,
    /// Checks a new or changed section.
    pub on_change: fn(&Req<'_>, &str, &Map) -> Result<(), Refusal>,
    pub on_delete: fn(&Req<'_>, &str) -> Result<(), Refusal>,
    /// Deletes what belongs to a deleted section.
    pub deleted: fn(&mut State, &str),
}

const PLAIN: Kind = Kind {
    path: "",
    id: "id",
    section: "",
    only_type: "",
    options: Options(""),
    full_update: false,
    failed: ["", "", ""],
    taken: "'{}' already defined",
    missing: "'{}' does not exist",
    gone: Some("'{}' does not exist"),
    missing_status: 500,
    name: |_, given| given.to_owned(),
    shown: str::to_owned,
    built_in: Vec::new,
    secret: &[],
    show: |_, _, _| {},
    may_see: |_, _, _| true,
    before: |_| Ok(()),
    on_change: |_, _, _| Ok(()),
    on_delete: |_, _| Ok(()),
    deleted: |_, _| {},
};

/// All kinds, by area.
pub(super) fn all() -> impl DoubleEndedIterator<Item = &'static Kind> {
    [access::KINDS, fabrics::KINDS, mappings::KINDS, notifications::KINDS, sdn::KINDS, services::KINDS].into_iter().flatten()
}
