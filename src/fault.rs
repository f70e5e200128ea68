//! The error type: exit code, hint and JSON error object.

use std::collections::BTreeMap;
use std::fmt;

/// Kinds of errors. Each has one exit code and a default hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong or incomplete.
    Config,
    /// Refused by felhom, or declined at the prompt.
    Refused,
    /// Not authenticated (401).
    Unauthenticated,
    /// Permission denied (403, also inside a task).
    Denied,
    NotFound,
    /// The object to create already exists.
    Exists,
    /// The object was changed in the meantime (digest mismatch).
    Conflict,
    /// The guest is locked.
    Locked,
    /// The host refused a parameter (400).
    BadParameter,
    /// The host does not have this call (501).
    NotImplemented,
    /// The cluster has no quorum, so nothing can be changed.
    NoQuorum,
    /// A task failed.
    TaskFailed,
    /// A task ended with warnings, and `--fail-on-warnings` was given.
    TaskWarnings,
    /// Some of several targets failed.
    Partial,
    /// A task still runs, or its result is unknown.
    Unfinished,
    /// No connection; no request was sent.
    Unreachable,
    /// The certificate is not trusted; no request was sent.
    Untrusted,
    /// A cluster node cannot be reached through the host; it received no request.
    NodeDown,
    /// A change was sent, and its outcome is unknown.
    Unknown,
    Interrupted,
    Terminated,
    /// Any other error of the host.
    Host,
    /// Other errors: files, terminals, programs.
    Other,
}

impl Kind {
    /// Returns the exit code, as in `cli.md`.
    pub fn exit(self) -> u8 {
        match self {
            Self::Usage | Self::Config => 2,
            Self::Refused | Self::Conflict => 3,
            Self::Unauthenticated | Self::Denied => 4,
            Self::NotFound => 5,
            Self::TaskFailed | Self::TaskWarnings => 6,
            Self::Partial => 7,
            Self::Unfinished => 8,
            Self::Unreachable | Self::Untrusted | Self::NodeDown => 9,
            Self::Unknown => 10,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Exists | Self::Locked | Self::BadParameter | Self::NotImplemented | Self::NoQuorum | Self::Host | Self::Other => 1,
        }
    }

    /// Returns the name in the JSON error object.
    pub fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Refused => "refused",
            Self::Unauthenticated => "unauthenticated",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Locked => "locked",
            Self::BadParameter => "bad_parameter",
            Self::NotImplemented => "not_implemented",
            Self::NoQuorum => "no_quorum",
            Self::TaskFailed => "task_failed",
            Self::TaskWarnings => "task_warnings",
            Self::Partial => "partial",
            Self::Unfinished => "unfinished",
            Self::Unreachable => "unreachable",
            Self::Untrusted => "untrusted",
            Self::NodeDown => "node_down",
            Self::Unknown => "outcome_unknown",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
            Self::Host => "host",
            Self::Other => "error",
        }
    }

    /// Returns the default hint.
    fn hint(self) -> &'static str {
        match self {
            Self::Usage => "see the command's --help for its arguments and examples",
            Self::Config => "check the configuration with `felhom context list`, or change it with `felhom context edit`",
            Self::Refused => "add --plan to see what the command would do",
            Self::Unauthenticated => "check whether the token expired: run `pveum user token list USER` on a node",
            Self::Denied => "run `felhom role check` to see which commands this token's privileges allow",
            Self::NotFound => "check the name, and with `felhom context list` the context",
            Self::Exists => "choose another name or ID; `felhom guest next-id` prints a free VMID",
            Self::Conflict => "check what changed it, then run the command again",
            Self::Locked => "add --wait-lock 10m to wait; `felhom task list --running` shows what holds the lock",
            Self::BadParameter => "check the parameters with `felhom api describe PATH`",
            Self::NoQuorum => "start the missing nodes; `felhom node list` shows which are offline",
            Self::NotImplemented => "check with `felhom api ls PATH` whether this version of Proxmox has the call",
            Self::TaskFailed => "read the whole log with `felhom task log UPID`",
            Self::TaskWarnings => "read the warnings with `felhom task log UPID`",
            Self::Partial => "run the command again for those that failed; the table shows why",
            Self::Unfinished => "run `felhom task wait UPID` to keep waiting, `felhom task stop UPID` to stop the task",
            Self::Unreachable => "check the connection with `felhom context test`; nothing was sent, so it is safe to try again",
            Self::Untrusted => {
                "compare with `openssl x509 -noout -fingerprint -sha256 -in /etc/pve/local/pve-ssl.pem` on the host; `felhom context trust` pins the new one"
            }
            Self::NodeDown => "check the node with `felhom node list`; nothing was sent to it, so it is safe to try again",
            Self::Unknown => CHECK_FIRST,
            Self::Interrupted | Self::Terminated => "check what is still running with `felhom task list --running`",
            Self::Host => "run it again with -v to see the request and the answer",
            Self::Other => "run it again with -v for more",
        }
    }
}

/// Hint after a change with unknown outcome.
pub const CHECK_FIRST: &str = "check the target and `felhom task list` before you try again; felhom did not send it twice";

/// How far a request got. Determines the exit code, the advice on retrying, and whether to search for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Not sent to the host, or to the node behind it: safe to repeat.
    NotSent,
    /// The host answered.
    Answered,
    /// Sent without a usable answer: the request may have been carried out.
    Unknown,
}

impl Fate {
    /// Returns the fate for an HTTP status. With 595, the host could not connect to the other node. Gateways and the host's
    /// proxy return the others after the request may have been passed on.
    pub fn of_status(status: u16) -> Self {
        match status {
            595 => Self::NotSent,
            408 | 502 | 503 | 504 | 596..=599 => Self::Unknown,
            _ => Self::Answered,
        }
    }

    /// Returns the fault for a request with this fate. A read can always be repeated.
    pub fn fault(self, changes: bool, message: impl Into<String>) -> Fault {
        let kind = match (self, changes) {
            (Self::NotSent, _) | (Self::Unknown, false) => Kind::Unreachable,
            (Self::Unknown, true) => Kind::Unknown,
            (Self::Answered, _) => Kind::Host,
        };
        Fault::new(kind, message)
    }
}

/// The side of a privilege-separated token that lacks a privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Token,
    User,
    Both,
    Unknown,
}

/// An error: the failed action, the host's answer, and a hint.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    /// The failed action and the reason, in one sentence.
    pub message: String,
    /// What to do. [`Fault::hint`] returns the kind's default if there is none.
    pub hint: Option<String>,
    /// The HTTP status, if there was one.
    pub status: Option<u16>,
    /// The host's reason phrase, unchanged.
    pub reason: Option<String>,
    /// The host's errors for single parameters.
    pub errors: BTreeMap<String, String>,
    /// The access-control path of a permission error.
    pub path: Option<String>,
    /// The missing privilege (alternatives joined by `|`).
    pub privilege: Option<String>,
    pub who: Option<Side>,
    /// The token or user, and the missing privilege, in one line.
    pub lacks: Option<String>,
    pub upid: Option<String>,
    /// The end of the task's log.
    pub log: Vec<String>,
    /// Overrides the kind's exit code if all targets failed alike.
    pub exit: Option<u8>,
    /// The results already contain the error: only the exit code is left.
    pub shown: bool,
}

pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            status: None,
            reason: None,
            errors: BTreeMap::new(),
            path: None,
            privilege: None,
            who: None,
            lacks: None,
            upid: None,
            log: Vec::new(),
            exit: None,
            shown: false,
        }
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    /// Creates a refusal by felhom with a narrower kind: a lock, no quorum, a name in use.
    pub fn refused_as(kind: Kind, message: impl Into<String>) -> Self {
        Self { exit: Some(Kind::Refused.exit()), ..Self::new(kind, message) }
    }

    /// Whether felhom refused, for any reason.
    pub fn is_refusal(&self) -> bool {
        self.exit_code() == Kind::Refused.exit()
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub fn other(message: impl Into<String>) -> Self {
        Self::new(Kind::Other, message)
    }

    /// Returns how far the request got.
    pub fn fate(&self) -> Fate {
        match self.kind {
            Kind::Unreachable | Kind::Untrusted | Kind::NodeDown => Fate::NotSent,
            Kind::Unknown => Fate::Unknown,
            _ => Fate::Answered,
        }
    }

    /// Creates a fault from an I/O error and the failed action.
    pub fn io(tried: impl fmt::Display, error: &std::io::Error) -> Self {
        Self::other(format!("{tried}: {error}"))
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub fn with_upid(mut self, upid: impl fmt::Display) -> Self {
        self.upid = Some(upid.to_string());
        self
    }

    /// Adds the failed action in front of the message: `cannot start 101: CT is locked (backup)`.
    #[must_use]
    pub fn while_(mut self, attempted: impl fmt::Display) -> Self {
        self.message = format!("{attempted}: {}", self.message);
        self
    }

    pub fn exit_code(&self) -> u8 {
        self.exit.unwrap_or_else(|| self.kind.exit())
    }

    pub fn hint(&self) -> &str {
        self.hint.as_deref().unwrap_or_else(|| self.kind.hint())
    }

    /// Returns the hint. Default hints contain the word UPID, which is replaced by the actual one.
    pub fn full_hint(&self) -> String {
        match (&self.hint, &self.upid) {
            (None, Some(upid)) => self.hint().replace("UPID", &format!("'{upid}'")),
            _ => self.hint().to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    /// Returns the message, with the missing privilege unless it is already named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (&self.path, &self.privilege) {
            (Some(path), Some(privilege)) if !privilege.split('|').any(|one| self.message.contains(one)) => {
                write!(f, " ({privilege} on {path})")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}
