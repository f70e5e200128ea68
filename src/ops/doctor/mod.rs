//! Health checks of a context: a file for each area; each finding has a fix.

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

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// Worth knowing; not a problem.
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

/// The result of one check.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub context: String,
    /// `reach`, `certificate`, `clock`, `version`, `login`, `rights`, `storage`, `archives`, `locks`, `fence`, `secret`.
    pub area: &'static str,
    pub state: State,
    pub message: String,
    /// How to fix it.
    pub fix: Option<String>,
}

/// The context to check.
pub struct Target<'a> {
    pub session: &'a Session,
    pub context: &'a Context,
    pub about: About,
    pub env: &'a Env,
    /// Why the secret cannot be read without asking the user.
    pub unreadable: Option<Fault>,
    /// Unix seconds.
    pub now: i64,
}

/// The findings of one context.
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

    /// Adds a problem for a check that failed.
    fn fault(&mut self, area: &'static str, fault: &Fault) {
        self.problem(area, fault.message.clone(), fault.hint().to_owned());
    }

    /// Adds the answer of the root helper.
    pub fn fence(&mut self, answer: Result<String, Fault>) {
        match answer {
            Ok(version) => self.ok("fence", format!("the root helper answers: {version}")),
            Err(fault) => self.fault("fence", &fault),
        }
    }
}

/// Runs the checks, as far as connection and login allow.
pub fn examine(target: &Target<'_>) -> Report {
    let mut report = Report { context: target.session.context.clone(), ..Report::default() };
    let known = secret::look(target, &mut report);
    if !host::look(target, &mut report) || !known || !host::ask(target, &mut report) {
        return report;
    }
    let Some(held) = access::look(target, &mut report) else { return report };
    if let Some(why) = target.session.client().ok().and_then(crate::transport::Client::without_quorum) {
        report.problem("cluster", why, "start the missing nodes; without quorum nothing can be changed");
    }
    storage::look(target, &held, &mut report);
    guests::look(target, &mut report);
    report
}

/// Returns a fault if there are problems. They are already printed, so only the exit code matters.
pub fn verdict(findings: &[Finding]) -> Result<(), Fault> {
    let problems = findings.iter().filter(|finding| finding.state == State::Problem).count();
    if problems == 0 {
        return Ok(());
    }
    Err(Fault { shown: true, ..Fault::new(Kind::Other, format!("{problems} problem(s)")) })
}
