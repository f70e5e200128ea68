//! The one typed error: it decides the exit code, the hint, and what the JSON error object says.

use std::collections::BTreeMap;
use std::fmt;

/// What kind of thing went wrong. Every kind has one exit code and a hint of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line is wrong.
    Usage,
    /// The configuration is wrong or incomplete.
    Config,
    /// A guard said no, or the person did.
    Refused,
    /// The host does not know who asks (401).
    Unauthenticated,
    /// The host knows who asks and says no (403, also from within a task).
    Denied,
    NotFound,
    /// The thing to be made is there already.
    Exists,
    /// Somebody else changed it in between (digest mismatch).
    Conflict,
    /// The guest holds a lock.
    Locked,
    /// A parameter was refused by the host (400).
    BadParameter,
    /// The host has no such call (501).
    NotImplemented,
    /// The cluster has no quorum: nothing can be changed.
    NoQuorum,
    /// A task ended with something other than OK.
    TaskFailed,
    /// A task ended with warnings, and `--fail-on-warnings` was given.
    TaskWarnings,
    /// Of several targets some failed.
    Partial,
    /// A job runs on the host and its end was not seen.
    Unfinished,
    /// No connection: nothing was sent.
    Unreachable,
    /// The certificate is not the trusted one: nothing was sent.
    Untrusted,
    /// A node of the cluster cannot be reached through the host: nothing was sent to it.
    NodeDown,
    /// A change was sent and its outcome is not known.
    Unknown,
    Interrupted,
    Terminated,
    /// Any other answer of the host.
    Host,
    /// Anything else: files, terminals, programs.
    Other,
}

impl Kind {
    /// The exit code of `cli.md`.
    pub fn exit(self) -> u8 {
        match self {
            Self::Usage | Self::Config => 2,
            Self::Refused => 3,
            Self::Unauthenticated | Self::Denied => 4,
            Self::NotFound => 5,
            Self::TaskFailed | Self::TaskWarnings => 6,
            Self::Partial => 7,
            Self::Unfinished => 8,
            Self::Unreachable | Self::Untrusted | Self::NodeDown => 9,
            Self::Unknown => 10,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::Exists
            | Self::Conflict
            | Self::Locked
            | Self::BadParameter
            | Self::NotImplemented
            | Self::NoQuorum
            | Self::Host
            | Self::Other => 1,
        }
    }

    /// The word in the JSON error object.
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

    /// What to do next where the fault itself knows nothing better.
    fn hint(self) -> &'static str {
        match self {
            Self::Usage => "see the command's --help for its arguments and examples",
            Self::Config => "check the configuration with `felhom context list`, or change it with `felhom context edit`",
            Self::Refused => "add --plan to see what the command would do",
            Self::Unauthenticated => "check whether the token expired: run `pveum user token list USER` on a node",
            Self::Denied => "run `felhom role check` to see which commands this token's privileges allow",
            Self::NotFound => "list what exists, for example with `felhom guest list`",
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

/// What to do after a change that may have been carried out.
pub const CHECK_FIRST: &str = "check the target and `felhom task list` before you try again; felhom did not send it twice";

/// How far a request came. The exit code, the advice on a retry and the search for a task follow from this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing reached the host, or the node behind it: safe to repeat.
    NotSent,
    /// The host answered; its answer decides.
    Answered,
    /// The request went out and no usable answer came back: it may have been carried out.
    Unknown,
}

impl Fate {
    /// The fate that an HTTP status tells. 595: the host could not connect to the other node. Gateways and the host's own
    /// proxying end in the other ones after the request may have been passed on.
    pub fn of_status(status: u16) -> Self {
        match status {
            595 => Self::NotSent,
            408 | 502 | 503 | 504 | 596..=599 => Self::Unknown,
            _ => Self::Answered,
        }
    }

    /// The fault for a request that ended this way. A read changes nothing, so it may always be repeated.
    pub fn fault(self, changes: bool, message: impl Into<String>) -> Fault {
        let kind = match (self, changes) {
            (Self::NotSent, _) | (Self::Unknown, false) => Kind::Unreachable,
            (Self::Unknown, true) => Kind::Unknown,
            (Self::Answered, _) => Kind::Host,
        };
        Fault::new(kind, message)
    }
}

/// Which side of a privilege-separated token lacks the privilege.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Token,
    User,
    Both,
    Unknown,
}

/// Something went wrong: what was tried, what the host said, what to do next.
#[derive(Debug, Clone)]
pub struct Fault {
    pub kind: Kind,
    /// What was attempted and what came of it, in one sentence.
    pub message: String,
    /// What to do next; [`Fault::hint`] falls back to the kind's own.
    pub hint: Option<String>,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The host's reason phrase, word for word.
    pub reason: Option<String>,
    /// The host's complaint about single parameters.
    pub errors: BTreeMap<String, String>,
    /// The access-control path that a denial names.
    pub path: Option<String>,
    /// The privilege that a denial names (alternatives joined by `|`).
    pub privilege: Option<String>,
    pub who: Option<Side>,
    /// Who lacks what, in one line.
    pub lacks: Option<String>,
    pub upid: Option<String>,
    /// The last lines of the task's log.
    pub log: Vec<String>,
    /// Overrides the kind's exit code (all targets failed alike).
    pub exit: Option<u8>,
    /// The results have been shown and say it all: only the exit code is left.
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

    /// A refusal by felhom itself that has a narrower kind: a lock, a lost quorum, a name in use.
    pub fn refused_as(kind: Kind, message: impl Into<String>) -> Self {
        Self { exit: Some(Kind::Refused.exit()), ..Self::new(kind, message) }
    }

    /// Whether felhom itself refused, whatever the reason.
    pub fn is_refusal(&self) -> bool {
        self.exit_code() == Kind::Refused.exit()
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    pub fn other(message: impl Into<String>) -> Self {
        Self::new(Kind::Other, message)
    }

    /// How far the request came whose fault this is.
    pub fn fate(&self) -> Fate {
        match self.kind {
            Kind::Unreachable | Kind::Untrusted | Kind::NodeDown => Fate::NotSent,
            Kind::Unknown => Fate::Unknown,
            _ => Fate::Answered,
        }
    }

    /// From an I/O error, with what was tried.
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

    /// Puts what was attempted before the message: `cannot start 101: CT is locked (backup)`.
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

    /// The hint as it is shown. The kinds' own speak of a UPID; here it is known which.
    pub fn full_hint(&self) -> String {
        match (&self.hint, &self.upid) {
            (None, Some(upid)) => self.hint().replace("UPID", &format!("'{upid}'")),
            _ => self.hint().to_owned(),
        }
    }
}

impl fmt::Display for Fault {
    /// The message, with the missing privilege if it does not name it.
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
