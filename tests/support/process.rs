//! Running the binary, to its end or for as long as a test needs it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use assert_cmd::Command;
use serde_json::Value;

/// What a command did.
#[derive(Debug, Clone)]
pub struct Run {
    /// 128 + N for one that signal N ended.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end; one that hangs is ended after a minute.
pub fn run(command: &mut Command) -> Run {
    let output = command.timeout(Duration::from_secs(60)).output().unwrap();
    Run {
        code: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a command with this on its standard input.
pub fn run_with(command: &mut Command, stdin: &str) -> Run {
    run(command.write_stdin(stdin.to_owned()))
}

fn code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

impl Run {
    /// It succeeded, without an error or a hint on stderr.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{self}");
        assert!(!self.stderr.contains("error:"), "{self}");
        self
    }

    /// It ended with this code, which is no success.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// stdout is this JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|why| panic!("stdout is no JSON: {why}\n{self}"))
    }

    /// stdout, line by line.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout.lines().collect()
    }

    /// The error object, the last line of stderr; its exit code is the command's.
    #[track_caller]
    pub fn error(&self) -> Value {
        let last = self.stderr.lines().last().unwrap_or_default();
        let all: Value = serde_json::from_str(last).unwrap_or_else(|why| panic!("stderr ends in no JSON: {why}\n{self}"));
        assert_eq!(all["error"]["exit"], self.code, "{self}");
        all["error"].clone()
    }

    /// stderr holds this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "stderr does not say '{text}'\n{self}");
        self
    }

    /// stdout holds this.
    #[track_caller]
    pub fn shows(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "stdout does not show '{text}'\n{self}");
        self
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr)
    }
}

/// The binary while it runs. Dropped, it is ended.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
    stdout: Option<JoinHandle<String>>,
}

impl Running {
    /// Starts the binary with this environment and no other.
    pub fn start<S: AsRef<OsStr>>(env: &[(String, String)], args: impl IntoIterator<Item = S>) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the binary under test is started here while the test goes on")]
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_felhom"));
        command.env_clear().envs(env.iter().cloned()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || stderr.lines().map_while(Result::ok).all(|line| tell.send(line).is_ok()));
        let mut pipe = child.stdout.take().unwrap();
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text);
            text
        });
        Self { child, lines, said: Vec::new(), stdout: Some(stdout) }
    }

    /// Waits until a line of stderr holds this.
    #[track_caller]
    pub fn until_said(&mut self, text: &str) -> String {
        let limit = Instant::now() + Duration::from_secs(20);
        loop {
            match self.lines.recv_timeout(limit.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("stderr never said '{text}'; it said:\n{}", self.said.join("\n")),
            }
        }
    }

    pub fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    pub fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end, at most 30 s.
    #[track_caller]
    pub fn end(mut self) -> Run {
        eventually("the command ends", || !self.is_running());
        let status = self.child.wait().unwrap();
        let stdout = self.stdout.take().unwrap().join().unwrap();
        self.said.extend(self.lines.iter());
        let stderr = self.said.iter().map(|line| format!("{line}\n")).collect();
        Run { code: code(status), stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again until it is so; fails after 30 s.
#[track_caller]
pub fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        pause(20);
    }
}

/// Waits a little.
pub(super) fn pause(ms: u64) {
    let calm = felhom::interrupt::Interrupt::never().unwrap();
    let _ = calm.wait(Duration::from_millis(ms));
}
