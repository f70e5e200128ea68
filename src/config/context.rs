//! Contexts: a host or cluster, its endpoints, the token, and the rules for changes.

use std::path::PathBuf;

use super::endpoint::Endpoint;
use super::secrets::Source;
use crate::fault::{Fault, Result};
use crate::transport::tls::{self, Trust};

/// The transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    #[default]
    Https,
    /// `pvesh` on the node through ssh, as root@pam.
    Ssh,
    /// `pvesh` on this machine, as root@pam.
    Local,
}

/// The rule for changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Writes {
    #[default]
    Allow,
    /// Stage every change.
    Stage,
    Deny,
}

/// The connection to the root helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FenceVia {
    Ssh,
    Local,
}

/// The node to reach by ssh. Everything else is in ssh's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshHost {
    /// The destination: `user@host` or `ssh://user@host:port`.
    pub host: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    pub via: FenceVia,
    /// Only for [`FenceVia::Ssh`].
    pub host: Option<String>,
}

/// A host or cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub name: String,
    pub transport: Transport,
    /// `user@realm!token`
    pub token_id: Option<String>,
    pub secret: Option<Source>,
    /// Absolute path of the cluster's CA, which covers all nodes and renewals.
    pub ca_file: Option<PathBuf>,
    /// Trust the CA bundle of this machine.
    pub system_roots: bool,
    /// No verification; each run prints a warning.
    pub insecure: bool,
    pub writes: Writes,
    pub protected_tags: Vec<String>,
    pub managed_tag: Option<String>,
    /// Tried in order.
    pub endpoints: Vec<Endpoint>,
    pub ssh: Option<SshHost>,
    pub fence: Option<Fence>,
    /// `http://host:port` of an HTTP proxy [default: none].
    pub proxy: Option<String>,
    /// The preset of the token's role, which `doctor` compares.
    pub preset: Option<String>,
}

/// The value that disables verification.
pub const INSECURE: &str = "I understand";

impl Transport {
    pub const ALL: &[(&str, Self)] = &[("https", Self::Https), ("ssh", Self::Ssh), ("local", Self::Local)];

    /// Returns the name in the configuration.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("", |(word, _)| *word)
    }
}

impl Writes {
    pub const ALL: &[(&str, Self)] = &[("allow", Self::Allow), ("stage", Self::Stage), ("deny", Self::Deny)];
}

impl FenceVia {
    pub const ALL: &[(&str, Self)] = &[("ssh", Self::Ssh), ("local", Self::Local)];
}

impl Context {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            transport: Transport::default(),
            token_id: None,
            secret: None,
            ca_file: None,
            system_roots: false,
            insecure: false,
            writes: Writes::default(),
            protected_tags: Vec::new(),
            managed_tag: None,
            endpoints: Vec::new(),
            ssh: None,
            fence: None,
            proxy: None,
            preset: None,
        }
    }

    /// Returns the trust of this endpoint; `None` before first contact. Reads the CA file.
    pub fn trust(&self, endpoint: &Endpoint) -> Result<Option<Trust>> {
        if self.insecure {
            return Ok(Some(Trust::Insecure));
        }
        if let Some(fingerprint) = endpoint.fingerprint {
            return Ok(Some(Trust::Pinned(fingerprint)));
        }
        if let Some(file) = &self.ca_file {
            let pem = std::fs::read(file).map_err(|e| {
                Fault::config(format!("cannot read the CA of context {}, {}: {e}", self.name, file.display()))
                    .with_hint(format!("run `felhom context trust {}` to fetch it again", self.name))
            })?;
            tls::certificates(&pem).map_err(|why| Fault::config(format!("{}: {why}", file.display())))?;
            return Ok(Some(Trust::Ca { pem, server_name: endpoint.server_name.clone() }));
        }
        Ok(self.system_roots.then(|| Trust::System { server_name: endpoint.server_name.clone() }))
    }

    /// Whether calls are made as root@pam, regardless of the token.
    pub fn acts_as_root(&self) -> bool {
        self.transport != Transport::Https
    }
}

/// Checks a name: safe as a file name, TOML key and command-line argument.
pub fn check_name(name: &str) -> std::result::Result<(), String> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if !first || name.len() > 64 || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err("a context's name is up to 64 letters, digits, `-`, `_` or `.`, and begins with a letter or digit".to_owned());
    }
    if name == super::env::FROM_ENV {
        return Err(format!("the name `{name}` stands for the context that the FELHOM_ENDPOINT variables make"));
    }
    Ok(())
}

/// Checks `user@realm!token`. The error does not repeat the text, which may contain the secret.
pub fn check_token_id(text: &str) -> std::result::Result<(), String> {
    if text.contains('=') {
        return Err("a token id is USER@REALM!TOKEN; what follows the `=` is its secret, which does not belong here".to_owned());
    }
    let parts = text.split_once('!').and_then(|(user, token)| Some((user.rsplit_once('@')?, token)));
    let fine = parts.is_some_and(|((user, realm), token)| {
        let word = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        let clean = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, ':' | '/' | '!');
        !user.is_empty() && user.chars().all(clean) && !realm.is_empty() && word(realm) && token.len() >= 2 && word(token)
    });
    if fine { Ok(()) } else { Err("a token id is USER@REALM!TOKEN, e.g. felhom@pve!agent".to_owned()) }
}

/// Checks an ssh destination: it must not look like an option.
pub fn check_ssh_host(text: &str) -> std::result::Result<(), String> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\'' | '"' | '`' | '$' | ';' | '&' | '|' | '<' | '>' | '\\');
    if text.is_empty() || text.starts_with('-') || text.chars().any(odd) {
        return Err("an ssh destination is USER@HOST or ssh://USER@HOST:PORT".to_owned());
    }
    Ok(())
}

/// Checks `http://host:port`, without a password.
pub fn check_proxy(text: &str) -> std::result::Result<(), String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)) {
        Some(rest) if rest.contains('@') => Err("a proxy's user and password do not belong in the configuration".to_owned()),
        Some(rest) if !rest.is_empty() && !rest.contains(['/', '?', '#']) && !rest.contains(char::is_whitespace) => Ok(()),
        _ => Err("a proxy is http://HOST:PORT".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_ids_are_told_from_secrets() {
        for good in ["felhom@pve!agent", "a.b@c@my-ldap!t2", "root@pam!x1"] {
            assert_eq!(check_token_id(good), Ok(()), "{good}");
        }
        for bad in ["felhom@pve", "felhom!agent", "@pve!agent", "felhom@pve!a", "fel hom@pve!agent", "felhom@pve!agent!x"] {
            assert!(check_token_id(bad).is_err(), "{bad}");
        }
        let why = check_token_id("felhom@pve!agent=11111111-2222").expect_err("the secret is in it");
        assert!(!why.contains("1111"), "{why}");
    }

    #[test]
    fn names_and_destinations_hold_no_surprises() {
        for bad in ["", ".", "../x", "a/b", "-x", "a b", "env", &"x".repeat(65)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        assert_eq!(check_name("home-2.lan"), Ok(()));
        for bad in ["", "-oProxyCommand=x", "root@a b", "root@$(x)"] {
            assert!(check_ssh_host(bad).is_err(), "{bad}");
        }
        assert_eq!(check_ssh_host("root@192.0.2.10"), Ok(()));
        assert_eq!(check_ssh_host("ssh://root@[2001:db8::1]:2222"), Ok(()));
        assert!(check_proxy("http://u:p@proxy:3128").is_err());
        assert!(check_proxy("proxy:3128").is_err());
        assert_eq!(check_proxy("http://proxy:3128"), Ok(()));
    }
}
