//! Contexts in lists and detail views.

use std::path::PathBuf;

use serde::Serialize;

use crate::config::{Context, Fence, FenceVia, Transport, Writes};
use crate::ui::{Cell, Column, Record, Row, Tone};

/// How the host's certificate is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trusted {
    /// By the cluster's CA.
    Ca,
    /// By pinned certificates.
    Fingerprint,
    /// By this machine's CA store.
    System,
    /// Not verified.
    Insecure,
    /// By ssh's known hosts.
    Ssh,
    /// Local, without a connection.
    Local,
    /// Not trusted yet.
    None,
}

/// A context: `context list` and `context show`.
#[derive(Debug, Clone, Serialize)]
pub struct View {
    pub name: String,
    pub current: bool,
    pub transport: Transport,
    /// The identity on the host: the token, or root@pam over ssh and locally.
    pub acts_as: Option<String>,
    pub trust: Trusted,
    pub endpoints: Vec<EndpointView>,
    pub token_id: Option<String>,
    /// The source of the secret, never the secret.
    pub secret: Option<String>,
    pub ca_file: Option<PathBuf>,
    pub writes: Writes,
    pub protected_tags: Vec<String>,
    pub managed_tag: Option<String>,
    pub ssh: Option<String>,
    pub fence: Option<FenceView>,
    pub proxy: Option<String>,
    pub preset: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct EndpointView {
    pub url: String,
    pub fingerprint: Option<String>,
    pub server_name: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct FenceView {
    pub via: FenceVia,
    pub host: Option<String>,
}

impl Trusted {
    pub fn of(context: &Context) -> Self {
        match context.transport {
            Transport::Ssh => Self::Ssh,
            Transport::Local => Self::Local,
            Transport::Https if context.insecure => Self::Insecure,
            Transport::Https if context.ca_file.is_some() => Self::Ca,
            Transport::Https if context.system_roots => Self::System,
            Transport::Https if context.endpoints.iter().all(|endpoint| endpoint.fingerprint.is_some()) => Self::Fingerprint,
            Transport::Https => Self::None,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Fingerprint => "fingerprint",
            Self::System => "system",
            Self::Insecure => "insecure",
            Self::Ssh => "ssh",
            Self::Local => "local",
            Self::None => "none",
        }
    }

    pub fn tone(self) -> Tone {
        match self {
            Self::Ca | Self::Fingerprint | Self::System | Self::Ssh | Self::Local => Tone::Good,
            Self::None => Tone::Warn,
            Self::Insecure => Tone::Bad,
        }
    }
}

impl View {
    pub fn of(context: &Context, current: bool) -> Self {
        let endpoint = |e: &crate::config::Endpoint| EndpointView {
            url: e.url.to_string(),
            fingerprint: e.fingerprint.map(|fingerprint| fingerprint.to_string()),
            server_name: e.server_name.clone(),
        };
        Self {
            name: context.name.clone(),
            current,
            transport: context.transport,
            acts_as: if context.acts_as_root() { Some("root@pam".to_owned()) } else { context.token_id.clone() },
            trust: Trusted::of(context),
            endpoints: context.endpoints.iter().map(endpoint).collect(),
            token_id: context.token_id.clone(),
            secret: context.secret.as_ref().map(ToString::to_string),
            ca_file: context.ca_file.clone(),
            writes: context.writes,
            protected_tags: context.protected_tags.clone(),
            managed_tag: context.managed_tag.clone(),
            ssh: context.ssh.as_ref().map(|ssh| ssh.host.clone()),
            fence: context.fence.as_ref().map(|fence: &Fence| FenceView { via: fence.via, host: fence.host.clone() }),
            proxy: context.proxy.clone(),
            preset: context.preset.clone(),
        }
    }

    /// Describes the connection in a few words.
    fn reached(&self) -> Vec<String> {
        match (self.transport, &self.ssh) {
            (Transport::Ssh, Some(host)) => vec![format!("ssh {host}")],
            (Transport::Local, _) => vec!["this machine".to_owned()],
            _ => self.endpoints.iter().map(|e| e.url.clone()).collect(),
        }
    }

    fn cell(&self, key: &str) -> Cell {
        let maybe = |text: &Option<String>| Cell::maybe(text.clone(), Cell::Text);
        match key {
            "name" => Cell::text(&self.name),
            "current" => Cell::Flag(self.current),
            "transport" => Cell::text(self.transport.word()),
            "endpoints" => Cell::List(self.reached()),
            "acts_as" => maybe(&self.acts_as),
            "trust" => Cell::state(self.trust.word(), self.trust.tone()),
            "token_id" => maybe(&self.token_id),
            "secret" => maybe(&self.secret),
            "fingerprints" => Cell::List(self.endpoints.iter().filter_map(|e| e.fingerprint.clone()).collect()),
            "server_names" => Cell::List(self.endpoints.iter().filter_map(|e| e.server_name.clone()).collect()),
            "ca_file" => Cell::maybe(self.ca_file.as_ref().map(|f| f.display().to_string()), Cell::Text),
            "writes" => Cell::state(writes_word(self.writes), if self.writes == Writes::Allow { Tone::Good } else { Tone::Warn }),
            "protected_tags" => Cell::List(self.protected_tags.clone()),
            "managed_tag" => maybe(&self.managed_tag),
            "ssh" => maybe(&self.ssh),
            "fence" => Cell::maybe(self.fence.as_ref(), |f| Cell::Text(f.host.clone().unwrap_or_else(|| "local".to_owned()))),
            "proxy" => maybe(&self.proxy),
            "preset" => maybe(&self.preset),
            _ => Cell::Empty,
        }
    }
}

pub fn writes_word(writes: Writes) -> &'static str {
    Writes::ALL.iter().find(|(_, known)| *known == writes).map_or("", |(word, _)| *word)
}

impl Row for View {
    fn columns() -> Vec<Column<Self>> {
        let column = |key: &'static str| Column::new(key, move |view: &Self| view.cell(key));
        vec![
            column("name"),
            column("current"),
            column("endpoints").flex(),
            column("acts_as").flex(),
            column("trust"),
            column("writes"),
            column("transport").wide(),
            column("secret").hidden(),
            column("token_id").hidden(),
            column("ca_file").hidden(),
            column("protected_tags").hidden(),
            column("managed_tag").hidden(),
            column("ssh").hidden(),
            column("fence").hidden(),
            column("proxy").hidden(),
            column("preset").hidden(),
        ]
    }

    fn id(&self) -> String {
        self.name.clone()
    }

    fn noun() -> &'static str {
        "contexts"
    }
}

impl Record for View {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        const KEYS: &[&str] = &[
            "name",
            "current",
            "transport",
            "endpoints",
            "acts_as",
            "secret",
            "trust",
            "fingerprints",
            "server_names",
            "ca_file",
            "writes",
            "protected_tags",
            "managed_tag",
            "ssh",
            "fence",
            "proxy",
            "preset",
        ];
        KEYS.iter().map(|key| (*key, self.cell(key))).collect()
    }

    fn id(&self) -> String {
        self.name.clone()
    }
}
