//! Waits for one or more tasks.

use std::thread;
use std::time::{Duration, Instant};

use crate::api::Upid;
use crate::api::tasks::{self, Verdict};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::{Interrupt, Signal};
use crate::task::poll::{Look, Poll};
use crate::task::watch::{Watch, Watched};
use crate::transport::Client;

/// Maximum number of tasks polled at the same time.
const AT_ONCE: usize = 8;

/// Options of a wait.
#[derive(Debug, Clone)]
pub struct Waits {
    /// Return the UPID immediately.
    pub detach: bool,
    /// Stop waiting after this time.
    pub timeout: Option<Duration>,
    /// How long the host may be unreachable.
    pub grace: Duration,
    pub fail_on_warnings: bool,
    /// Stop the task on Ctrl-C.
    pub cancel_on_interrupt: bool,
    /// How long to wait for a locked guest.
    pub lock: Option<Duration>,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            detach: false,
            timeout: None,
            grace: Duration::from_secs(60),
            fail_on_warnings: false,
            cancel_on_interrupt: false,
            lock: None,
        }
    }
}

/// A finished task.
#[derive(Debug, Clone)]
pub struct Ended {
    pub upid: Upid,
    pub verdict: Verdict,
    pub exitstatus: String,
    /// The last lines of its log.
    pub log: Vec<String>,
    /// Lines of its log that report a failure although the task succeeded.
    pub failures: Vec<String>,
}

impl Ended {
    /// Returns the fault of a failed task, with the end of its log.
    pub fn fault(&self, fail_on_warnings: bool) -> Option<Fault> {
        let kind = match &self.verdict {
            Verdict::Ok | Verdict::Warnings(_) if !self.failures.is_empty() => return Some(hidden(&self.upid, &self.failures)),
            Verdict::Ok => return None,
            Verdict::Warnings(_) if !fail_on_warnings => return None,
            Verdict::Warnings(_) => Kind::TaskWarnings,
            Verdict::Failed(text) if crate::api::answer::parse_denial(text).is_some() => Kind::Denied,
            Verdict::Failed(text) if crate::api::answer::kind_of_text(text) == Some(Kind::NoQuorum) => {
                let fault = Fault::new(Kind::NoQuorum, format!("the cluster has no quorum (the task ended with: {text})"));
                return Some(Fault { log: self.log.clone(), exit: Some(Kind::TaskFailed.exit()), ..fault }.with_upid(&self.upid));
            }
            Verdict::Failed(_) => Kind::TaskFailed,
        };
        let mut fault = Fault::new(kind, format!("the task ended with: {}", self.exitstatus)).with_upid(&self.upid);
        fault.log.clone_from(&self.log);
        crate::api::answer::set_denial(&mut fault, &self.exitstatus);
        Some(fault)
    }
}

/// Returns the fault of a task that succeeded although its log reports failures.
pub fn hidden(upid: &Upid, failures: &[String]) -> Fault {
    let first = failures.first().map(String::as_str).unwrap_or_default();
    let fault = Fault::new(Kind::TaskFailed, format!("the task ended with OK, but its log reports a failure: {first}"));
    Fault { log: failures.to_vec(), ..fault }.with_upid(upid)
}

/// Waits for one task.
pub fn wait(client: &Client, task: Watched, waits: &Waits, watch: &dyn Watch, interrupt: &Interrupt) -> Result<Ended> {
    let upid = task.upid.clone();
    wait_all(client, vec![task], waits, watch, interrupt)
        .pop()
        .unwrap_or_else(|| Err(Fault::new(Kind::Unfinished, "no task was given").with_upid(upid)))
}

/// Waits for several tasks. Returns the results in their order.
pub fn wait_all(client: &Client, tasks: Vec<Watched>, waits: &Waits, watch: &dyn Watch, interrupt: &Interrupt) -> Vec<Result<Ended>> {
    let begun = Instant::now();
    let mut polls: Vec<Poll> = tasks.into_iter().map(|task| Poll::new(task, begun)).collect();
    let mut ends: Vec<Option<Result<Ended>>> = polls.iter().map(|_| None).collect();
    polls.iter().for_each(|poll| watch.begin(&poll.watched));
    let stop = interrupt.until(waits.timeout.map(|limit| begun + limit));
    loop {
        let now = Instant::now();
        let mut due: Vec<(usize, &mut Poll)> =
            polls.iter_mut().enumerate().filter(|(i, poll)| ends[*i].is_none() && poll.due <= now).collect();
        for (index, end) in look_at(client, &mut due, &stop, waits, watch) {
            ends[index] = Some(end);
        }
        let Some(next) = polls.iter().enumerate().filter(|(i, _)| ends[*i].is_none()).map(|(_, poll)| poll.due).min() else { break };
        let Err(signal) = stop.wait(next.saturating_duration_since(Instant::now())) else { continue };
        for (poll, end) in polls.iter().zip(&mut ends).filter(|(_, end)| end.is_none()) {
            *end = Some(match signal {
                Signal::Deadline => Err(unfinished(&poll.watched, &format!("no end within {} s", begun.elapsed().as_secs()))),
                signal => given_up(client, &poll.watched, signal, waits, watch),
            });
        }
        break;
    }
    ends.into_iter().flatten().collect()
}

/// Polls the tasks that are due, a few at a time, and schedules the next polls.
fn look_at(
    client: &Client,
    due: &mut [(usize, &mut Poll)],
    stop: &Interrupt,
    waits: &Waits,
    watch: &dyn Watch,
) -> Vec<(usize, Result<Ended>)> {
    let mut ended = Vec::new();
    for some in due.chunks_mut(AT_ONCE) {
        let looks: Vec<Result<Look>> = if let [(_, poll)] = some {
            vec![poll.look(client, stop)]
        } else {
            thread::scope(|scope| {
                let threads: Vec<_> = some.iter_mut().map(|(_, poll)| scope.spawn(|| poll.look(client, stop))).collect();
                threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(Fault::other("a task poll panicked")))).collect()
            })
        };
        for ((index, poll), look) in some.iter_mut().zip(looks) {
            if let Some(end) = settle(poll, look, stop, waits, watch) {
                ended.push((*index, end));
            }
        }
    }
    ended
}

/// Returns the result of the wait, or `None` to continue.
fn settle(poll: &mut Poll, look: Result<Look>, stop: &Interrupt, waits: &Waits, watch: &dyn Watch) -> Option<Result<Ended>> {
    match look {
        Ok(look) => {
            if let Some(since) = poll.lost_since.take() {
                watch.note(&format!("connected to the host again after {} s", since.elapsed().as_secs()));
            }
            watch.step(&poll.watched, &poll.step());
            let Look::Ended(verdict, exitstatus) = look else { return None };
            watch.end(&poll.watched, &exitstatus, verdict.good() && poll.failures.is_empty());
            let (upid, log, failures) = (poll.watched.upid.clone(), poll.tail.clone(), poll.failures.clone());
            Some(Ok(Ended { upid, verdict, exitstatus, log, failures }))
        }
        // The loop ends after this.
        Err(_) if stop.check().is_err() => None,
        Err(fault) if passes(&fault) => {
            let since = *poll.lost_since.get_or_insert_with(|| {
                watch.note(&format!("connection lost ({fault}); retrying for up to {} s, the task continues", waits.grace.as_secs()));
                Instant::now()
            });
            if since.elapsed() >= waits.grace {
                return Some(Err(unfinished(&poll.watched, &format!("connection lost for {} s ({fault})", waits.grace.as_secs()))));
            }
            None
        }
        Err(fault) => Some(Err(unfinished(&poll.watched, &fault.message))),
    }
}

/// Whether a failed poll says nothing about the task.
fn passes(fault: &Fault) -> bool {
    matches!(fault.kind, Kind::Unreachable | Kind::NodeDown | Kind::Unknown | Kind::Host)
}

fn unfinished(task: &Watched, why: &str) -> Fault {
    Fault::new(Kind::Unfinished, format!("the end of the {} was not seen: {why}", task.label))
        .with_hint(format!("run `felhom task wait '{}'` to keep waiting; it may still run on the host", task.upid))
        .with_upid(&task.upid)
}

/// Handles Ctrl-C: leaves the task running, or stops it if requested.
fn given_up(client: &Client, task: &Watched, signal: Signal, waits: &Waits, watch: &dyn Watch) -> Result<Ended> {
    let kind = signal.into();
    if !waits.cancel_on_interrupt {
        return Err(Fault::new(kind, format!("stopped waiting; the {} continues on the host", task.label))
            .with_hint(format!("run `felhom task wait '{0}'` to follow it, `felhom task stop '{0}'` to stop it", task.upid))
            .with_upid(&task.upid));
    }
    watch.note(&format!("stopping the {} on the host", task.label));
    let stopped = stop(client, task);
    let message = match stopped {
        Ok(exit) => format!("the {} was stopped on the host ({exit})", task.label),
        Err(fault) => format!("the {} could not be stopped: {fault}", task.label),
    };
    Err(Fault::new(kind, message).with_hint(format!("run `felhom task show '{}'` to see how it ended", task.upid)).with_upid(&task.upid))
}

/// Stops the task and waits for its end: the host kills a stopped worker within five seconds. A second signal ends the program.
fn stop(client: &Client, task: &Watched) -> Result<String> {
    let calm = Interrupt::never().map_err(|error| Fault::io("wait for the task's end", &error))?;
    let calm = calm.limited(Some(Duration::from_secs(15))).armed();
    crate::guard::stop_task(client, &tasks::stop(&task.upid), &calm)?;
    for _ in 0..50 {
        let status = client.poll(&tasks::status(&task.upid), &calm)?;
        if let Some(exit) = status.ended() {
            return Ok(exit.to_owned());
        }
        let _ = calm.wait(Duration::from_millis(200));
    }
    Err(Fault::new(Kind::Unfinished, "it is still running after ten seconds"))
}
