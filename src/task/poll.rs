//! One task's state between two looks at it.

use std::time::{Duration, Instant};

use crate::api::tasks::{self, Line, Verdict};
use crate::fault::{Fault, Kind, Result};
use crate::task::percent::percent;
use crate::task::watch::{Step, Watched};
use crate::transport::Client;

/// The last lines of a log that go into an error.
const TAIL: usize = 20;
/// How much of a log one look fetches.
const CHUNK: u64 = 500;
const FIRST: Duration = Duration::from_millis(100);
const USUAL: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(2);
const LATE_AFTER: Duration = Duration::from_secs(300);

/// How a look at a task went.
pub(super) enum Look {
    Running,
    Ended(Verdict, String),
}

pub(super) struct Poll {
    pub watched: Watched,
    pub due: Instant,
    pub lost_since: Option<Instant>,
    pub tail: Vec<String>,
    started: Instant,
    pause: Duration,
    seen: u64,
    percent: Option<f64>,
}

impl Poll {
    pub(super) fn new(watched: Watched, now: Instant) -> Self {
        Self { watched, due: now, lost_since: None, tail: Vec::new(), started: now, pause: FIRST, seen: 0, percent: None }
    }

    /// Asks for the state, then for what the log has gained: so the lines before the end are never missed.
    pub(super) fn look(&mut self, client: &Client) -> Result<Look> {
        let status = client.get_once(&tasks::status(&self.watched.upid)).map_err(vanished)?;
        // The log is a courtesy while the task runs: without it the verdict still stands.
        let logged = self.read_log(client);
        if let Some(exit) = status.ended() {
            return Ok(Look::Ended(Verdict::of(exit), exit.to_owned()));
        }
        if status.status != "running" {
            return Err(Fault::new(Kind::Host, format!("the host says '{}' without an exit status", status.status)));
        }
        logged?;
        Ok(Look::Running)
    }

    fn read_log(&mut self, client: &Client) -> Result<()> {
        loop {
            let lines: Vec<Line> = client.get_once(&tasks::log(&self.watched.upid, self.seen, CHUNK))?;
            let fresh: Vec<Line> =
                lines.into_iter().filter(|line| line.n > self.seen && !(line.n == 1 && line.t == "no content")).collect();
            let full = fresh.len() as u64 == CHUNK;
            for line in fresh {
                self.seen = line.n;
                self.percent = percent(&self.watched.upid.kind, &line.t).or(self.percent);
                self.tail.push(line.t);
            }
            let extra = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..extra);
            if !full {
                return Ok(());
            }
        }
    }

    pub(super) fn step(&self) -> Step<'_> {
        let last_line = self.tail.iter().rev().map(String::as_str).find(|line| !line.trim().is_empty());
        Step { percent: self.percent, elapsed: self.started.elapsed(), last_line }
    }

    /// When to look again: often at first, then every second, later every two.
    pub(super) fn plan_next(&mut self, now: Instant) {
        self.due = now + self.pause;
        let most = if self.started.elapsed() > LATE_AFTER { LATE } else { USUAL };
        // The pause stays below a fifth of the elapsed time, so that the end of a short task is noticed at once.
        self.pause = (self.started.elapsed() / 5).clamp(FIRST, most);
    }
}

/// A task that the host no longer knows: its end was not seen.
fn vanished(fault: Fault) -> Fault {
    let gone = fault.errors.values().any(|text| text.contains("no such task"));
    if gone { Fault { kind: Kind::Unfinished, ..fault } } else { fault }
}
