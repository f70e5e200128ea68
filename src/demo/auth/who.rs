//! The caller of a request, from its headers.

use super::ticket;
use crate::demo::api::Refusal;
use crate::demo::state::State;

/// The caller: a user with a ticket, or a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// For example `root@pam`; empty for a call that requires no login.
    pub user: String,
    pub token: Option<String>,
}

impl Who {
    pub fn user(user: impl Into<String>) -> Self {
        Self { user: user.into(), token: None }
    }

    /// Parses `felhom@pve!agent` or `root@pam`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('!') {
            Some((user, token)) => Self { user: user.to_owned(), token: Some(token.to_owned()) },
            None => Self::user(text),
        }
    }

    /// Returns `felhom@pve!agent` or `root@pam`, as in tasks and messages.
    pub fn name(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// Whether the caller is `root@pam` with a ticket, who passes every check.
    pub fn is_root(&self) -> bool {
        self.user == "root@pam" && self.token.is_none()
    }
}

/// The credentials in a request.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub cookie: Option<String>,
    pub api_token: Option<String>,
    pub csrf: Option<String>,
}

/// Whether a call requires no login.
fn needs_no_login(method: &str, path: &str) -> bool {
    matches!(
        (method, path),
        ("GET", "/access/domains")
            | ("GET" | "POST", "/access/ticket")
            | ("POST", "/access/vncticket" | "/access/openid/login" | "/access/openid/auth-url")
    )
}

/// Authenticates a request. As in Proxmox, a cookie overrides a token.
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

/// Checks `user@realm!id=secret`: an enabled user and a token that has not expired.
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
