//! Administrator login with password and second factor. Nothing is stored beyond the run.

use crate::api::access::{self, Ticket};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Person;
use crate::secret::Secret;
use crate::transport::https::{Https, Login};

/// Number of attempts at a terminal.
const TRIES: u32 = 3;

/// The administrator, with credentials from the command line.
#[derive(Debug, Clone)]
pub struct Admin {
    /// `root@pam`
    pub user: String,
    /// From a file or stdin [default: ask].
    pub password: Option<Secret>,
    /// The code of the second factor, or a recovery key [default: ask].
    pub code: Option<Secret>,
}

/// Logs in over a connection without credentials.
pub fn ticket(https: &Https, admin: &Admin, person: &dyn Person) -> Result<Login> {
    let user = with_realm(https, &admin.user, person)?;
    let first = password(https, &user, admin, person)?;
    let granted = if first.need_tfa { second_factor(https, &user, &first, admin, person)? } else { first };
    Ok(Login::Ticket { user: granted.username.clone(), ticket: granted.ticket(), csrf: granted.csrf() })
}

/// Asks for the realm if the user name has none.
fn with_realm(https: &Https, user: &str, person: &dyn Person) -> Result<String> {
    if user.contains('@') {
        return Ok(user.to_owned());
    }
    let realms = realms(https)?;
    let options: Vec<String> = realms.iter().map(|(realm, comment)| format!("{user}@{realm}  {comment}")).collect();
    if !person.present() {
        let names: Vec<&str> = realms.iter().map(|(realm, _)| realm.as_str()).collect();
        return Err(Fault::usage(format!("--admin {user} has no realm"))
            .with_hint(format!("write --admin {user}@REALM; the host has {}", names.join(", "))));
    }
    match person.choose("Which realm?", &options)? {
        Some(index) => Ok(format!("{user}@{}", realms[index].0)),
        None => Err(Fault::refused("no realm selected")),
    }
}

fn realms(https: &Https) -> Result<Vec<(String, String)>> {
    let realms: Vec<access::Realm> = https.ask(&access::realms())?;
    Ok(realms.into_iter().map(|realm| (realm.realm, realm.comment.unwrap_or(realm.kind))).collect())
}

fn password(https: &Https, user: &str, admin: &Admin, person: &dyn Person) -> Result<Ticket> {
    if let Some(password) = &admin.password {
        return https.log_in(user, password, None).map_err(|fault| refused(https, user, fault));
    }
    if !person.present() {
        return Err(Fault::usage(format!("no password for {user}, and there is no terminal to ask on"))
            .with_hint("use --password-stdin, FELHOM_PASSWORD_FILE=PATH, or --admin-token ID --admin-secret SOURCE"));
    }
    retry(person, || {
        let typed = person.password(&format!("Password of {user}"))?;
        https.log_in(user, &typed, None).map_err(|fault| refused(https, user, fault))
    })
}

fn second_factor(https: &Https, user: &str, first: &Ticket, admin: &Admin, person: &dyn Person) -> Result<Ticket> {
    let factors = first.factors();
    let can = |kind: &str| factors.contains(&kind);
    if !can("totp") && !can("recovery") {
        return Err(Fault::new(Kind::Unauthenticated, format!("{user} has a second factor that needs a browser: {}", factors.join(", ")))
            .with_hint("use --admin-token ID --admin-secret SOURCE, another administrator with --admin, or --via ssh"));
    }
    let challenge = first.ticket();
    let send = |code: &Secret| -> Result<Ticket> {
        let code = Secret::new(tfa_response(code.reveal()));
        https.log_in(user, &code, Some(&challenge)).map_err(|fault| Fault {
            hint: Some("check the clocks: a TOTP code is valid for 30 s and only once, a recovery key only once".into()),
            ..fault.while_(format_args!("the second factor of {user} was not accepted"))
        })
    };
    if let Some(code) = &admin.code {
        return send(code);
    }
    if !person.present() {
        return Err(Fault::usage(format!("{user} has a second factor, and there is no terminal to ask on"))
            .with_hint("add --totp CODE (or a recovery key), or use an API token: --admin-token ID --admin-secret SOURCE"));
    }
    let question = match (can("totp"), can("recovery")) {
        (true, true) => "Second factor code or recovery key",
        (true, false) => "Second factor code",
        _ => "Recovery key",
    };
    retry(person, || send(&person.password(question)?))
}

/// Formats the response to a challenge: `totp:123456` for digits, `recovery:…` otherwise.
fn tfa_response(code: &str) -> String {
    let code = code.trim();
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if (6..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("totp:{digits}")
    } else {
        format!("recovery:{code}")
    }
}

/// Retries with new input. Credentials from the command line are tried only once.
fn retry<T>(person: &dyn Person, attempt: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..TRIES {
        match attempt() {
            Err(fault) if fault.kind == Kind::Unauthenticated => person.warn(&format!("{fault}; try again")),
            settled => return settled,
        }
    }
    attempt()
}

/// Completes a login error. The host does not say what was wrong, but an unknown realm can be detected.
fn refused(https: &Https, user: &str, fault: Fault) -> Fault {
    if fault.kind != Kind::Unauthenticated {
        return fault;
    }
    let fault = Fault { message: format!("login of {user} failed"), ..fault };
    let realm = user.rsplit_once('@').map_or("", |(_, realm)| realm);
    let known = realms(https).unwrap_or_default();
    if known.is_empty() || known.iter().any(|(name, _)| name == realm) {
        return fault;
    }
    let names: Vec<String> = known.into_iter().map(|(name, _)| name).collect();
    fault.with_hint(format!("check the realm: the host has {}, not '{realm}'", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_recovery_keys_are_distinguished() {
        assert_eq!(tfa_response("123 456"), "totp:123456");
        assert_eq!(tfa_response(" 1234-5678-9abc-def0\n"), "recovery:1234-5678-9abc-def0");
        assert_eq!(tfa_response("0123456789abcdef"), "recovery:0123456789abcdef");
    }
}
