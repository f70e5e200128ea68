//! The only file that starts processes.
//!
//! Children get an allow-listed environment, their own process group, a time limit and an output limit.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::interrupt::{Interrupt, Signal};

/// Environment variables for children: those of ssh, agents, password managers and editors, none of felhom's.
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

/// A program with its arguments; never a shell line.
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

/// The result of a program. For ssh and sudo, exit code 0 alone does not mean success: callers check stdout too.
#[derive(Debug, Clone)]
pub struct Done {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Whether output beyond the limit was dropped.
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
    /// The program could not be started; `NotFound` if it does not exist.
    Start(std::io::Error),
    /// The program was killed at its time limit.
    TimedOut(Duration),
    /// A signal arrived, and the program was killed.
    Interrupted(Signal),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(e) if e.kind() == ErrorKind::NotFound => f.write_str("no such program"),
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

    /// Inserts arguments before all others: options must precede the destination.
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

    /// Inherits no environment variables, for programs that run as root.
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

    /// Keeps at most this many bytes of each output.
    #[must_use]
    pub fn cap(mut self, bytes: usize) -> Self {
        self.cap = bytes;
        self
    }

    /// Returns the arguments for messages and tests. They never contain secrets.
    pub fn words(&self) -> Vec<String> {
        std::iter::once(&self.program).chain(&self.args).map(|w| w.to_string_lossy().into_owned()).collect()
    }

    /// Returns the standard input, for tests that simulate the program.
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

    /// Runs the program with piped stdin, stdout and stderr. Kills its process group at the time limit or on a signal.
    pub fn run(&self, interrupt: &Interrupt) -> Result<Done, Failure> {
        let mut command = self.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0);
        let mut child = command.spawn().map_err(Failure::Start)?;
        let mut pipes = Pipes::of(&mut child, &self.stdin, self.cap);
        match finish(&mut child, &mut pipes, self.timeout, &interrupt.armed()) {
            Ok(status) => Ok(pipes.done(status)),
            Err(failure) => {
                kill_group(&mut child);
                Err(failure)
            }
        }
    }

    /// Runs the program on this terminal: an editor, a console.
    pub fn interactive(&self) -> Result<Done, Failure> {
        let status = self.command().status().map_err(Failure::Start)?;
        Ok(Done { code: status.code(), signal: status.signal(), stdout: Vec::new(), stderr: Vec::new(), cut: false })
    }

    /// Starts the program in the background, unaffected by felhom's end and signals.
    pub fn detach(&self) -> Result<u32, Failure> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.process_group(0);
        command.spawn().map(|child| child.id()).map_err(Failure::Start)
    }

    /// Replaces this process by the program. Returns only on failure.
    pub fn replace(&self) -> Failure {
        Failure::Start(self.command().exec())
    }
}

/// How long the output of a finished child may stay open. A process that it left behind may keep the pipes for hours.
const LINGER: Duration = Duration::from_millis(300);

/// Reads and writes the pipes until the child has exited and its output is complete.
fn finish(child: &mut Child, pipes: &mut Pipes<'_>, limit: Duration, interrupt: &Interrupt) -> Result<ExitStatus, Failure> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(1);
    let mut exited: Option<(ExitStatus, Instant)> = None;
    let mut moved = true;
    loop {
        if exited.is_none() {
            exited = child.try_wait().map_err(Failure::Start)?.map(|status| (status, Instant::now()));
        }
        if let Some((status, since)) = exited
            && (pipes.at_end() || (!moved && since.elapsed() >= LINGER))
        {
            return Ok(status);
        }
        if begun.elapsed() >= limit {
            return Err(Failure::TimedOut(limit));
        }
        moved = pipes.serve(pause, interrupt).map_err(|signal| match signal {
            Signal::Deadline => Failure::TimedOut(begun.elapsed()),
            signal => Failure::Interrupted(signal),
        })?;
        pause = if moved { Duration::from_millis(1) } else { (pause * 2).min(Duration::from_millis(20)) };
    }
}

/// felhom's ends of a child's pipes, all non-blocking.
struct Pipes<'a> {
    stdin: Option<ChildStdin>,
    unsent: &'a [u8],
    stdout: Output<ChildStdout>,
    stderr: Output<ChildStderr>,
}

struct Output<P> {
    /// `None` at the end of the output.
    pipe: Option<P>,
    kept: Vec<u8>,
    cap: usize,
    cut: bool,
}

impl<'a> Pipes<'a> {
    fn of(child: &mut Child, input: &'a [u8], cap: usize) -> Self {
        let stdin = child.stdin.take();
        if let Some(pipe) = &stdin {
            let _ = rustix::io::ioctl_fionbio(pipe, true);
        }
        Self { stdin, unsent: input, stdout: Output::of(child.stdout.take(), cap), stderr: Output::of(child.stderr.take(), cap) }
    }

    fn at_end(&self) -> bool {
        self.stdout.pipe.is_none() && self.stderr.pipe.is_none()
    }

    /// Waits for one of the pipes. Returns true if data was transferred.
    fn serve(&mut self, pause: Duration, interrupt: &Interrupt) -> Result<bool, Signal> {
        if self.unsent.is_empty() {
            self.stdin = None;
        }
        let waits: Vec<PollFd<'_>> = [
            self.stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)),
            self.stdout.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
            self.stderr.pipe.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)),
        ]
        .into_iter()
        .flatten()
        .collect();
        interrupt.wait_for(waits, pause)?;
        let fed = self.feed();
        Ok(self.stdout.drain() | self.stderr.drain() | fed)
    }

    fn feed(&mut self) -> bool {
        let Some(pipe) = &mut self.stdin else { return false };
        match pipe.write(self.unsent) {
            Ok(n) => {
                self.unsent = &self.unsent[n..];
                true
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => false,
            // A child that does not read its input is not an error: its output decides.
            Err(_) => {
                self.stdin = None;
                false
            }
        }
    }

    fn done(self, status: ExitStatus) -> Done {
        let cut = self.stdout.cut || self.stderr.cut;
        Done { code: status.code(), signal: status.signal(), stdout: self.stdout.kept, stderr: self.stderr.kept, cut }
    }
}

impl<P: Read + AsFd> Output<P> {
    fn of(pipe: Option<P>, cap: usize) -> Self {
        if let Some(pipe) = &pipe {
            let _ = rustix::io::ioctl_fionbio(pipe, true);
        }
        Self { pipe, kept: Vec::new(), cap, cut: false }
    }

    /// Reads one chunk, if available.
    fn drain(&mut self) -> bool {
        let mut chunk = [0_u8; 16 << 10];
        let Some(pipe) = &mut self.pipe else { return false };
        match pipe.read(&mut chunk) {
            Ok(n) if n > 0 => {
                let room = self.cap.saturating_sub(self.kept.len()).min(n);
                self.kept.extend_from_slice(&chunk[..room]);
                self.cut |= room < n;
                true
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => false,
            _ => {
                self.pipe = None;
                true
            }
        }
    }
}

/// Kills the child and its process group.
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
    fn a_descendant_that_keeps_stdout_open_delays_neither_the_result_nor_the_time_limit() {
        let begun = Instant::now();
        // In its own session, which killing the group does not reach.
        let done = Cmd::new("sh").args(["-c", "setsid sleep 20 & echo secret"]).run(&quiet()).expect("sh runs");
        assert_eq!((done.code, done.stdout_text().as_str()), (Some(0), "secret\n"));
        let limit = Duration::from_millis(50);
        let end = Cmd::new("sh").args(["-c", "setsid sleep 20 & sleep 20"]).timeout(limit).run(&quiet());
        assert!(matches!(end, Err(Failure::TimedOut(_))), "{end:?}");
        let end = Cmd::new("sh").args(["-c", "setsid sleep 20 & sleep 20"]).run(&quiet().limited(Some(limit)));
        assert!(matches!(end, Err(Failure::TimedOut(_))), "{end:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_child_that_never_reads_its_input_does_not_block() {
        let done = Cmd::new("sh").args(["-c", "exec <&-; yes | head -c 300000; exit 4"]).stdin(vec![b'x'; 1 << 20]).cap(100);
        let done = done.run(&quiet()).expect("sh runs");
        assert_eq!((done.code, done.stdout.len(), done.cut), (Some(4), 100, true));
    }

    #[test]
    fn says_when_there_is_no_such_program() {
        let end = Cmd::new("felhom-no-such-program").run(&quiet());
        assert_eq!(end.expect_err("it is not there").to_string(), "no such program");
    }
}
