//! What the client and the helper say to each other: one literal word, one JSON request, one JSON envelope.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of this protocol. Both sides refuse any other.
pub const PROTOCOL: u32 = 1;
/// The most that a request may weigh.
pub const REQUEST_CAP: usize = 64 << 10;
/// Where the helper lives on a host. sudoers and the ssh command line name exactly this.
pub const HELPER: &str = "/usr/libexec/felhom/felhom-fence";

/// The closed list of what the helper does. Each is one literal word on its command line.
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

    /// Exactly one word of the list, or nothing.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }

    /// Only these are in sudoers; the others run as whoever asks.
    pub fn needs_root(self) -> bool {
        match self {
            Self::Version | Self::Smart | Self::UsbMount | Self::UsbUnmount | Self::GoldenCreate => true,
            Self::Disks | Self::Sensors | Self::UsbStatus => false,
        }
    }

    /// Whether it changes the host: such a word needs the policy file, a lock, and never runs twice at a time.
    pub fn changes(self) -> bool {
        match self {
            Self::UsbMount | Self::UsbUnmount | Self::GoldenCreate => true,
            Self::Version | Self::Smart | Self::Disks | Self::Sensors | Self::UsbStatus => false,
        }
    }

    /// The commands that ask for it.
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

    /// Why the API cannot do it: for `fence show` and `routes`.
    pub fn why(self) -> &'static str {
        match self {
            Self::Version => "proves the door and shows the policy that is in force",
            Self::Smart => "raw smartctl: temperatures, USB bridges, self-test and error logs, and disks left asleep",
            Self::UsbMount => "the API has no call that mounts an existing filesystem",
            Self::UsbUnmount => "the API's counterpart needs Sys.Modify on /, which gives much more",
            Self::GoldenCreate => "keyctl=1 may be set by a root@pam session alone, never by a token",
            Self::Disks => "the API does not tell filesystem UUIDs; lsblk needs no root",
            Self::Sensors => "the API has no sensors; `sensors -j` needs no root",
            Self::UsbStatus => "units, mounts and space of USB disks; reading them needs no root",
        }
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A typed request: it knows its word and what comes back.
pub trait Operation: Serialize + DeserializeOwned {
    const WORD: Word;
    type Reply: Serialize + DeserializeOwned;
}

/// What goes to the helper's stdin.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked<T> {
    pub protocol: u32,
    pub request: T,
}

impl<T: Operation> Asked<T> {
    pub fn new(request: T) -> Self {
        Self { protocol: PROTOCOL, request }
    }

    /// The bytes for stdin.
    pub fn bytes(&self) -> Vec<u8> {
        // A request is plain data with text keys: it cannot fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// What kind of refusal or failure came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The command line or the request is malformed.
    BadRequest,
    /// The two sides speak different versions.
    Protocol,
    /// The word needs root, and this is not root.
    NotRoot,
    /// The host's policy file does not allow it.
    Policy,
    /// It would be dangerous: the message says why.
    Refused,
    NotFound,
    Exists,
    /// Somebody works on it, or holds it.
    Busy,
    /// A tool is not installed.
    ToolMissing,
    /// A tool ran and failed: its own words are in `text`.
    Tool,
    TimedOut,
    Interrupted,
    /// The gate was asked for something that is no word of the list.
    Gate,
    Internal,
}

impl ErrorKind {
    /// The helper's exit code: 0 to 99 only, since ssh and `pct` use 255 for failures of their own.
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

/// A refusal or failure, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    pub kind: ErrorKind,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The tool that failed, its exit code and what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Trouble {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, tool: None, code: None, text: None }
    }

    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub fn io(tried: impl std::fmt::Display, error: &std::io::Error) -> Self {
        Self::internal(format!("{tried}: {error}"))
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// The helper's answer: `{"protocol":1,"host":"pve1","ok":…}` or `{"protocol":1,"host":"pve1","error":{…}}`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Envelope {
    pub protocol: u32,
    /// The host's own name: a node's name on Proxmox.
    #[serde(default)]
    pub host: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ok: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Trouble>,
}

impl Envelope {
    pub fn ok(value: Value) -> Self {
        Self { protocol: PROTOCOL, host: String::new(), ok: Some(value), error: None }
    }

    pub fn error(trouble: Trouble) -> Self {
        Self { protocol: PROTOCOL, host: String::new(), ok: None, error: Some(trouble) }
    }

    pub fn exit(&self) -> u8 {
        self.error.as_ref().map_or(0, |e| e.kind.exit())
    }
}

/// Reads a request strictly: the cap, the protocol number first (so that a newer client gets a clear word), then every field.
pub fn parse_request<T: Operation>(bytes: &[u8]) -> Result<T, Trouble> {
    #[derive(Deserialize)]
    struct Spoken {
        protocol: Option<u32>,
    }
    if bytes.len() > REQUEST_CAP {
        return Err(Trouble::new(ErrorKind::BadRequest, format!("the request is larger than {REQUEST_CAP} bytes")));
    }
    let bad = |e: serde_json::Error| Trouble::new(ErrorKind::BadRequest, format!("the request for `{}` is malformed: {e}", T::WORD));
    let spoken: Spoken = serde_json::from_slice(bytes).map_err(bad)?;
    match spoken.protocol {
        Some(PROTOCOL) => {}
        Some(other) => {
            return Err(Trouble::new(ErrorKind::Protocol, format!("the client speaks protocol {other}, this helper {PROTOCOL}")));
        }
        None => return Err(Trouble::new(ErrorKind::BadRequest, "the request has no protocol number")),
    }
    let asked: Asked<T> = serde_json::from_slice(bytes).map_err(bad)?;
    Ok(asked.request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::request::UsbUnmount;

    #[test]
    fn words_are_exactly_the_closed_list() {
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
    fn only_the_five_are_in_sudoers() {
        let root: Vec<_> = Word::ALL.into_iter().filter(|w| w.needs_root()).map(Word::as_str).collect();
        assert_eq!(root, ["version", "smart", "usb-mount", "usb-unmount", "golden-create"]);
        assert!(Word::ALL.into_iter().filter(|w| w.changes()).all(Word::needs_root));
    }

    #[test]
    fn exit_codes_stay_clear_of_ssh_and_the_shell() {
        for kind in [ErrorKind::BadRequest, ErrorKind::Tool, ErrorKind::Gate, ErrorKind::Internal, ErrorKind::Interrupted] {
            assert!((1..=99).contains(&kind.exit()), "{kind:?}");
        }
    }

    #[test]
    fn a_request_is_read_strictly() {
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
