//! A change as a value: steps, risk and impact for each target.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::api::call::Output;
use crate::api::{Call, Request, Value};
use crate::fault::{Fault, Result};
use crate::guard::Permit;
use crate::routes::{self, Backend, Risk};

/// The kind of object: guest, backup, role, …
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Target {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.vmid, &self.name) {
            (Some(vmid), Some(name)) => write!(f, "{vmid} ({name})"),
            (Some(vmid), None) => write!(f, "{vmid}"),
            (None, Some(name)) => f.write_str(name),
            (None, None) => f.write_str(self.node.as_deref().unwrap_or("the host")),
        }
    }
}

/// Results of earlier steps by step name.
#[derive(Debug, Default)]
pub struct Outputs(BTreeMap<&'static str, Json>);

impl Outputs {
    pub fn put(&mut self, step: &'static str, answer: Json) {
        self.0.insert(step, answer);
    }

    pub fn get(&self, step: &str) -> Option<&Json> {
        self.0.get(step)
    }

    /// Returns an output as text.
    pub fn text(&self, output: &Output) -> Result<String> {
        let answer = self.0.get(output.step);
        let value = if output.key.is_empty() { answer } else { answer.and_then(|a| a.get(output.key)) };
        value
            .and_then(crate::api::lenient::text)
            .ok_or_else(|| Fault::other(format!("the step '{}' returned no '{}'", output.step, output.key)))
    }

    fn fill(&self, request: &Request) -> Result<Request> {
        let mut filled = request.clone();
        for (_, value) in &mut filled.params {
            if let Value::Output(output) = value {
                *value = Value::Text(self.text(output)?);
            }
        }
        Ok(filled)
    }
}

/// An action outside the API: in the root helper, the keyring or the configuration.
pub trait Act: Send + Sync {
    fn backend(&self) -> &'static str;
    /// The action in one line, without secrets.
    fn describe(&self) -> String;
    /// The request as data for plans, with secrets masked.
    fn request(&self) -> Json {
        Json::Null
    }
    /// The name of a secret in the action: a change with a secret cannot be staged.
    fn secret(&self) -> Option<&'static str> {
        None
    }
    fn run(&self, outputs: &Outputs, permit: &Permit) -> Result<Json>;
}

pub enum Do {
    Call(Request),
    Act(Box<dyn Act>),
}

/// A step of a change.
pub struct Step {
    /// The name by which later steps refer to its result.
    pub name: &'static str,
    pub what: Do,
}

impl Step {
    pub fn call<T>(name: &'static str, call: Call<T>) -> Self {
        Self { name, what: Do::Call(call.request) }
    }

    pub fn act(name: &'static str, act: impl Act + 'static) -> Self {
        Self { name, what: Do::Act(Box::new(act)) }
    }

    /// Returns the request with the outputs of earlier steps filled in.
    pub(super) fn filled(&self, outputs: &Outputs) -> Result<Option<Request>> {
        match &self.what {
            Do::Call(request) => outputs.fill(request).map(Some),
            Do::Act(_) => Ok(None),
        }
    }

    pub fn backend(&self) -> &'static str {
        match &self.what {
            Do::Call(_) => match Backend::Api {
                Backend::Api => "api",
                Backend::Fence => "fence",
            },
            Do::Act(act) => act.backend(),
        }
    }

    fn risk(&self) -> Risk {
        match &self.what {
            Do::Call(request) => routes::risk(request),
            Do::Act(_) => Risk::Safe,
        }
    }
}

/// The consequences of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Impact {
    /// Affected objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<String>,
    /// Lost data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loses: Vec<String>,
    /// Possible problems.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cautions: Vec<String>,
}

/// A result that is known without sending anything.
#[derive(Debug, Clone)]
pub enum Settled {
    /// The target is already in the requested state.
    Unchanged,
    /// The target is refused; the others are carried out.
    Refused(Box<Fault>),
}

/// The remaining steps of a target.
pub type Pending = Vec<Step>;

/// One target of a change.
pub struct Item {
    pub target: Target,
    /// The action in the results: `start`, `backup`, `restore`, …
    pub action: &'static str,
    pub steps: Pending,
    pub settled: Option<Settled>,
    /// The risk for this target [default: the highest of its steps].
    pub risk: Option<Risk>,
    /// The confirmation word if it is irreversible.
    pub word: Option<String>,
    pub impact: Impact,
    /// Items of one lane run in sequence.
    pub lane: String,
    /// The host's state at planning time by name: status, digest, snapshots, …
    pub facts: BTreeMap<String, String>,
    /// Additional keys of the result that are known beforehand.
    pub extra: Map<String, Json>,
    /// Error texts of the host that mean the target is already in the requested state.
    pub already: &'static [&'static str],
}

impl Item {
    /// The action of a raw call.
    pub const RAW: &'static str = "api";

    pub fn new(action: &'static str, target: Target) -> Self {
        let lane = target.to_string();
        Self {
            target,
            action,
            steps: Vec::new(),
            settled: None,
            risk: None,
            word: None,
            impact: Impact::default(),
            lane,
            facts: BTreeMap::new(),
            extra: Map::new(),
            already: &[],
        }
    }

    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    #[must_use]
    pub fn risk(mut self, risk: Risk) -> Self {
        self.risk = Some(risk);
        self
    }

    #[must_use]
    pub fn word(mut self, word: impl fmt::Display) -> Self {
        self.word = Some(word.to_string());
        self
    }

    #[must_use]
    pub fn touches(mut self, text: impl Into<String>) -> Self {
        self.impact.touches.push(text.into());
        self
    }

    #[must_use]
    pub fn loses(mut self, text: impl Into<String>) -> Self {
        self.impact.loses.push(text.into());
        self
    }

    #[must_use]
    pub fn caution(mut self, text: impl Into<String>) -> Self {
        self.impact.cautions.push(text.into());
        self
    }

    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.facts.insert(name.into(), value.to_string());
        self
    }

    #[must_use]
    pub fn lane(mut self, lane: impl Into<String>) -> Self {
        self.lane = lane.into();
        self
    }

    #[must_use]
    pub fn extra(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// Whether an error means that the target is already in the requested state, because something else was faster.
    #[must_use]
    pub fn already(mut self, words: &'static [&'static str]) -> Self {
        self.already = words;
        self
    }

    #[must_use]
    pub fn unchanged(mut self) -> Self {
        self.settled = Some(Settled::Unchanged);
        self
    }

    #[must_use]
    pub fn refused(mut self, fault: Fault) -> Self {
        self.settled = Some(Settled::Refused(Box::new(fault)));
        self
    }

    /// Returns the target's label: `backup of 101 (web)`. A raw call is its own label.
    pub fn label(&self) -> String {
        if self.action == Self::RAW { self.target.to_string() } else { format!("{} of {}", self.action, self.target) }
    }

    /// Returns the label of a step: the first has the action's label, later ones their own: `start of 101 (web)`.
    pub fn step_label(&self, step: &Step) -> String {
        match self.steps.first() {
            Some(first) if first.name != step.name => format!("{} of {}", step.name, self.target),
            _ => self.label(),
        }
    }

    /// Whether there are steps left.
    pub fn pending(&self) -> bool {
        self.settled.is_none()
    }

    /// Returns the risk for a plan. A refused target keeps the risk of the refused command `verb` if it has no steps.
    pub fn shown_risk(&self, verb: &str) -> Risk {
        let Some(Settled::Refused(_)) = self.settled else { return self.weight() };
        let own = self.risk.or_else(|| self.steps.iter().map(Step::risk).max());
        let calls = || routes::verb(verb).into_iter().flat_map(|verb| verb.calls).filter_map(|key| routes::by_key(key));
        own.or_else(|| calls().map(|row| row.risk).max()).unwrap_or(Risk::Read)
    }

    /// Returns the risk.
    pub fn weight(&self) -> Risk {
        match self.settled {
            Some(_) => Risk::Read,
            None => self.risk.unwrap_or_else(|| self.steps.iter().map(Step::risk).max().unwrap_or(Risk::Read)),
        }
    }
}

/// A change: everything a command would do.
pub struct Change {
    /// The change in words: `restore local:backup/… as 150`.
    pub summary: String,
    pub items: Vec<Item>,
    /// Number of lanes that run at the same time.
    pub jobs: usize,
}

impl Change {
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), items: Vec::new(), jobs: 8 }
    }

    /// Creates a change of one target.
    pub fn one(summary: impl Into<String>, item: Item) -> Self {
        let mut change = Self::new(summary);
        change.items.push(item);
        change
    }

    pub fn risk(&self) -> Risk {
        self.items.iter().map(Item::weight).max().unwrap_or(Risk::Read)
    }

    /// Returns the words that confirm the irreversible targets.
    pub fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .items
            .iter()
            .filter(|item| item.weight() == Risk::Irreversible)
            .map(|item| item.word.clone().unwrap_or_else(|| item.target.to_string()))
            .collect();
        words.sort();
        words.dedup();
        words
    }
}
