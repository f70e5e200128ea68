//! The ways in which a change fails, and what felhom has to make of each.

use std::net::TcpListener;

use felhom::demo::faults::{Fault, Trouble};

use super::line::{Line, Means, Task};
use crate::guard::site::{Site, owned};
use crate::support::{Run, Running, eventually, run};

/// Longer than any test waits.
const STALL: u64 = 20_000;

/// A way in which a change fails. Before it, everything is answered.
#[derive(Debug, Clone)]
pub enum Way {
    /// The host does this to every change.
    Https(Trouble),
    /// The host says that it started no task, where one has to be started.
    NoTask,
    /// Nothing answers at this port, or something hangs up.
    Nobody(u16),
    /// ssh cannot connect to the node.
    SshBefore,
    /// ssh breaks off after the change was started on the node.
    SshAfter,
    /// Ctrl-C, before the host answers.
    Sending,
    /// Ctrl-C, while the task runs.
    Waiting,
}

/// What is known of the change afterwards.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    NotSent,
    MayBeDone,
    /// It may be done, and Ctrl-C ended felhom.
    Interrupted,
}

impl Way {
    pub fn all() -> Vec<Self> {
        let refused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cut = TcpListener::bind("127.0.0.1:0").unwrap();
        let cut_port = cut.local_addr().unwrap().port();
        // Accepts and hangs up: the TLS handshake breaks off.
        std::thread::spawn(move || cut.incoming().for_each(drop));
        let status = [502, 504, 408, 595, 596].map(|code| Trouble::Status { code, reason: "Connection timed out".into() });
        let cuts = [0, 5].map(|bytes| Trouble::CutAt { bytes });
        let others = [Trouble::Reset, Trouble::Ignored { body: "<html>".into() }];
        let https = status.into_iter().chain(cuts).chain(others).map(Self::Https);
        let rest =
            [Self::NoTask, Self::Nobody(refused), Self::Nobody(cut_port), Self::SshBefore, Self::SshAfter, Self::Sending, Self::Waiting];
        https.chain(rest).collect()
    }

    /// Whether the line can fail in this way.
    pub fn concerns(&self, line: &Line) -> bool {
        match self {
            Self::SshBefore | Self::SshAfter | Self::Sending => true,
            Self::NoTask => line.task == Task::Always,
            Self::Waiting => line.task != Task::Never,
            Self::Https(_) | Self::Nobody(_) => line.means != Means::Helper,
        }
    }

    fn known(&self) -> Known {
        match self {
            Self::Https(Trouble::Status { code: 595, .. }) | Self::Nobody(_) | Self::SshBefore => Known::NotSent,
            Self::Https(_) | Self::NoTask | Self::SshAfter => Known::MayBeDone,
            Self::Sending | Self::Waiting => Known::Interrupted,
        }
    }

    /// Runs the line while changes fail in this way.
    pub fn run(&self, site: &Site, line: &Line) -> Run {
        let host = &site.host;
        let fail = |trouble: Trouble| host.inject(Fault::new("WRITE", "*", trouble));
        match self {
            Self::Https(trouble) => fail(trouble.clone()),
            Self::NoTask => fail(Trouble::Ignored { body: r#"{"data":null}"#.into() }),
            Self::Sending => fail(Trouble::Silent { ms: STALL }),
            Self::Waiting => fail(Trouble::Ignored { body: format!(r#"{{"data":"{}"}}"#, site.running_task()) }),
            Self::Nobody(_) | Self::SshBefore | Self::SshAfter => {}
        }
        let words = [&line.words[..], &owned(&["-c", "allow"])].concat();
        let sent = site.sent().len();
        let polls = || host.requests().iter().filter(|request| request.path.ends_with("/status") && request.path.contains("UPID")).count();
        let polled = polls();
        let run = match self {
            Self::Nobody(port) => run(site
                .felhom(&line.words)
                .env("FELHOM_ENDPOINT", format!("https://127.0.0.1:{port}"))
                .envs([("FELHOM_TOKEN_ID", "root@pam!demo"), ("FELHOM_TOKEN_SECRET", "x")])
                .env("FELHOM_CA_FILE", host.ca_file())),
            Self::SshBefore => broken(site, "before", &over_ssh(line)),
            Self::SshAfter => broken(site, "after", &over_ssh(line)),
            Self::Sending => {
                site.break_ssh("hang");
                interrupted(site, &words, "it is sent", || site.sent().len() > sent)
            }
            Self::Waiting => interrupted(site, &words, "its task is looked at", || polls() > polled),
            Self::Https(_) | Self::NoTask => run(&mut site.felhom(&words)),
        };
        host.clear_faults();
        site.break_ssh("");
        run
    }

    /// What is wrong with a run and what it sent.
    pub fn wrong(&self, line: &Line, run: &Run, sent: &[String]) -> Option<String> {
        let reached = !matches!(self, Self::Nobody(_) | Self::SshBefore);
        let counts = if reached { 1..=line.targets } else { 0..=0 };
        if !counts.contains(&sent.len()) {
            return Some(format!("sent {sent:?}"));
        }
        let says = |text: &str| run.stderr.contains(text);
        let (code, hint) = match self.known() {
            Known::NotSent => (9, !says("before you try again")),
            Known::MayBeDone => (10, says("before you try again") && !says("safe to")),
            Known::Interrupted if matches!(self, Self::Waiting) => (130, says("felhom task wait 'UPID:")),
            Known::Interrupted => (130, says("before you try again")),
        };
        // A target that had nothing to change makes it a part.
        let ends = run.code == code || (run.code == 7 && run.stdout.contains("unchanged"));
        (!ends || !hint).then(|| format!("not exit {code} with its hint"))
    }
}

/// The line in a context that goes over ssh; an administrator's flags are replaced.
fn over_ssh(line: &Line) -> Vec<String> {
    let (words, context): (Vec<String>, _) = match line.means {
        Means::Api => (line.words.clone(), "over"),
        Means::Helper => (line.words.clone(), "allow"),
        Means::Admin => {
            let at = line.words.iter().position(|word| word == "--admin-token").expect("an administrator's token");
            let mut words = line.words.clone();
            words.splice(at..at + 4, owned(&["--via", "ssh"]));
            (words, "allow")
        }
    };
    [words, owned(&["-c", context])].concat()
}

fn broken(site: &Site, way: &str, words: &[String]) -> Run {
    site.break_ssh(way);
    run(&mut site.felhom(words))
}

/// Starts the line and presses Ctrl-C as soon as it is so.
fn interrupted(site: &Site, words: &[String], what: &str, so: impl FnMut() -> bool) -> Run {
    let running = Running::start(&site.env(), words);
    eventually(what, so);
    running.interrupt();
    running.end()
}
