//! Access to the host: files below a root directory, and a closed list of programs with absolute paths.
//!
//! The released helper only knows the real host. Tests and the demo replace it by a directory with simulated programs; no argument,
//! environment variable or file can.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::exec::{Cmd, Done, Failure};
use crate::fence::protocol::{ErrorKind, HelperError};
use crate::interrupt::Interrupt;

/// `PATH` of the programs; nothing of the caller's environment is passed on.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// Default time limit of a program.
const SHORT: Duration = Duration::from_secs(60);

/// A program that the helper starts.
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

    /// The Debian package to install if the program is missing.
    fn package(self) -> Option<&'static str> {
        match self {
            Self::Smartctl => Some("smartmontools"),
            Self::Sensors => Some("lm-sensors"),
            _ => None,
        }
    }
}

/// Starts programs and accesses devices.
pub trait Tools {
    fn run(&self, tool: Tool, cmd: &Cmd) -> Result<Done, Failure>;
    /// Opens a block device exclusively and closes it. Fails if the kernel uses the device.
    fn claim(&self, device: &str) -> io::Result<()>;
    /// Writes a line to the system journal.
    fn log(&self, line: &str) -> io::Result<()>;
    /// Whether a directory is immutable; `None` if its filesystem does not support the attribute.
    fn immutable(&self, dir: &str) -> Option<bool>;
    /// Returns the size and usage of the filesystem at a mount point.
    fn space(&self, mount_point: &str) -> Option<Space>;
}

/// Size and usage of a filesystem, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub size: u64,
    pub used: u64,
    pub available: u64,
}

/// The programs of this machine.
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

    fn space(&self, mount_point: &str) -> Option<Space> {
        let seen = rustix::fs::statvfs(mount_point).ok()?;
        Some(Space {
            size: seen.f_blocks * seen.f_frsize,
            used: seen.f_blocks.saturating_sub(seen.f_bfree) * seen.f_frsize,
            available: seen.f_bavail * seen.f_frsize,
        })
    }
}

/// The host that the helper acts on.
pub struct Host<'a> {
    root: PathBuf,
    /// Required owner of trusted files: root, except in tests and the demo.
    owner: u32,
    is_root: bool,
    tools: &'a dyn Tools,
}

impl<'a> Host<'a> {
    /// This machine.
    pub fn real(tools: &'a dyn Tools) -> Self {
        Self { root: PathBuf::from("/"), owner: 0, is_root: rustix::process::geteuid().is_root(), tools }
    }

    /// A simulated machine in a directory.
    #[cfg(any(test, feature = "demo"))]
    pub fn simulated(root: impl Into<PathBuf>, is_root: bool, tools: &'a dyn Tools) -> Self {
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

    /// Returns the path of a host file for this process.
    pub fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// Runs a program; the caller checks the exit code.
    pub fn run(&self, tool: Tool, args: &[&str]) -> Result<Done, HelperError> {
        self.run_with(tool, args, Vec::new(), SHORT)
    }

    pub fn run_with(&self, tool: Tool, args: &[&str], stdin: Vec<u8>, limit: Duration) -> Result<Done, HelperError> {
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
                Failure::Start(e) => (ErrorKind::Internal, format!("cannot start {}: {e}", tool.path())),
                Failure::TimedOut(limit) => {
                    (ErrorKind::TimedOut, format!("{} did not end within {} s and was killed", tool.name(), limit.as_secs()))
                }
                Failure::Interrupted(_) => (ErrorKind::Interrupted, format!("interrupted: {} was killed", tool.name())),
            };
            let mut error = HelperError::new(kind, says);
            error.tool = Some(tool.name().to_owned());
            if kind == ErrorKind::ToolMissing {
                error.hint = tool.package().map(|p| format!("run `apt install {p}` on the host"));
            }
            error
        })
    }

    /// Runs a program that must exit with 0.
    pub fn must(&self, tool: Tool, args: &[&str]) -> Result<Done, HelperError> {
        self.must_with(tool, args, Vec::new(), SHORT)
    }

    pub fn must_with(&self, tool: Tool, args: &[&str], stdin: Vec<u8>, limit: Duration) -> Result<Done, HelperError> {
        let done = self.run_with(tool, args, stdin, limit)?;
        if done.ok() { Ok(done) } else { Err(failed(tool, &done)) }
    }
}

/// Returns the error of a failed program, with its message. Its exit code is a field and never becomes the helper's.
pub(super) fn failed(tool: Tool, done: &Done) -> HelperError {
    let mut text = done.stderr_text();
    if text.trim().is_empty() {
        text = done.stdout_text().trim().to_owned();
    }
    let first = text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned();
    let how = match (done.code, done.signal) {
        (Some(code), _) => format!("failed with exit code {code}"),
        (None, signal) => format!("was killed by signal {}", signal.unwrap_or_default()),
    };
    let mut error = HelperError::new(ErrorKind::Tool, format!("{} {how}: {first}", tool.name()));
    error.tool = Some(tool.name().to_owned());
    error.code = done.code;
    error.text = Some(text);
    error
}
