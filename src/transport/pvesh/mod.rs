//! API calls with `pvesh` on a node, through ssh or locally: always as root@pam.
//!
//! `pvesh` runs a worker as its foreground child: an interrupt or a lost connection would kill the task, and the exit code is 0 even if the
//! task fails. So a change is started in its own session on the host, its UPID is determined, and only the task's status counts.

mod answer;
mod script;

use std::time::Duration;

use crate::api::tasks::{self, Filter};
use crate::api::{Pace, Reply, Request, Upid, Value};
use crate::exec::{Cmd, Done, Failure};
use crate::fault::{CHECK_FIRST, Fate, Fault, Kind, Result};
use crate::guard::{Permit, redact};
use crate::interrupt::Interrupt;
use crate::routes;
use crate::transport::clock::Clock;
use crate::transport::https::Log;
use crate::transport::ssh::{SshTrouble, ssh_command};
use crate::transport::{Transport, reads_only, ssh};

use script::Ran;

/// Where `pvesh` runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// On a node, through ssh.
    Ssh { host: String },
    /// On this machine.
    Local,
}

/// The API through `pvesh`.
pub struct Pvesh {
    door: Door,
    log: Log,
    clock: Clock,
}

impl Pvesh {
    pub fn new(door: Door, log: Log) -> Self {
        Self { door, log, clock: Clock::default() }
    }

    fn place(&self) -> String {
        match &self.door {
            Door::Ssh { host } => host.clone(),
            Door::Local => "this machine".into(),
        }
    }

    /// Runs a script. The command line is constant; the script is passed on standard input.
    fn run(&self, request: &Request, script: String, stop: &Interrupt) -> Result<Done> {
        let shell = match &self.door {
            Door::Ssh { host } => ssh::multiplexed(ssh_command(host, "exec sh -s")),
            Door::Local => Cmd::new("sh").arg("-s"),
        };
        let begun = std::time::Instant::now();
        let done = shell.stdin(script).timeout(patience(request)).run(stop).map_err(|failure| self.failed(request, &failure))?;
        (self.log)(&format!("{request} through pvesh on {} → {:?} ({} ms)", self.place(), done.code, begun.elapsed().as_millis()));
        Ok(done)
    }

    fn failed(&self, request: &Request, failure: &Failure) -> Fault {
        let kind = match failure {
            Failure::Interrupted(signal) => (*signal).into(),
            Failure::TimedOut(_) => Fate::Unknown.fault(!request.is_read(), "").kind,
            Failure::Start(_) => Kind::Unreachable,
        };
        let program = if self.door == Door::Local { "sh" } else { "ssh" };
        let fault = Fault::new(kind, format!("{request}: {program} to {}: {failure}", self.place()));
        if matches!(failure, Failure::Interrupted(_)) && !request.is_read() {
            return fault.with_hint(CHECK_FIRST);
        }
        fault
    }

    /// Returns the fault if ssh or the shell ended before the script. Once the script has begun, the change may have been made.
    fn broken(&self, request: &Request, done: &Done) -> Fault {
        let text = done.stderr_text();
        let last = redact::text(text.lines().last().unwrap_or("ssh said nothing"));
        let trouble = SshTrouble::read(&text);
        let begun = self.door == Door::Local || Ran::parse(&done.stdout_text()).at > 0;
        let fate = if begun { Fate::Unknown } else { trouble.fate() };
        let fault = fate.fault(!request.is_read(), format!("{request}: ssh to {}: {last}", self.place()));
        let (kind, hint) = match trouble {
            _ if fate == Fate::Unknown => return fault,
            SshTrouble::UnknownHostKey => {
                (Kind::Untrusted, "log in once with ssh and compare the host key; felhom never accepts one by itself")
            }
            SshTrouble::ChangedHostKey => (Kind::Untrusted, "check why the host key changed; `ssh-keygen -R HOST` removes the old key"),
            SshTrouble::Denied => (Kind::Unauthenticated, "check that the key is in the agent and in the host's authorized_keys"),
            SshTrouble::NoSuchHost => (fault.kind, "check the name with `ssh -G HOST`"),
            _ => (fault.kind, "check the connection with `ssh -v HOST true`"),
        };
        Fault { kind, ..fault }.with_hint(hint)
    }

    /// Finds the running task of a change.
    fn find(&self, request: &Request, ran: &Ran, stop: &Interrupt) -> Result<Upid> {
        let found = routes::find(request);
        let node = match &request.path[..] {
            [nodes, node, ..] if nodes == "nodes" => Some(node),
            _ => None,
        };
        let kind = found.as_ref().and_then(|(row, _)| row.task);
        let vmid = found.as_ref().and_then(|(_, bound)| bound.get("vmid").cloned()).or_else(|| request.param("vmid").map(Value::shown));
        let since = ran.at.saturating_sub(1);
        let filter = Filter { since: Some(since), limit: 50, ..Filter::default() };
        // On a busy host, a worker may appear in the list with a delay.
        for attempt in 0..20 {
            if attempt > 0 {
                stop.wait(Duration::from_millis(300)).map_err(|signal| {
                    crate::session::stopped(signal, &format!("{request}: started, and interrupted before its task was found"))
                        .with_hint("check `felhom task list --running` for its task")
                })?;
            }
            // A cluster-wide call runs on the node that received it, which the cluster's list names.
            let list = node.map_or_else(|| tasks::recent().request, |node| tasks::list(node, &filter).request);
            let entries: Vec<tasks::Entry> = self.read(&list, stop)?.read(&list)?;
            let all: Vec<Upid> =
                entries.into_iter().map(|entry| entry.upid).filter(|upid| upid.user == "root@pam" && upid.starttime >= since).collect();
            let by_pid: Vec<&Upid> = all.iter().filter(|upid| ran.workers.contains(&upid.pid)).collect();
            let fits = |upid: &&Upid| {
                kind.is_none_or(|kinds| kinds.split('|').any(|kind| upid.kind == kind)) && vmid.as_ref().is_none_or(|id| upid.id == *id)
            };
            // The worker's process ID on another node is unknown: type, guest and time have to suffice.
            let candidates = if by_pid.is_empty() { all.iter().filter(fits).collect() } else { by_pid };
            match candidates[..] {
                [] => {}
                [upid] => return Ok(upid.clone()),
                _ => {
                    let names: Vec<String> = candidates.iter().map(ToString::to_string).collect();
                    return Err(Fault::new(
                        Kind::Unknown,
                        format!("{request}: started, but {} tasks match: {}", names.len(), names.join(", ")),
                    ));
                }
            }
        }
        Err(Fault::new(Kind::Unknown, format!("{request}: started on {}, but its task is not in the list", self.place())))
    }
}

impl Transport for Pvesh {
    fn read(&self, request: &Request, stop: &Interrupt) -> Result<Reply> {
        reads_only(request)?;
        let done = self.run(request, script::read(request), stop)?;
        match script::end(&done.stderr_text()) {
            Some(end) => {
                self.clock.note(end.at);
                answer::read(request, end.code, &done.stdout_text(), &end.stderr)
            }
            None => Err(self.broken(request, &done)),
        }
    }

    fn write(&self, request: &Request, _permit: &Permit, stop: &Interrupt) -> Result<Reply> {
        if request.attachment().is_some() {
            return Err(Fault::usage("files are uploaded over HTTPS only, and this context connects through pvesh")
                .with_hint("use a context with an endpoint, or copy the file to the node with scp"));
        }
        refuse_secrets(request)?;
        let done = self.run(request, script::write(request), stop)?;
        let Some(end) = script::end(&done.stderr_text()) else { return Err(self.broken(request, &done)) };
        self.clock.note(end.at);
        let ran = Ran::parse(&done.stdout_text());
        match ran.code {
            Some(code) => answer::read(request, code, &ran.stdout, &end.stderr),
            None => self.find(request, &ran, stop).map(|upid| answer::upid(&upid)),
        }
    }

    fn who(&self) -> &'static str {
        "root@pam"
    }

    fn host_time(&self) -> Option<u64> {
        self.clock.now()
    }
}

/// Arguments of `pvesh` are visible in the host's process list.
fn refuse_secrets(request: &Request) -> Result<()> {
    let Some(key) = redact::secret_of(request) else { return Ok(()) };
    Err(Fault::usage(format!("{request}: '{key}' is a secret, and pvesh would show it in the host's process list"))
        .with_hint("use a context with transport = \"https\" for this, or set it in the web interface"))
}

fn patience(request: &Request) -> Duration {
    match request.pace {
        // Starting Perl on a busy node adds to the host's own 30 s.
        Pace::Quick => Duration::from_secs(60),
        Pace::Slow | Pace::Transfer => Duration::from_secs(240),
    }
}
