//! From the headers of a request to the one who sent it.

use super::ticket;
use crate::demo::api::Refusal;
use crate::demo::state::State;

/// The one who asks: a user with a ticket, or one of a user's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// `root@pam`; empty for a call that needs no login.
    pub user: String,
    pub token: Option<String>,
}

impl Who {
    pub fn user(user: impl Into<String>) -> Self {
        Self { user: user.into(), token: None }
    }

    /// From `felhom@pve!agent` or `root@pam`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('!') {
            Some((user, token)) => Self { user: user.to_owned(), token: Some(token.to_owned()) },
            None => Self::user(text),
        }
    }

    /// `felhom@pve!agent` or `root@pam`: how tasks and messages name them.
    pub fn name(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// `root@pam` with a ticket: the only one who may everything.
    pub fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

/// What a request brings to show who sent it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub cookie: Option<String>,
    pub api_token: Option<String>,
    pub csrf: Option<String>,
}

/// Calls that anybody may make.
fn needs_no_login(method: &str, path: &str) -> bool {
    matches!(
        (method, path),
        ("GET", "/access/domains")
            | ("GET" | "POST", "/access/ticket")
            | ("POST", "/access/vncticket" | "/access/openid/login" | "/access/openid/auth-url")
    )
}

/// A cookie wins over a token, as in Proxmox.
pub fn authenticate(state: &State, method: &str, path: &str, given: &Credentials, now: i64) -> Result<Who, Refusal> {
    if needs_no_login(method, path) {
        return Ok(Who::default());
    }
    let failed = || Refusal::unauthenticated("Authentication failed!");
    if let Some(ticket) = &given.cookie {
        let user = ticket::verify_ticket(state, ticket, now).ok_or_else(failed)?;
        if !is_enabled(state, &user, now) {
            return Err(failed());
        }
        let valid = || given.csrf.as_deref().is_some_and(|csrf| ticket::verify_csrf(state, csrf, &user, now));
        let is_upload = method == "POST" && path.starts_with("/nodes/") && path.ends_with("/upload");
        if method != "GET" && !is_upload && !valid() {
            return Err(Refusal::unauthenticated("Permission denied - invalid csrf token"));
        }
        return Ok(Who::user(user));
    }
    let Some(token) = &given.api_token else { return Err(Refusal::unauthenticated("No ticket")) };
    verify_token(state, token, now).ok_or_else(failed)
}

/// `user@realm!id=secret`, of an enabled user, not expired.
fn verify_token(state: &State, text: &str, now: i64) -> Option<Who> {
    let (id, secret) = text.rsplit_once('=')?;
    let who = Who::parse(id);
    let token = state.access.users.get(&who.user)?.tokens.get(who.token.as_ref()?)?;
    let in_time = token.expire == 0 || token.expire >= now;
    (is_enabled(state, &who.user, now) && in_time && token.secret == secret).then_some(who)
}

pub(super) fn is_enabled(state: &State, user: &str, now: i64) -> bool {
    state.access.users.get(user).is_some_and(|u| u.enable && (u.expire <= 0 || u.expire >= now))
}
