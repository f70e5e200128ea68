//! The state of one task between two polls.

use std::time::{Duration, Instant};

use crate::api::tasks::{self, Line, Verdict};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::Interrupt;
use crate::task::percent::percent;
use crate::task::watch::{Step, Watched};
use crate::transport::Client;

/// The last lines of a log that go into an error.
const TAIL: usize = 20;
/// How many lines of a running task's log one request fetches.
const CHUNK: u64 = 500;
const FIRST: Duration = Duration::from_millis(40);
/// Time between two requests about a task that has not run longer than `SHORT`: five a second.
const OFTEN: Duration = Duration::from_millis(200);
const SHORT: Duration = Duration::from_secs(30);
const LATE: Duration = Duration::from_secs(2);
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The result of a poll.
pub(super) enum Look {
    Running,
    Ended(Verdict, String),
}

pub(super) struct Poll {
    pub watched: Watched,
    pub due: Instant,
    pub lost_since: Option<Instant>,
    pub tail: Vec<String>,
    /// Lines of the log that report a failure although the exit status does not.
    pub failures: Vec<String>,
    started: Instant,
    log_read: Instant,
    seen: u64,
    percent: Option<f64>,
}

impl Poll {
    pub(super) fn new(watched: Watched, now: Instant) -> Self {
        Self {
            watched,
            due: now + FIRST,
            lost_since: None,
            tail: Vec::new(),
            failures: Vec::new(),
            started: now,
            log_read: now,
            seen: 0,
            percent: None,
        }
    }

    /// Polls the task. For a short task, each poll is one request: for its status, or once a second for its log, whose last line
    /// also shows the end.
    pub(super) fn look(&mut self, client: &Client, stop: &Interrupt) -> Result<Look> {
        let now = Instant::now();
        let elapsed = now - self.started;
        self.due = now + pause(elapsed);
        if now - self.log_read >= LOG_EVERY {
            let lines = self.read_log(client, CHUNK, stop)?;
            // After a full chunk, the next poll reads the rest.
            if (lines as u64) < CHUNK {
                self.log_read = now;
            }
            if elapsed <= SHORT + LOG_EVERY && !self.tail.last().is_some_and(|line| closes(line)) {
                return Ok(Look::Running);
            }
        }
        let status = client.poll(&tasks::status(&self.watched.upid), stop).map_err(vanished)?;
        match status.ended() {
            Some(exit) => {
                // The result is known even if the end of the log is missing. A limit of 0 means no limit.
                let _ = self.read_log(client, 0, stop);
                Ok(Look::Ended(Verdict::of(exit), exit.to_owned()))
            }
            None if status.status == "running" => Ok(Look::Running),
            None => Err(Fault::new(Kind::Host, format!("the host says '{}' without an exit status", status.status))),
        }
    }

    /// Reads the log from the first unread line on. Returns the number of new lines.
    fn read_log(&mut self, client: &Client, limit: u64, stop: &Interrupt) -> Result<usize> {
        let lines: Vec<Line> = client.poll(&tasks::log(&self.watched.upid, self.seen, limit), stop)?;
        let seen = self.seen;
        let fresh = lines.into_iter().filter(|line| line.n > seen && !(line.n == 1 && line.t == "no content"));
        let before = self.tail.len();
        let hides = tasks::hides_failures(&self.watched.upid.kind);
        for line in fresh {
            self.seen = line.n;
            self.percent = percent(&self.watched.upid.kind, &line.t).or(self.percent);
            if hides && line.t.contains("failed") && !closes(&line.t) {
                self.failures.push(line.t.clone());
            }
            self.tail.push(line.t);
        }
        let count = self.tail.len() - before;
        let extra = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..extra);
        Ok(count)
    }

    pub(super) fn step(&self) -> Step<'_> {
        let last_line = self.tail.iter().rev().map(String::as_str).find(|line| !line.trim().is_empty());
        Step { percent: self.percent, elapsed: self.started.elapsed(), last_line }
    }
}

/// Time between two polls: 0.2 s for tasks of up to 30 s, then 2 % of the run time, so that the end is noticed soon.
fn pause(elapsed: Duration) -> Duration {
    if elapsed <= SHORT { OFTEN } else { (elapsed / 50).min(LATE) }
}

/// Whether a line is the last one that a worker writes.
fn closes(line: &str) -> bool {
    line == "TASK OK" || line.starts_with("TASK WARNINGS: ") || line.starts_with("TASK ERROR: ")
}

/// The host no longer knows the task, so its result is unknown.
fn vanished(fault: Fault) -> Fault {
    let gone = fault.errors.values().any(|text| text.contains("no such task"));
    if gone { Fault { kind: Kind::Unfinished, ..fault } } else { fault }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_task_is_noticed_in_time_with_at_most_five_requests_a_second() {
        let (mut at, mut log_read, mut sent) = (FIRST, Duration::ZERO, Vec::new());
        while at < Duration::from_secs(7200) {
            let short = at <= SHORT;
            let log = at - log_read >= LOG_EVERY;
            if log {
                log_read = at;
            }
            sent.extend(std::iter::repeat_n(at, if log && at > SHORT + LOG_EVERY { 2 } else { 1 }));
            let allowed = if short { Duration::from_millis(200) } else { Duration::from_secs(1).max(at / 50) };
            assert!(pause(at) <= allowed, "{:?} between looks after {at:?}", pause(at));
            at += pause(at);
        }
        let second = Duration::from_secs(1);
        for (i, first) in sent.iter().enumerate() {
            let within = sent[i..].iter().take_while(|other| **other - *first < second).count();
            assert!(within <= 5, "{within} requests in the second after {first:?}");
        }
        assert!(closes("TASK ERROR: job errors") && !closes("INFO: TASK OK"));
    }
}
