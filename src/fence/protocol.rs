//! The protocol between client and helper: a command as the only argument, a JSON request on stdin, a JSON envelope on stdout.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The protocol version. Both sides refuse any other.
pub const PROTOCOL: u32 = 1;
/// Size limit of a request in bytes.
pub const REQUEST_CAP: usize = 64 << 10;
/// The helper's path on a host. The sudoers rule and the SSH command line contain exactly this path.
pub const HELPER: &str = "/usr/libexec/felhom/felhom-fence";

/// A command of the helper, which is its only command-line argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Word {
    Version,
    Smart,
    UsbMount,
    UsbUnmount,
    GoldenCreate,
    Disks,
    Sensors,
    UsbStatus,
}

impl Word {
    pub const ALL: [Self; 8] =
        [Self::Version, Self::Smart, Self::UsbMount, Self::UsbUnmount, Self::GoldenCreate, Self::Disks, Self::Sensors, Self::UsbStatus];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::Smart => "smart",
            Self::UsbMount => "usb-mount",
            Self::UsbUnmount => "usb-unmount",
            Self::GoldenCreate => "golden-create",
            Self::Disks => "disks",
            Self::Sensors => "sensors",
            Self::UsbStatus => "usb-status",
        }
    }

    /// Parses an exact command name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// Whether the command needs root. Only these commands are in the sudoers rule; the others run as the caller.
    pub fn needs_root(self) -> bool {
        match self {
            Self::Version | Self::Smart | Self::UsbMount | Self::UsbUnmount | Self::GoldenCreate => true,
            Self::Disks | Self::Sensors | Self::UsbStatus => false,
        }
    }

    /// Whether the command changes the host. A change needs the policy file and a lock.
    pub fn changes(self) -> bool {
        match self {
            Self::UsbMount | Self::UsbUnmount | Self::GoldenCreate => true,
            Self::Version | Self::Smart | Self::Disks | Self::Sensors | Self::UsbStatus => false,
        }
    }

    /// The felhom commands that use this one.
    pub fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Version => &["fence show", "guest create lxc"],
            Self::Smart => &["node smart", "node sensors"],
            Self::UsbMount => &["usb mount"],
            Self::UsbUnmount => &["usb unmount"],
            Self::GoldenCreate => &["guest create lxc"],
            Self::Disks => &["usb list", "usb mount"],
            Self::Sensors => &["node sensors"],
            Self::UsbStatus => &["usb status", "usb mount", "usb unmount"],
        }
    }

    /// Why the API is not enough, for `fence show` and `routes`.
    pub fn why(self) -> &'static str {
        match self {
            Self::Version => "checks that the helper answers, and returns its policy",
            Self::Smart => "raw smartctl output: temperatures, USB bridges, self-test and error logs, without waking disks",
            Self::UsbMount => "the API cannot mount an existing filesystem",
            Self::UsbUnmount => "the API call needs Sys.Modify on /, which allows much more",
            Self::GoldenCreate => "only a root@pam session may set keyctl=1, never a token",
            Self::Disks => "the API does not return filesystem UUIDs; lsblk needs no root",
            Self::Sensors => "the API has no sensor values; `sensors -j` needs no root",
            Self::UsbStatus => "the API does not return units and mounts of USB disks; reading them needs no root",
        }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A typed request: its command and its reply.
pub trait Operation: Serialize + DeserializeOwned {
    const WORD: Word;
    type Reply: Serialize + DeserializeOwned;
}

/// The JSON document on the helper's stdin.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request<T> {
    pub protocol: u32,
    pub request: T,
}

impl<T: Operation> Request<T> {
    pub fn new(request: T) -> Self {
        Self { protocol: PROTOCOL, request }
    }

    /// Serializes the request for stdin.
    pub fn bytes(&self) -> Vec<u8> {
        // Plain data with string keys always serializes.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The kind of a refusal or failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The command line or the request is malformed.
    BadRequest,
    /// Client and helper use different protocol versions.
    Protocol,
    /// The command needs root.
    NotRoot,
    /// The policy file does not allow it.
    Policy,
    /// It would be dangerous; the message says why.
    Refused,
    NotFound,
    Exists,
    /// The resource is in use or locked.
    Busy,
    /// A program is not installed.
    ToolMissing,
    /// A program failed; `text` has its output.
    Tool,
    TimedOut,
    Interrupted,
    /// The forced command got something that is not a command of the helper.
    Gate,
    Internal,
}

impl ErrorKind {
    /// The helper's exit code, at most 99: ssh and `pct` use 255 for their own failures.
    pub fn exit(self) -> u8 {
        match self {
            Self::BadRequest => 10,
            Self::Protocol => 11,
            Self::NotRoot => 12,
            Self::Policy => 13,
            Self::Refused => 14,
            Self::NotFound => 15,
            Self::Exists => 16,
            Self::Busy => 17,
            Self::ToolMissing => 18,
            Self::Tool => 19,
            Self::TimedOut => 20,
            Self::Interrupted => 21,
            Self::Gate => 22,
            Self::Internal => 23,
        }
    }
}

/// A refusal or failure in the envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelperError {
    pub kind: ErrorKind,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The program that failed, its exit code and its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl HelperError {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, tool: None, code: None, text: None }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub fn io(action: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::internal(format!("{action}: {error}"))
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for HelperError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// The helper's answer: `{"protocol":1,"host":"pve1","ok":…}` or `{"protocol":1,"host":"pve1","error":{…}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    pub protocol: u32,
    /// The host's name, which is the node name on Proxmox VE.
    #[serde(default)]
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<HelperError>,
}

impl Envelope {
    pub fn ok(value: Value) -> Self {
        Self { protocol: PROTOCOL, host: String::new(), ok: Some(value), error: None }
    }

    pub fn error(error: HelperError) -> Self {
        Self { protocol: PROTOCOL, host: String::new(), ok: None, error: Some(error) }
    }

    pub fn exit(&self) -> u8 {
        self.error.as_ref().map_or(0, |e| e.kind.exit())
    }
}

/// Parses a request strictly: size limit, protocol version, fields. The version comes first, so a newer client gets a clear error.
pub fn parse_request<T: Operation>(bytes: &[u8]) -> Result<T, HelperError> {
    #[derive(Deserialize)]
    struct VersionOnly {
        protocol: Option<u32>,
    }
    if bytes.len() > REQUEST_CAP {
        return Err(HelperError::new(ErrorKind::BadRequest, format!("the request is larger than {REQUEST_CAP} bytes")));
    }
    let bad = |e: serde_json::Error| HelperError::new(ErrorKind::BadRequest, format!("the request for `{}` is malformed: {e}", T::WORD));
    let spoken: VersionOnly = serde_json::from_slice(bytes).map_err(bad)?;
    match spoken.protocol {
        Some(PROTOCOL) => {}
        Some(other) => {
            return Err(HelperError::new(
                ErrorKind::Protocol,
                format!("the client uses protocol {other}, this helper protocol {PROTOCOL}"),
            ));
        }
        None => return Err(HelperError::new(ErrorKind::BadRequest, "the request has no protocol number")),
    }
    let asked: Request<T> = serde_json::from_slice(bytes).map_err(bad)?;
    Ok(asked.request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::request::UsbUnmount;

    #[test]
    fn the_list_of_commands_is_closed() {
        assert_eq!(
            Word::ALL.map(Word::as_str),
            ["version", "smart", "usb-mount", "usb-unmount", "golden-create", "disks", "sensors", "usb-status"]
        );
        for word in Word::ALL {
            assert_eq!(Word::parse(word.as_str()), Some(word));
        }
        for not in ["", "Version", "version ", " smart", "smart-read", "gate", "usb_mount", "version\n", "version smart"] {
            assert_eq!(Word::parse(not), None, "{not:?}");
        }
    }

    #[test]
    fn five_commands_need_root() {
        let root: Vec<_> = Word::ALL.into_iter().filter(|w| w.needs_root()).map(Word::as_str).collect();
        assert_eq!(root, ["version", "smart", "usb-mount", "usb-unmount", "golden-create"]);
        assert!(Word::ALL.into_iter().filter(|w| w.changes()).all(Word::needs_root));
    }

    #[test]
    fn exit_codes_differ_from_those_of_ssh_and_the_shell() {
        for kind in [ErrorKind::BadRequest, ErrorKind::Tool, ErrorKind::Gate, ErrorKind::Internal, ErrorKind::Interrupted] {
            assert!((1..=99).contains(&kind.exit()), "{kind:?}");
        }
    }

    #[test]
    fn a_request_is_parsed_strictly() {
        let kind = |text: &str| parse_request::<UsbUnmount>(text.as_bytes()).expect_err(text).kind;
        assert!(parse_request::<UsbUnmount>(br#"{"protocol":1,"request":{"name":"backup"}}"#).is_ok());
        assert_eq!(kind(r#"{"protocol":2,"request":{"shiny":true}}"#), ErrorKind::Protocol);
        assert_eq!(kind(r#"{"request":{"name":"backup"}}"#), ErrorKind::BadRequest);
        assert_eq!(kind(r#"{"protocol":1,"request":{"name":"backup","lazy":true}}"#), ErrorKind::BadRequest);
        assert_eq!(kind(r#"{"protocol":1,"also":1,"request":{"name":"backup"}}"#), ErrorKind::BadRequest);
        assert_eq!(kind(r#"{"protocol":1,"request":{"name":"backup"}} x"#), ErrorKind::BadRequest);
        assert_eq!(kind(r#"{"protocol":1,"request":{"name":"a","name":"b"}}"#), ErrorKind::BadRequest);
        assert_eq!(kind(r#"{"protocol":1,"request":{"name":"../etc"}}"#), ErrorKind::BadRequest);
        assert_eq!(kind(""), ErrorKind::BadRequest);
        let long = format!(r#"{{"protocol":1,"request":{{"name":"{}"}}}}"#, "a".repeat(REQUEST_CAP));
        assert_eq!(kind(&long), ErrorKind::BadRequest);
    }
}
