//! One page on whether everything is as it should be: a file for each area, findings with their fix.

mod access;
mod guests;
mod host;
mod secret;
mod storage;

use serde::Serialize;

use crate::config::{Context, Env};
use crate::fault::{Fault, Kind};
use crate::ops::denial::About;
use crate::session::Session;

/// How good a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// Worth knowing; nothing is broken.
    Note,
    Problem,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "problem",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub context: String,
    /// `reach`, `certificate`, `clock`, `version`, `login`, `rights`, `storage`, `archives`, `locks`, `fence`, `secret`.
    pub area: &'static str,
    pub state: State,
    pub message: String,
    /// What mends it.
    pub fix: Option<String>,
}

/// What the looks have at hand.
pub struct Patient<'a> {
    pub session: &'a Session,
    pub context: &'a Context,
    pub about: About,
    pub env: &'a Env,
    /// Why the secret cannot be read, as far as that was tried without waking anybody.
    pub unreadable: Option<Fault>,
    /// Unix seconds.
    pub now: i64,
}

/// The findings of one context, worst last within an area.
#[derive(Debug, Default)]
pub struct Report {
    context: String,
    pub findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, area: &'static str, state: State, message: impl Into<String>, fix: Option<String>) {
        self.findings.push(Finding { context: self.context.clone(), area, state, message: message.into(), fix });
    }

    fn ok(&mut self, area: &'static str, message: impl Into<String>) {
        self.add(area, State::Ok, message, None);
    }

    fn note(&mut self, area: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(area, State::Note, message, Some(fix.into()));
    }

    fn problem(&mut self, area: &'static str, message: impl Into<String>, fix: impl Into<String>) {
        self.add(area, State::Problem, message, Some(fix.into()));
    }

    /// Something that could not be asked is a problem of its own.
    fn fault(&mut self, area: &'static str, fault: &Fault) {
        self.problem(area, fault.message.clone(), fault.hint().to_owned());
    }

    /// What the fence answered, asked by the one who has it.
    pub fn fence(&mut self, answer: Result<String, Fault>) {
        match answer {
            Ok(version) => self.ok("fence", format!("the root helper answers: {version}")),
            Err(fault) => self.fault("fence", &fault),
        }
    }
}

/// Looks at everything that can be looked at; what lies behind a closed door is left out.
pub fn examine(patient: &Patient<'_>) -> Report {
    let mut report = Report { context: patient.session.context.clone(), ..Report::default() };
    let known = secret::look(patient, &mut report);
    if !host::look(patient, &mut report) || !known || !host::ask(patient, &mut report) {
        return report;
    }
    let Some(held) = access::look(patient, &mut report) else { return report };
    if let Some(why) = patient.session.client().ok().and_then(crate::transport::Client::without_quorum) {
        report.problem("cluster", why, "start the missing nodes; without quorum nothing can be changed");
    }
    storage::look(patient, &held, &mut report);
    guests::look(patient, &mut report);
    report
}

/// The fault of a report with problems: shown already, only the exit code is left.
pub fn verdict(findings: &[Finding]) -> Result<(), Fault> {
    let problems = findings.iter().filter(|finding| finding.state == State::Problem).count();
    if problems == 0 {
        return Ok(());
    }
    Err(Fault { shown: true, ..Fault::new(Kind::Other, format!("{problems} problem(s)")) })
}
