//! A plan as data, for `--plan`, the preview before a question, and the journal.

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::api::Request;
pub use crate::api::cluster::Permissions;
use crate::guard::change::{Change, Do, Impact, Item, Settled, Step, Target};
use crate::guard::redact;
use crate::routes::{self, Grant, Risk};

/// A planned change.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub summary: String,
    pub context: String,
    /// The identity on the host.
    pub who: String,
    pub risk: Risk,
    /// The words that `--confirm` must name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confirm: Vec<String>,
    pub items: Vec<PlannedItem>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PlannedItem {
    #[serde(flatten)]
    pub target: Target,
    pub action: &'static str,
    /// `planned`, `unchanged` or `refused`.
    pub status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    pub risk: Risk,
    pub steps: Vec<PlannedStep>,
    /// The alternatives for each required privilege, and whether one is granted (absent if unknown).
    pub privileges: Vec<Needed>,
    #[serde(flatten)]
    pub impact: Impact,
}

#[derive(Debug, Clone, Serialize)]
pub struct Needed {
    pub any: Vec<Grant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    pub name: &'static str,
    pub backend: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Json>,
    /// The description of a step that is no API call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The request, for output formats that need its parts.
    #[serde(skip)]
    pub request: Option<Request>,
}

impl Plan {
    pub(super) fn of(change: &Change, context: &str, who: &str, verb: &str, held: Option<&Permissions>) -> Self {
        let items: Vec<PlannedItem> = change.items.iter().map(|item| PlannedItem::of(item, verb, held)).collect();
        let confirm = if change.risk() == Risk::Irreversible { change.words() } else { Vec::new() };
        Self {
            summary: change.summary.clone(),
            context: context.into(),
            who: who.into(),
            risk: items.iter().map(|item| item.risk).max().unwrap_or(Risk::Read),
            confirm,
            items,
        }
    }
}

impl Plan {
    /// Returns the plan of one target.
    pub(super) fn only(&self, item: usize) -> Self {
        Self { items: self.items.get(item).cloned().into_iter().collect(), ..self.clone() }
    }
}

impl PlannedItem {
    fn of(item: &Item, verb: &str, held: Option<&Permissions>) -> Self {
        let (status, message) = match &item.settled {
            None => ("planned", None),
            Some(Settled::Unchanged) => ("unchanged", None),
            Some(Settled::Refused(fault)) => ("refused", Some(redact::text(&fault.message))),
        };
        let steps = if item.pending() { item.steps.iter().map(PlannedStep::of).collect() } else { Vec::new() };
        let mut privileges: Vec<Needed> = Vec::new();
        for step in item.steps.iter().filter(|_| item.pending()) {
            let Do::Call(request) = &step.what else { continue };
            for any in routes::needs(request).unwrap_or_default().all {
                if !privileges.iter().any(|known| known.any == any) {
                    let have = held.map(|held| any.iter().any(|grant| holds(held, grant)));
                    privileges.push(Needed { any, held: have });
                }
            }
        }
        // A narrower requirement satisfies a wider one: `Memory` is one of `CPU or Memory or …`.
        let exact: Vec<Vec<Grant>> = privileges.iter().map(|need| need.any.clone()).collect();
        privileges.retain(|need| !exact.iter().any(|one| one.len() < need.any.len() && one.iter().all(|grant| need.any.contains(grant))));
        Self {
            target: item.target.clone(),
            action: item.action,
            status,
            message,
            risk: item.shown_risk(verb),
            steps,
            privileges,
            impact: item.impact.clone(),
        }
    }
}

impl PlannedStep {
    fn of(step: &Step) -> Self {
        let plain = Self { name: step.name, backend: step.backend(), method: None, path: None, params: None, text: None, request: None };
        match &step.what {
            Do::Call(request) => {
                let params: serde_json::Map<String, Json> =
                    request.params.iter().map(|(key, value)| (key.clone(), json!(redact::param(request, key, value)))).collect();
                Self {
                    method: Some(request.method.word()),
                    path: Some(request.path_text()),
                    params: Some(Json::Object(params)),
                    request: Some(request.clone()),
                    ..plain
                }
            }
            Do::Act(act) => {
                let params = Some(act.request()).filter(|r| !r.is_null()).map(redact::json);
                Self { text: Some(act.describe()), params, ..plain }
            }
        }
    }
}

/// Whether the privilege is granted on the path, or inherited from a path above it.
pub fn holds(held: &Permissions, grant: &Grant) -> bool {
    let mut path = grant.path.as_str();
    loop {
        // The host lists effective privileges per path; those marked 1 are inherited below it.
        if let Some(privileges) = held.get(if path.is_empty() { "/" } else { path }) {
            let here = path == grant.path;
            return privileges.get(&grant.privilege).is_some_and(|passed| here || crate::api::lenient::integer(passed) == Some(1));
        }
        match path.rfind('/') {
            Some(at) if !path.is_empty() => path = &path[..at],
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_privilege_is_inherited_from_above_unless_the_path_has_its_own() {
        let held: Permissions =
            serde_json::from_value(json!({"/": {"VM.Audit": 1, "VM.Backup": 0}, "/vms/102": {"VM.PowerMgmt": 1}})).expect("a map");
        let grant = |privilege: &str, path: &str| Grant { path: path.into(), privilege: privilege.into() };
        assert!(holds(&held, &grant("VM.Audit", "/vms/101")));
        assert!(holds(&held, &grant("VM.Backup", "/")));
        assert!(!holds(&held, &grant("VM.Backup", "/vms/101")), "0 means: here, but not passed on");
        assert!(!holds(&held, &grant("VM.Audit", "/vms/102")), "an entry of its own replaces what comes from above");
    }
}
