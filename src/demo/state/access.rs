//! Users, tokens, groups, roles and the access control list.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Map;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    pub secret: String,
    pub privsep: bool,
    /// Unix seconds; 0 for never.
    #[serde(default)]
    pub expire: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub enable: bool,
    #[serde(default)]
    pub expire: i64,
    /// `salt$hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// `comment`, `email`, `firstname`, `lastname`, `keys`.
    #[serde(default)]
    pub info: Map,
    #[serde(default)]
    pub groups: BTreeSet<String>,
    #[serde(default)]
    pub tokens: BTreeMap<String, Token>,
}

impl Default for User {
    fn default() -> Self {
        Self { enable: true, expire: 0, password: None, info: Map::new(), groups: BTreeSet::new(), tokens: BTreeMap::new() }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The group, token or user of an ACL entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "type", content = "id", rename_all = "lowercase")]
pub enum Subject {
    Group(String),
    Token(String),
    User(String),
}

impl Subject {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Group(_) => "group",
            Self::Token(_) => "token",
            Self::User(_) => "user",
        }
    }

    pub fn id(&self) -> &str {
        match self {
            Self::Group(id) | Self::Token(id) | Self::User(id) => id,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    #[serde(flatten)]
    pub subject: Subject,
    pub role: String,
    pub propagate: bool,
}

/// A second factor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Factor {
    pub id: String,
    /// `totp` or `recovery`.
    pub kind: String,
    pub description: String,
    pub created: i64,
    pub enable: bool,
    /// The TOTP secret in base32.
    #[serde(default)]
    pub secret: String,
    /// Recovery keys; `null` if used.
    #[serde(default)]
    pub keys: Vec<Option<String>>,
    /// The last TOTP step that was used, because a code is valid once.
    #[serde(default)]
    pub last_step: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Access {
    /// As in `GET /access/domains/{realm}`, by name.
    pub realms: BTreeMap<String, Map>,
    pub users: BTreeMap<String, User>,
    #[serde(default)]
    pub groups: BTreeMap<String, Group>,
    /// Custom roles; the built-in ones are in `auth::roles`.
    #[serde(default)]
    pub roles: BTreeMap<String, BTreeSet<String>>,
    #[serde(default)]
    pub acl: BTreeMap<String, Vec<AclEntry>>,
    #[serde(default)]
    pub tfa: BTreeMap<String, Vec<Factor>>,
}
