//! Users, tokens, roles and the access control list.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value as Json;

use crate::api::cluster::Permissions;
use crate::api::{Call, Method, Request, Value, lenient};
use crate::path;
use crate::secret::Secret;

/// An authentication realm. Listing realms needs no login.
#[derive(Debug, Clone, Deserialize)]
pub struct Realm {
    pub realm: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    #[serde(default)]
    pub comment: Option<String>,
}

/// A role with its privileges.
#[derive(Debug, Clone, Deserialize)]
pub struct Role {
    #[serde(rename = "roleid")]
    pub name: String,
    #[serde(default)]
    privs: Option<String>,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub special: bool,
}

impl Role {
    pub fn privileges(&self) -> BTreeSet<String> {
        self.privs.as_deref().unwrap_or_default().split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect()
    }
}

/// The parts of a user that matter for tokens.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    #[serde(default, deserialize_with = "lenient::flag")]
    pub enable: bool,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub expire: Option<u64>,
    #[serde(default)]
    pub comment: Option<String>,
    #[serde(default)]
    pub groups: Vec<String>,
    /// By token ID; the host returns `null` if there are none.
    #[serde(default)]
    pub tokens: Option<BTreeMap<String, Token>>,
}

/// A token without its secret.
#[derive(Debug, Clone, Deserialize)]
pub struct Token {
    #[serde(default, deserialize_with = "lenient::flag")]
    pub privsep: bool,
    #[serde(default, deserialize_with = "lenient::opt_u64")]
    pub expire: Option<u64>,
    #[serde(default)]
    pub comment: Option<String>,
}

impl Token {
    pub fn expired(&self, now: i64) -> bool {
        self.expire.is_some_and(|at| at > 0 && i64::try_from(at).is_ok_and(|at| at <= now))
    }
}

/// An entry of the access control list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    pub path: String,
    /// `user`, `group` or `token`.
    #[serde(rename = "type")]
    pub kind: String,
    pub ugid: String,
    pub roleid: String,
    #[serde(default, deserialize_with = "lenient::flag")]
    pub propagate: bool,
}

pub fn realms() -> Call<Vec<Realm>> {
    Call::get(path!["access", "domains"])
}

pub fn roles() -> Call<Vec<Role>> {
    Call::get(path!["access", "roles"])
}

pub fn user(user: &str) -> Call<User> {
    Call::get(path!["access", "users", user])
}

pub fn tokens(user: &str) -> Call<Json> {
    Call::get(path!["access", "users", user, "token"])
}

pub fn acl() -> Call<Vec<Entry>> {
    Call::get(path!["access", "acl"])
}

/// Permissions of another user or token. Needs `Sys.Audit` on `/access`.
pub fn permissions_of(who: &str) -> Call<Permissions> {
    Call::get(path!["access", "permissions"]).with("userid", who)
}

/// Permissions of another user or token on one path.
pub fn permissions_on(who: &str, path: &str) -> Call<Permissions> {
    permissions_of(who).with("path", path)
}

pub fn add_role(role: &str, privileges: &BTreeSet<String>) -> Call<()> {
    Call::post(path!["access", "roles"]).with("roleid", role).with("privs", list(privileges))
}

/// Replaces a role's privileges. The parameter is always sent: without it, the host empties the role.
pub fn set_role(role: &str, privileges: &BTreeSet<String>) -> Call<()> {
    Call::put(path!["access", "roles", role]).with("privs", list(privileges))
}

pub fn delete_role(role: &str) -> Call<()> {
    Call::delete(path!["access", "roles", role])
}

pub fn add_user(user: &str, comment: &str) -> Call<()> {
    Call::post(path!["access", "users"]).with("userid", user).with("comment", comment)
}

pub fn delete_user(user: &str) -> Call<()> {
    Call::delete(path!["access", "users", user])
}

/// Creates a token. The reply contains the secret as `value`, which the host shows only once.
pub fn add_token(user: &str, token: &str, comment: &str, expire: u64) -> Call<Json> {
    Call::post(path!["access", "users", user, "token", token]).with("privsep", true).with("expire", expire).with("comment", comment)
}

/// Replaces the secret of an existing token.
pub fn regenerate_token(user: &str, token: &str) -> Call<Json> {
    Call::put(path!["access", "users", user, "token", token]).with("regenerate", true)
}

/// Changes privilege separation and expiry of a token.
pub fn set_token(user: &str, token: &str, privsep: Option<bool>, expire: Option<u64>) -> Call<Json> {
    Call::put(path!["access", "users", user, "token", token]).with_some("privsep", privsep).with_some("expire", expire)
}

pub fn delete_token(user: &str, token: &str) -> Call<()> {
    Call::delete(path!["access", "users", user, "token", token])
}

/// The user or token of an ACL entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    User(String),
    /// `user@realm!token`
    Token(String),
}

impl Subject {
    pub fn id(&self) -> &str {
        match self {
            Self::User(id) | Self::Token(id) => id,
        }
    }

    /// The type in the access control list.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Token(_) => "token",
        }
    }

    fn param(&self) -> &'static str {
        match self {
            Self::User(_) => "users",
            Self::Token(_) => "tokens",
        }
    }
}

/// Adds roles of a subject on a path; existing ones are kept.
pub fn grant(path: &str, subject: &Subject, roles: &[String]) -> Call<()> {
    Call::put(path!["access", "acl"]).with("path", path).with(subject.param(), subject.id()).with("roles", roles.to_vec())
}

/// Removes a role of a subject on a path.
pub fn revoke(path: &str, subject: &Subject, role: &str) -> Call<()> {
    Call::put(path!["access", "acl"]).with("path", path).with(subject.param(), subject.id()).with("roles", role).with("delete", true)
}

/// Logs in. This is the only call with a password.
pub fn log_in(user: &str, password: &Secret, challenge: Option<&Secret>) -> Call<Ticket> {
    let mut request = Request::new(Method::Post, path!["access", "ticket"]);
    request.params.push(("username".into(), Value::from(user)));
    request.params.push(("password".into(), Value::Secret(password.clone())));
    if let Some(challenge) = challenge {
        request.params.push(("tfa-challenge".into(), Value::Secret(challenge.clone())));
    }
    Call::of(request)
}

/// The result of a login: a ticket, or a challenge for the second factor.
#[derive(Deserialize)]
pub struct Ticket {
    pub username: String,
    ticket: String,
    #[serde(rename = "CSRFPreventionToken", default)]
    csrf: String,
    #[serde(rename = "NeedTFA", default, deserialize_with = "lenient::flag")]
    pub need_tfa: bool,
}

impl Ticket {
    pub fn ticket(&self) -> Secret {
        Secret::new(&self.ticket)
    }

    pub fn csrf(&self) -> Secret {
        Secret::new(&self.csrf)
    }

    /// Returns the second factors of a challenge, which lists them percent-encoded.
    pub fn factors(&self) -> Vec<&'static str> {
        let text = self.ticket.replace("%22", "\"").replace("%3A", ":").replace("%3a", ":");
        ["totp", "recovery", "webauthn", "u2f", "yubico"].into_iter().filter(|kind| text.contains(&format!("\"{kind}\""))).collect()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.ticket);
        zeroize::Zeroize::zeroize(&mut self.csrf);
    }
}

fn list(privileges: &BTreeSet<String>) -> Vec<String> {
    privileges.iter().cloned().collect()
}

/// Converts the list of a user's tokens to a map by token ID.
pub fn token_map(list: &Json) -> BTreeMap<String, Token> {
    let tokens = list.as_array().into_iter().flatten();
    tokens
        .filter_map(|one| {
            let id = one.get("tokenid").and_then(lenient::text)?;
            Some((id, Token::deserialize(one).ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_lists_its_second_factors() {
        let ticket: Ticket = serde_json::from_value(serde_json::json!({
            "username": "op@pve", "NeedTFA": 1, "CSRFPreventionToken": "x",
            "ticket": "PVE:!tfa!{\"totp\"%3Atrue,\"recovery\"%3A[0,1]}:6B0040D0::x",
        }))
        .expect("an answer");
        assert!(ticket.need_tfa);
        assert_eq!(ticket.factors(), ["totp", "recovery"]);
    }

    #[test]
    fn a_role_is_never_sent_without_its_privileges() {
        let call = set_role("FelhomAgent", &["VM.Audit".to_owned(), "VM.Backup".to_owned()].into());
        assert_eq!(call.request.param("privs").map(Value::shown).as_deref(), Some("VM.Audit,VM.Backup"));
    }
}
