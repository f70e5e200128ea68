//! Results of a change, one per target.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::fault::{Fault, Kind, Result};
use crate::guard::{Target, redact};

/// The status of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    Warnings,
    Failed,
    Denied,
    Refused,
    Interrupted,
    /// Sent, with unknown outcome.
    Unknown,
    Detached,
    Staged,
    Unchanged,
}

impl Status {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warnings => "warnings",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
            Self::Unknown => "unknown",
            Self::Detached => "detached",
            Self::Staged => "staged",
            Self::Unchanged => "unchanged",
        }
    }

    pub(super) fn of(fault: &Fault) -> Self {
        match fault.kind {
            _ if fault.is_refusal() => Self::Refused,
            Kind::Denied | Kind::Unauthenticated => Self::Denied,
            Kind::Interrupted | Kind::Terminated => Self::Interrupted,
            Kind::Unknown | Kind::Unfinished => Self::Unknown,
            _ => Self::Failed,
        }
    }
}

/// The result of a target, with the keys of `cli.md`.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub context: String,
    pub node: Option<String>,
    pub vmid: Option<u32>,
    pub name: Option<String>,
    pub kind: Option<&'static str>,
    pub action: &'static str,
    pub status: Status,
    pub upid: Option<String>,
    pub exitstatus: Option<String>,
    pub started_at: Option<String>,
    pub duration_s: f64,
    #[serde(flatten)]
    pub extra: Map<String, Json>,
    /// The error object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Json>,
    #[serde(skip)]
    pub fault: Option<Fault>,
}

impl Outcome {
    pub(super) fn new(context: &str, target: &Target, action: &'static str, status: Status) -> Self {
        let Target { node, vmid, name, kind } = target.clone();
        Self {
            context: context.into(),
            node,
            vmid,
            name,
            kind,
            action,
            status,
            upid: None,
            exitstatus: None,
            started_at: None,
            duration_s: 0.0,
            extra: Map::new(),
            error: None,
            fault: None,
        }
    }

    /// Sets the error.
    pub fn fail(&mut self, mut fault: Fault) {
        redact::fault(&mut fault);
        self.status = Status::of(&fault);
        self.upid = self.upid.take().or_else(|| fault.upid.clone());
        self.error = Some(error_json(&fault));
        self.fault = Some(fault);
    }

    pub fn good(&self) -> bool {
        matches!(self.status, Status::Ok | Status::Warnings | Status::Detached | Status::Staged | Status::Unchanged)
    }
}

/// Returns a fault as the error object of JSON output; keys without a value are omitted.
pub fn error_json(fault: &Fault) -> Json {
    let mut error = Map::new();
    error.insert("kind".into(), json!(fault.kind.word()));
    error.insert("exit".into(), json!(fault.exit_code()));
    error.insert("message".into(), json!(fault.message));
    error.insert("hint".into(), json!(fault.hint()));
    let mut put = |key: &str, value: Option<Json>| {
        if let Some(value) = value {
            error.insert(key.into(), value);
        }
    };
    put("path", fault.path.as_ref().map(|p| json!(p)));
    put("privilege", fault.privilege.as_ref().map(|p| json!(p)));
    put("who", fault.who.map(|w| json!(w)));
    put("upid", fault.upid.as_ref().map(|u| json!(u)));
    put("errors", (!fault.errors.is_empty()).then(|| json!(fault.errors)));
    put("log", (!fault.log.is_empty()).then(|| json!(fault.log)));
    Json::Object(error)
}

/// Returns the fault of the whole run: the common one if all targets failed alike, else *partial*.
pub fn verdict(outcomes: &[Outcome]) -> Result<()> {
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.good()).collect();
    let Some(first) = failed.first().and_then(|outcome| outcome.fault.as_ref()) else { return Ok(()) };
    if let [_] = outcomes {
        return Err(first.clone());
    }
    if failed.iter().filter_map(|o| o.fault.as_ref()).any(|f| matches!(f.kind, Kind::Interrupted | Kind::Terminated)) {
        let signal = failed.iter().filter_map(|o| o.fault.as_ref()).find(|f| matches!(f.kind, Kind::Interrupted | Kind::Terminated));
        return Err(signal.unwrap_or(first).clone());
    }
    let alike =
        failed.len() == outcomes.len() && failed.iter().filter_map(|o| o.fault.as_ref()).all(|f| f.exit_code() == first.exit_code());
    let mut fault = Fault::new(Kind::Partial, format!("{} of {} failed: {}", failed.len(), outcomes.len(), first.message));
    if alike {
        fault.kind = first.kind;
        fault.exit = Some(first.exit_code());
        fault.message = format!("all {} failed: {}", outcomes.len(), first.message);
    }
    fault.hint = first.hint.clone().or(fault.hint);
    (fault.path, fault.privilege, fault.who) = (first.path.clone(), first.privilege.clone(), first.who);
    fault.lacks.clone_from(&first.lacks);
    Err(fault)
}
