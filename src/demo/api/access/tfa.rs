//! Second factors.

use serde_json::{Value, json};

use super::ticket::reauthenticate;
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::{random_hex, random_uuid, totp};
use crate::demo::state::Factor;

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/access/tfa", list),
    ("GET", "/access/tfa/{userid}", list_user),
    ("POST", "/access/tfa/{userid}", add),
    ("GET", "/access/tfa/{userid}/{id}", read),
    ("PUT", "/access/tfa/{userid}/{id}", update),
    ("DELETE", "/access/tfa/{userid}/{id}", delete),
];

fn row(factor: &Factor) -> Value {
    let mut row = json!({ "id": factor.id, "type": factor.kind, "created": factor.created });
    if factor.kind != "recovery" {
        row["description"] = factor.description.clone().into();
    }
    if !factor.enable {
        row["enable"] = 0.into();
    }
    row
}

fn list(req: &mut Req<'_>) -> Answer {
    let privileges = ["User.Modify", "Sys.Audit"];
    let all = req.may_any("/access/groups", &privileges);
    let own = req.who.name();
    let may = |user: &str| {
        let groups = req.state.access.users.get(user).map(|u| &u.groups);
        all || user == own || groups.into_iter().flatten().any(|g| req.may_any(&format!("/access/groups/{g}"), &privileges))
    };
    let users = req.state.access.tfa.iter().filter(|(user, factors)| !factors.is_empty() && may(user));
    let rows = users.map(|(user, factors)| json!({ "userid": user, "entries": factors.iter().map(row).collect::<Value>() }));
    Ok(rows.collect::<Value>().into())
}

fn list_user(req: &mut Req<'_>) -> Answer {
    let factors = req.state.access.tfa.get(req.params.text("userid"));
    let mut factors: Vec<&Factor> = factors.into_iter().flatten().collect();
    factors.sort_by_key(|f| f.kind != "recovery");
    Ok(factors.into_iter().map(row).collect::<Value>().into())
}

fn missing(id: &str) -> Refusal {
    Refusal::new(404, format!("No such tfa entry '{id}'"))
}

fn read(req: &mut Req<'_>) -> Answer {
    let id = req.params.text("id");
    let factors = req.state.access.tfa.get(req.params.text("userid"));
    let factor = factors.into_iter().flatten().find(|f| f.id == id).ok_or_else(|| missing(id))?;
    Ok(row(factor).into())
}

fn add(req: &mut Req<'_>) -> Answer {
    let user = req.params.text("userid").to_owned();
    reauthenticate(req, &user, "password")?;
    let kind = req.params.text("type").to_owned();
    let mut factor = Factor {
        id: random_uuid(),
        kind: kind.clone(),
        description: req.params.text("description").to_owned(),
        created: req.now(),
        enable: true,
        secret: String::new(),
        keys: Vec::new(),
        last_step: 0,
    };
    let data = match kind.as_str() {
        "totp" => {
            let bad = || Refusal::die("failed to parse totp uri");
            factor.secret = totp::secret_of(req.params.text("totp")).ok_or_else(bad)?;
            let step = totp::matching_step(&factor.secret, req.params.text("value"), req.now());
            // As on the host, the code that confirms a new factor is still valid for a login.
            step.ok_or_else(|| Refusal::die("failed to verify TOTP challenge"))?;
            json!({ "id": factor.id })
        }
        "recovery" => {
            "recovery".clone_into(&mut factor.id);
            let known = req.state.access.tfa.get(&user);
            if known.into_iter().flatten().any(|f| f.kind == "recovery") {
                return Err(Refusal::die("user already has recovery keys"));
            }
            let keys: Vec<String> = (0..10).map(|_| recovery_key()).collect();
            factor.keys = keys.iter().cloned().map(Some).collect();
            json!({ "id": "recovery", "recovery": keys })
        }
        _ => return Err(Refusal::die(format!("the demo host has no second factor of type '{kind}'"))),
    };
    req.state.access.tfa.entry(user).or_default().push(factor);
    Ok(data.into())
}

fn recovery_key() -> String {
    let hex = random_hex(8);
    format!("{}-{}-{}-{}", &hex[..4], &hex[4..8], &hex[8..12], &hex[12..])
}

fn update(req: &mut Req<'_>) -> Answer {
    let (user, id) = (req.params.text("userid").to_owned(), req.params.text("id").to_owned());
    reauthenticate(req, &user, "password")?;
    let (description, enable) = (req.params.get("description").map(str::to_owned), req.params.bool("enable"));
    let factors = req.state.access.tfa.get_mut(&user);
    let factor = factors.into_iter().flatten().find(|f| f.id == id).ok_or_else(|| missing(&id))?;
    factor.enable = enable.unwrap_or(factor.enable);
    if let Some(description) = description {
        factor.description = description;
    }
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let (user, id) = (req.params.text("userid").to_owned(), req.params.text("id").to_owned());
    reauthenticate(req, &user, "password")?;
    let factors = req.state.access.tfa.entry(user).or_default();
    let before = factors.len();
    factors.retain(|f| f.id != id);
    if factors.len() == before {
        return Err(missing(&id));
    }
    Ok(Reply::null())
}
