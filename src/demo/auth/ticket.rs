//! Tickets and CSRF tokens: `PVE:user:hex time::signature` and `hex time:signature`.

use ring::hmac;

use super::password::hex;
use crate::demo::state::State;

/// Lifetime of a ticket in seconds.
pub const TICKET_LIFE: i64 = 2 * 3600;

fn sign(state: &State, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, state.ticket_key.as_bytes());
    hex(hmac::sign(&key, text.as_bytes()).as_ref())
}

/// Creates a ticket for a login.
pub fn assemble_ticket(state: &State, user: &str, now: i64) -> String {
    let plain = format!("PVE:{user}:{now:08X}");
    let signature = sign(state, &plain);
    format!("{plain}::{signature}")
}

/// Returns the user of a valid ticket. A challenge is not a ticket.
pub fn verify_ticket(state: &State, ticket: &str, now: i64) -> Option<String> {
    let plain = signed_part(state, ticket, now)?;
    let (user, _) = plain.strip_prefix("PVE:")?.rsplit_once(':')?;
    (!user.starts_with('!')).then(|| user.to_owned())
}

/// Returns the content of a ticket whose signature and time are valid.
pub(super) fn signed_part<'a>(state: &State, ticket: &'a str, now: i64) -> Option<&'a str> {
    let (plain, signature) = ticket.rsplit_once("::")?;
    if sign(state, plain) != signature {
        return None;
    }
    let (_, time) = plain.rsplit_once(':')?;
    let age = now - i64::from_str_radix(time, 16).ok()?;
    (-300..=TICKET_LIFE).contains(&age).then_some(plain)
}

pub fn assemble_csrf(state: &State, user: &str, now: i64) -> String {
    let signature = sign(state, &format!("csrf:{user}:{now:08X}"));
    format!("{now:08X}:{signature}")
}

pub fn verify_csrf(state: &State, token: &str, user: &str, now: i64) -> bool {
    let Some((time, signature)) = token.split_once(':') else { return false };
    let Ok(at) = i64::from_str_radix(time, 16) else { return false };
    (-300..=24 * 3600).contains(&(now - at)) && sign(state, &format!("csrf:{user}:{time}")) == signature
}

/// Creates a challenge: a ticket that only names the accepted second factors.
pub(super) fn assemble_challenge(state: &State, user: &str, factors: &str, now: i64) -> String {
    let plain = format!("PVE:!tfa!{factors}:{now:08X}");
    let signature = sign(state, &format!("{user}:{plain}"));
    format!("{plain}::{signature}")
}

/// Whether a challenge is valid for this user.
pub(super) fn verify_challenge(state: &State, user: &str, challenge: &str, now: i64) -> bool {
    let Some((plain, signature)) = challenge.rsplit_once("::") else { return false };
    let time = plain.rsplit_once(':').and_then(|(_, t)| i64::from_str_radix(t, 16).ok());
    plain.starts_with("PVE:!tfa!")
        && sign(state, &format!("{user}:{plain}")) == signature
        && time.is_some_and(|t| (-300..=600).contains(&(now - t)))
}
