//! The only file that starts a process.
//!
//! Children get an allow-listed environment, their own process group, a time limit and a cap on what they may print.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::interrupt::{Interrupt, Signal};

/// What a child may inherit: what ssh, an agent, a password manager or an editor needs, and nothing of ours.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERM",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "SSH_ASKPASS_REQUIRE",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "GPG_TTY",
    "PASSWORD_STORE_DIR",
];

/// A program to run: its words, never a shell line.
#[derive(Debug, Clone)]
pub struct Cmd {
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    clear: bool,
    stdin: Vec<u8>,
    dir: Option<PathBuf>,
    timeout: Duration,
    cap: usize,
}

/// What came of it. The exit code alone never means success for ssh and sudo: callers look at stdout too.
#[derive(Debug, Clone)]
pub struct Done {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// More was printed than the cap; the rest was read and dropped.
    pub cut: bool,
}

impl Done {
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim_end().to_owned()
    }
}

/// Why there is no result.
#[derive(Debug)]
pub enum Failure {
    /// It could not be started; `NotFound` where there is no such program.
    Start(std::io::Error),
    /// It was killed at its time limit.
    TimedOut(Duration),
    /// A signal came while it ran; it was killed.
    Interrupted(Signal),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(e) if e.kind() == std::io::ErrorKind::NotFound => f.write_str("no such program"),
            Self::Start(e) => write!(f, "{e}"),
            Self::TimedOut(limit) => write!(f, "no end after {} s", limit.as_secs()),
            Self::Interrupted(_) => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Failure {}

impl Cmd {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: BTreeMap::new(),
            clear: false,
            stdin: Vec::new(),
            dir: None,
            timeout: Duration::from_secs(60),
            cap: 64 << 20,
        }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Puts words before all others: options must stand before the destination.
    #[must_use]
    pub fn options_first<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, options: I) -> Self {
        self.args.splice(0..0, options.into_iter().map(|o| o.as_ref().to_owned()));
        self
    }

    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Inherits nothing at all: for what runs as root.
    #[must_use]
    pub fn clear_env(mut self) -> Self {
        self.clear = true;
        self
    }

    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    #[must_use]
    pub fn dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.dir = Some(dir.into());
        self
    }

    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// At most this many bytes of each of its outputs are kept.
    #[must_use]
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    /// The words, for messages and tests; secrets are never among them.
    pub fn words(&self) -> Vec<String> {
        std::iter::once(&self.program).chain(&self.args).map(|w| w.to_string_lossy().into_owned()).collect()
    }

    /// What it is fed, for what pretends to be it.
    pub fn input(&self) -> &[u8] {
        &self.stdin
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        if !self.clear {
            command.envs(INHERITED.iter().filter_map(|name| std::env::var_os(name).map(|value| (*name, value))));
        }
        command.envs(&self.env);
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    /// Runs it to its end with piped stdin, stdout and stderr.
    pub fn run(&self, interrupt: &Interrupt) -> Result<Done, Failure> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        let mut child = command.spawn().map_err(Failure::Start)?;
        let feed = feed(&mut child, self.stdin.clone());
        let out = drain(child.stdout.take(), self.cap);
        let err = drain(child.stderr.take(), self.cap);
        let status = wait(&mut child, self.timeout, interrupt);
        if status.is_err() {
            kill_group(&mut child);
        }
        let status = status?;
        let _ = feed.join();
        let (stdout, cut_out) = out.join().unwrap_or_default();
        let (stderr, cut_err) = err.join().unwrap_or_default();
        Ok(Done { code: status.code(), signal: status.signal(), stdout, stderr, cut: cut_out || cut_err })
    }

    /// Runs it with this terminal as its own: an editor, a console.
    pub fn interactive(&self) -> Result<Done, Failure> {
        let status = self.command().status().map_err(Failure::Start)?;
        Ok(Done { code: status.code(), signal: status.signal(), stdout: Vec::new(), stderr: Vec::new(), cut: false })
    }

    /// Starts it and leaves it alone: it outlives this program and hears nothing of its signals.
    pub fn detach(&self) -> Result<u32, Failure> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0);
        command.spawn().map(|child| child.id()).map_err(Failure::Start)
    }

    /// Becomes it. Comes back only where that failed.
    pub fn replace(&self) -> Failure {
        Failure::Start(self.command().exec())
    }
}

fn feed(child: &mut Child, bytes: Vec<u8>) -> JoinHandle<()> {
    let pipe = child.stdin.take();
    thread::spawn(move || {
        if let Some(mut pipe) = pipe {
            // A child that does not read its input is not an error: what it prints decides.
            let _ = pipe.write_all(&bytes);
        }
    })
}

fn drain(pipe: Option<impl Read + Send + 'static>, cap: usize) -> JoinHandle<(Vec<u8>, bool)> {
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut cut = false;
        let Some(mut pipe) = pipe else { return (kept, cut) };
        let mut chunk = [0_u8; 16 << 10];
        while let Ok(n) = pipe.read(&mut chunk) {
            if n == 0 {
                break;
            }
            let room = cap.saturating_sub(kept.len()).min(n);
            kept.extend_from_slice(&chunk[..room]);
            cut |= room < n;
        }
        (kept, cut)
    })
}

fn wait(child: &mut Child, limit: Duration, interrupt: &Interrupt) -> Result<std::process::ExitStatus, Failure> {
    let start = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::Start)? {
            return Ok(status);
        }
        if start.elapsed() >= limit {
            return Err(Failure::TimedOut(limit));
        }
        interrupt.wait(pause).map_err(Failure::Interrupted)?;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// Kills what was started and what that started in turn.
fn kill_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet() -> Interrupt {
        Interrupt::never().expect("a socket pair")
    }

    #[test]
    fn feeds_stdin_and_keeps_the_streams_apart() {
        let done = Cmd::new("sh").args(["-c", "cat; echo no >&2; exit 3"]).stdin("yes").run(&quiet()).expect("sh runs");
        assert_eq!((done.code, done.stdout_text().as_str(), done.stderr_text().as_str()), (Some(3), "yes", "no"));
    }

    #[test]
    fn inherits_only_the_allow_list() {
        let done = Cmd::new("env").env("GIVEN", "1").run(&quiet()).expect("env runs");
        for line in done.stdout_text().lines() {
            let name = line.split('=').next().unwrap_or_default();
            assert!(name == "GIVEN" || INHERITED.contains(&name), "{name} reached the child");
        }
    }

    #[test]
    fn kills_the_whole_group_at_the_limit() {
        let start = Instant::now();
        let end = Cmd::new("sh").args(["-c", "sleep 60 & sleep 60"]).timeout(Duration::from_millis(50)).run(&quiet());
        assert!(matches!(end, Err(Failure::TimedOut(_))), "{end:?}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn says_when_there_is_no_such_program() {
        let end = Cmd::new("felhom-no-such-program").run(&quiet());
        assert_eq!(end.expect_err("it is not there").to_string(), "no such program");
    }
}
