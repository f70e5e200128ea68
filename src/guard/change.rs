//! A change as a value: for each target the steps, the risk, what is touched and what is lost.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::api::call::Output;
use crate::api::{Call, Request, Value};
use crate::fault::{Fault, Result};
use crate::guard::Permit;
use crate::routes::{self, Backend, Risk};

/// What is changed: a guest, an archive, a role, …
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

/// What earlier steps answered, by their names.
#[derive(Debug, Default)]
pub struct Outputs(BTreeMap<&'static str, Json>);

impl Outputs {
    pub fn put(&mut self, step: &'static str, answer: Json) {
        self.0.insert(step, answer);
    }

    pub fn get(&self, step: &str) -> Option<&Json> {
        self.0.get(step)
    }

    /// The text of one output.
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

/// Something that is done elsewhere than through the API: in the fence, in the keyring, in the configuration.
pub trait Act: Send + Sync {
    fn backend(&self) -> &'static str;
    /// What it will do, in one line, without secrets.
    fn describe(&self) -> String;
    /// The request as data, for plans; secrets masked.
    fn request(&self) -> Json {
        Json::Null
    }
    /// What secret it holds, by its name: a change with one is not kept for later.
    fn secret(&self) -> Option<&'static str> {
        None
    }
    fn run(&self, outputs: &Outputs, permit: &Permit) -> Result<Json>;
}

pub enum Do {
    Call(Request),
    Act(Box<dyn Act>),
}

/// One step of a change.
pub struct Step {
    /// Its name, by which later steps use its answer.
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

    /// The request with the outputs of earlier steps filled in.
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

/// What a change means for the one who runs the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Impact {
    /// What is touched.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub touches: Vec<String>,
    /// What is lost.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loses: Vec<String>,
    /// What could go wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cautions: Vec<String>,
}

/// What was clear before anything was sent.
#[derive(Debug, Clone)]
pub enum Settled {
    /// It is so already.
    Unchanged,
    /// It cannot or must not be done; the others can.
    Refused(Box<Fault>),
}

/// The steps that a target still needs.
pub type Pending = Vec<Step>;

/// One target of a change.
pub struct Item {
    pub target: Target,
    /// The word in the results: `start`, `backup`, `restore`, …
    pub action: &'static str,
    pub steps: Pending,
    pub settled: Option<Settled>,
    /// Sharpened by what is known of the target; else the highest of its steps.
    pub risk: Option<Risk>,
    /// The word that confirms it where it is irreversible.
    pub word: Option<String>,
    pub impact: Impact,
    /// Items of one lane run one after the other.
    pub lane: String,
    /// What the host's state was when this was planned, by name: status, digest, snapshots, …
    pub facts: BTreeMap<String, String>,
    /// Own keys of the result that are known beforehand.
    pub extra: Map<String, Json>,
    /// Words of the host by which it refuses what is so already.
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

    /// A refusal in one of these words means that it is so already: somebody was faster.
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

    /// What it is to the person: `backup of 101 (web)`. A raw call says it all by itself.
    pub fn label(&self) -> String {
        if self.action == Self::RAW { self.target.to_string() } else { format!("{} of {}", self.action, self.target) }
    }

    /// The label of one step: the first is the action itself, a later one has its own name: `start of 101 (web)`.
    pub fn step_label(&self, step: &Step) -> String {
        match self.steps.first() {
            Some(first) if first.name != step.name => format!("{} of {}", step.name, self.target),
            _ => self.label(),
        }
    }

    /// What it needs is still to be done.
    pub fn pending(&self) -> bool {
        self.settled.is_none()
    }

    /// The risk that a plan shows. A refused target keeps the risk of what was refused: `verb` is the command, for a refusal
    /// that came before the steps.
    pub fn shown_risk(&self, verb: &str) -> Risk {
        let Some(Settled::Refused(_)) = self.settled else { return self.weight() };
        let own = self.risk.or_else(|| self.steps.iter().map(Step::risk).max());
        let calls = || routes::verb(verb).into_iter().flat_map(|verb| verb.calls).filter_map(|key| routes::by_key(key));
        own.or_else(|| calls().map(|row| row.risk).max()).unwrap_or(Risk::Read)
    }

    /// How much harm it can do.
    pub fn weight(&self) -> Risk {
        match self.settled {
            Some(_) => Risk::Read,
            None => self.risk.unwrap_or_else(|| self.steps.iter().map(Step::risk).max().unwrap_or(Risk::Read)),
        }
    }
}

/// A change: what a command would do, whole.
pub struct Change {
    /// In the words of the person: `restore local:backup/… as 150`.
    pub summary: String,
    pub items: Vec<Item>,
    /// How many lanes run at the same time.
    pub jobs: usize,
}

impl Change {
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), items: Vec::new(), jobs: 8 }
    }

    /// A change of one target.
    pub fn one(summary: impl Into<String>, item: Item) -> Self {
        let mut change = Self::new(summary);
        change.items.push(item);
        change
    }

    pub fn risk(&self) -> Risk {
        self.items.iter().map(Item::weight).max().unwrap_or(Risk::Read)
    }

    /// The words that confirm the irreversible part.
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
