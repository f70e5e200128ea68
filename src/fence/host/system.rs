//! The host as the helper sees it: files under a root, and a closed list of tools at absolute paths.
//!
//! The shipped helper knows the real host alone. Tests and the demo put a directory and pretended tools in its place; no
//! argument, environment or file can.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::exec::{Cmd, Done, Failure};
use crate::fence::protocol::{ErrorKind, Trouble};
use crate::interrupt::Interrupt;

/// What tools may see of the environment: nothing of the caller's.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a tool may take that has no reason to take long.
const SHORT: Duration = Duration::from_secs(60);

/// Every program that the helper starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Lsblk,
    Findmnt,
    Systemctl,
    Journalctl,
    Mount,
    Umount,
    Chattr,
    Smartctl,
    Sensors,
    Pct,
}

impl Tool {
    pub fn path(self) -> &'static str {
        match self {
            Self::Lsblk => "/usr/bin/lsblk",
            Self::Findmnt => "/usr/bin/findmnt",
            Self::Systemctl => "/usr/bin/systemctl",
            Self::Journalctl => "/usr/bin/journalctl",
            Self::Mount => "/usr/bin/mount",
            Self::Umount => "/usr/bin/umount",
            Self::Chattr => "/usr/bin/chattr",
            Self::Smartctl => "/usr/sbin/smartctl",
            Self::Sensors => "/usr/bin/sensors",
            Self::Pct => "/usr/sbin/pct",
        }
    }

    pub fn name(self) -> &'static str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// The Debian package that brings it, where a host may lack it.
    fn package(self) -> Option<&'static str> {
        match self {
            Self::Smartctl => Some("smartmontools"),
            Self::Sensors => Some("lm-sensors"),
            _ => None,
        }
    }
}

/// How tools are started and devices tried.
pub trait Tools {
    fn run(&self, tool: Tool, cmd: &Cmd) -> Result<Done, Failure>;
    /// Opens a block device exclusively and closes it again: fails where anything in the kernel holds it.
    fn claim(&self, device: &str) -> io::Result<()>;
    /// Writes one line to the system's journal.
    fn log(&self, line: &str) -> io::Result<()>;
    /// Whether a directory has the immutable attribute; `None` where its filesystem has no such attribute.
    fn immutable(&self, dir: &str) -> Option<bool>;
    /// How much fits onto the filesystem at a place.
    fn space(&self, place: &str) -> Option<Space>;
}

/// The room on a filesystem, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub size: u64,
    pub used: u64,
    pub available: u64,
}

/// The real tools.
#[derive(Debug)]
pub struct Real {
    pub interrupt: Interrupt,
}

impl Tools for Real {
    fn run(&self, _: Tool, cmd: &Cmd) -> Result<Done, Failure> {
        cmd.run(&self.interrupt)
    }

    fn claim(&self, device: &str) -> io::Result<()> {
        use rustix::fs::{Mode, OFlags, open};
        open(device, OFlags::RDONLY | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty()).map(drop).map_err(io::Error::from)
    }

    fn log(&self, line: &str) -> io::Result<()> {
        super::audit::send(line)
    }

    fn immutable(&self, dir: &str) -> Option<bool> {
        use rustix::fs::{IFlags, Mode, OFlags, ioctl_getflags, open};
        let file = open(dir, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()).ok()?;
        ioctl_getflags(file).ok().map(|flags| flags.contains(IFlags::IMMUTABLE))
    }

    fn space(&self, place: &str) -> Option<Space> {
        let seen = rustix::fs::statvfs(place).ok()?;
        Some(Space {
            size: seen.f_blocks * seen.f_frsize,
            used: seen.f_blocks.saturating_sub(seen.f_bfree) * seen.f_frsize,
            available: seen.f_bavail * seen.f_frsize,
        })
    }
}

/// The host that is acted on.
pub struct Host<'a> {
    root: PathBuf,
    /// Who must own what is trusted: root, but for tests.
    owner: u32,
    is_root: bool,
    tools: &'a dyn Tools,
}

impl<'a> Host<'a> {
    /// This machine.
    pub fn real(tools: &'a dyn Tools) -> Self {
        Self { root: PathBuf::from("/"), owner: 0, is_root: rustix::process::geteuid().is_root(), tools }
    }

    /// A pretended machine in a directory.
    #[cfg(any(test, feature = "demo"))]
    pub fn pretended(root: impl Into<PathBuf>, is_root: bool, tools: &'a dyn Tools) -> Self {
        Self { root: root.into(), owner: rustix::process::geteuid().as_raw(), is_root, tools }
    }

    pub fn is_root(&self) -> bool {
        self.is_root
    }

    pub fn owner(&self) -> u32 {
        self.owner
    }

    pub fn tools(&self) -> &dyn Tools {
        self.tools
    }

    /// A path of the host as this process reaches it.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// Runs a tool; its exit code is the caller's to judge.
    pub fn run(&self, tool: Tool, args: &[&str]) -> Result<Done, Trouble> {
        self.run_with(tool, args, Vec::new(), SHORT)
    }

    pub fn run_with(&self, tool: Tool, args: &[&str], stdin: Vec<u8>, limit: Duration) -> Result<Done, Trouble> {
        let cmd = Cmd::new(tool.path())
            .args(args)
            .clear_env()
            .env("PATH", PATH)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", "/root")
            .dir("/")
            .stdin(stdin)
            .cap(8 << 20)
            .timeout(limit);
        self.tools.run(tool, &cmd).map_err(|failure| {
            let (kind, says) = match &failure {
                Failure::Start(e) if e.kind() == io::ErrorKind::NotFound => {
                    (ErrorKind::ToolMissing, format!("{} is not installed on the host", tool.name()))
                }
                Failure::Start(e) => (ErrorKind::Internal, format!("{} could not be started: {e}", tool.path())),
                Failure::TimedOut(limit) => {
                    (ErrorKind::TimedOut, format!("{} had no end after {} s and was killed", tool.name(), limit.as_secs()))
                }
                Failure::Interrupted(_) => (ErrorKind::Interrupted, format!("interrupted: {} was killed", tool.name())),
            };
            let mut trouble = Trouble::new(kind, says);
            trouble.tool = Some(tool.name().to_owned());
            if kind == ErrorKind::ToolMissing {
                trouble.hint = tool.package().map(|p| format!("`apt install {p}` on the host"));
            }
            trouble
        })
    }

    /// Runs a tool that must end with 0.
    pub fn must(&self, tool: Tool, args: &[&str]) -> Result<Done, Trouble> {
        self.must_with(tool, args, Vec::new(), SHORT)
    }

    pub fn must_with(&self, tool: Tool, args: &[&str], stdin: Vec<u8>, limit: Duration) -> Result<Done, Trouble> {
        let done = self.run_with(tool, args, stdin, limit)?;
        if done.ok() { Ok(done) } else { Err(failed(tool, &done)) }
    }
}

/// A tool's failure in its own words. Its exit code is a field: it never becomes ours.
pub(super) fn failed(tool: Tool, done: &Done) -> Trouble {
    let mut text = done.stderr_text();
    if text.trim().is_empty() {
        text = done.stdout_text().trim().to_owned();
    }
    let first = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned();
    let how = match (done.code, done.signal) {
        (Some(code), _) => format!("ended with {code}"),
        (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
    };
    let mut trouble = Trouble::new(ErrorKind::Tool, format!("{} {how}: {first}", tool.name()));
    trouble.tool = Some(tool.name().to_owned());
    trouble.code = done.code;
    trouble.text = Some(text);
    trouble
}
