//! Logging an administrator in: password, second factor, ticket. Nothing of it is kept beyond the run.

use crate::api::access::{self, Ticket};
use crate::fault::{Fault, Kind, Result};
use crate::guard::Person;
use crate::secret::Secret;
use crate::transport::https::{Https, Login};

/// How often a person may mistype.
const TRIES: u32 = 3;

/// Who logs in, and what was given beforehand.
#[derive(Debug, Clone)]
pub struct Admin {
    /// `root@pam`
    pub user: String,
    /// From a file or stdin; asked for without.
    pub password: Option<Secret>,
    /// The code of the second factor, or a recovery key; asked for without.
    pub code: Option<Secret>,
}

/// Logs in over a connection that is nobody's yet.
pub fn ticket(https: &Https, admin: &Admin, person: &dyn Person) -> Result<Login> {
    let user = with_realm(https, &admin.user, person)?;
    let first = password(https, &user, admin, person)?;
    let granted = if first.need_tfa { second(https, &user, &first, admin, person)? } else { first };
    Ok(Login::Ticket { user: granted.username.clone(), ticket: granted.ticket(), csrf: granted.csrf() })
}

/// A user without a realm is asked for one, from those that the host has.
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
        None => Err(Fault::refused("no realm was picked")),
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
    again(person, || {
        let typed = person.password(&format!("Password of {user}"))?;
        https.log_in(user, &typed, None).map_err(|fault| refused(https, user, fault))
    })
}

fn second(https: &Https, user: &str, first: &Ticket, admin: &Admin, person: &dyn Person) -> Result<Ticket> {
    let factors = first.factors();
    let can = |kind: &str| factors.contains(&kind);
    if !can("totp") && !can("recovery") {
        return Err(Fault::new(
            Kind::Unauthenticated,
            format!("{user} has a second factor that a terminal cannot serve: {}", factors.join(", ")),
        )
        .with_hint("use --admin-token ID --admin-secret SOURCE, another administrator with --admin, or --via ssh"));
    }
    let challenge = first.ticket();
    let send = |code: &Secret| -> Result<Ticket> {
        let code = Secret::new(answer(code.reveal()));
        https.log_in(user, &code, Some(&challenge)).map_err(|fault| Fault {
            hint: Some("a code works once and for half a minute, a recovery key once; look at the clocks of phone and host".into()),
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
        (true, true) => "Code of the second factor, or a recovery key",
        (true, false) => "Code of the second factor",
        _ => "Recovery key",
    };
    again(person, || send(&person.password(question)?))
}

/// `totp:123456` for digits, `recovery:…` for anything else.
fn answer(code: &str) -> String {
    let code = code.trim();
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if (6..=8).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        format!("totp:{digits}")
    } else {
        format!("recovery:{code}")
    }
}

/// A person may try again; what was given beforehand may not.
fn again<T>(person: &dyn Person, attempt: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..TRIES {
        match attempt() {
            Err(fault) if fault.kind == Kind::Unauthenticated => person.warn(&format!("{fault}; try again")),
            settled => return settled,
        }
    }
    attempt()
}

/// The host does not say what was wrong; an unknown realm can be told all the same.
fn refused(https: &Https, user: &str, fault: Fault) -> Fault {
    if fault.kind != Kind::Unauthenticated {
        return fault;
    }
    let fault = Fault { message: format!("the host did not accept the login of {user}"), ..fault };
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
    fn a_code_and_a_recovery_key_are_told_apart() {
        assert_eq!(answer("123 456"), "totp:123456");
        assert_eq!(answer(" 1234-5678-9abc-def0\n"), "recovery:1234-5678-9abc-def0");
        assert_eq!(answer("0123456789abcdef"), "recovery:0123456789abcdef");
    }
}
