//! Who is logged in, for how long, and with what rights.

use super::{Patient, Report};
use crate::api::{access, cluster};
use crate::config::Transport;
use crate::fault::Side;
use crate::guard::plan::Held;
use crate::ops::denial::grant_line;
use crate::ops::role::check::Known;
use crate::ops::role::measure::Scope;
use crate::ops::role::presets::preset;
use crate::ops::role::sides;
use crate::routes::Grant;

/// What may be done; none where the host does not know who asks.
pub fn look(patient: &Patient<'_>, report: &mut Report) -> Option<Held> {
    let client = patient.session.client().ok()?;
    let who = client.who().to_owned();
    let held = match client.get(&cluster::permissions()) {
        Ok(held) => held,
        Err(fault) => {
            report.fault("login", &fault);
            return None;
        }
    };
    let Some((user, token)) = who.split_once('!') else {
        let way = match patient.context.transport {
            Transport::Https => "",
            Transport::Ssh => " --host HOST --via ssh -c NAME",
            Transport::Local => " --host HOST --via local -c NAME",
        };
        let fix = format!("`felhom role bootstrap{way}` makes a context with less");
        report.note("login", format!("acts as {who}: everything is allowed"), fix);
        return Some(held);
    };
    // A token may not read its own entry; its user's, with all tokens, takes Sys.Audit.
    match client.get(&access::user(user)).ok().and_then(|there| there.tokens?.remove(token)) {
        Some(there) => expiry(&who, there.expire.unwrap_or(0), patient.now, report),
        None => report.ok("login", format!("{who} is accepted (when it ends, it may not see itself)")),
    }
    rights(patient, &who, &held, report);
    Some(held)
}

fn expiry(who: &str, expire: u64, now: i64, report: &mut Report) {
    let Some(left) = i64::try_from(expire).ok().filter(|at| *at > 0).map(|at| (at - now) / 86_400) else {
        return report.ok("login", format!("{who} is accepted and does not end"));
    };
    let fix = "`felhom role rotate --expire DATE` makes a fresh one, `felhom role bootstrap --expire DATE` sets another end";
    let said = format!("{who} is accepted and ends in {left} day{}", if left == 1 { "" } else { "s" });
    match left {
        ..7 => report.problem("login", said, fix),
        7..30 => report.note("login", said, fix),
        _ => report.ok("login", said),
    }
}

fn rights(patient: &Patient<'_>, who: &str, held: &Held, report: &mut Report) {
    let bootstrap = format!("`{} role bootstrap` grants a role to the token and to its user", patient.about.program);
    if held.is_empty() {
        return report.problem("rights", format!("{who} has no effective privilege anywhere"), bootstrap);
    }
    let Some(wanted) = patient.context.preset.as_deref().and_then(preset) else {
        let count: std::collections::BTreeSet<&String> = held.values().flat_map(|p| p.keys()).collect();
        return report
            .ok("rights", format!("{} different privileges on {} paths; `felhom role check` shows the verbs", count.len(), held.len()));
    };
    let sides = patient.session.client().ok().and_then(|client| sides::learn(client, who).ok().flatten());
    let known = Known { held, sides: sides.as_ref(), token_id: who };
    let missing = known.of_preset(wanted, &Scope::default());
    if missing.is_empty() {
        return report.ok("rights", format!("all {} privileges of the preset {}", wanted.privileges.len(), wanted.name));
    }
    for lack in missing {
        let side = match lack.side {
            Side::Token => "on the token's side",
            Side::User => "on its user's side",
            Side::Both => "on both sides",
            Side::Unknown => "on a side that it may not see",
        };
        let grant = Grant { path: lack.path.clone(), privilege: lack.privilege.clone() };
        let fix = format!("`{}`", grant_line(&grant, &patient.about));
        report.problem("rights", format!("{who} lacks {} on {} of the preset {}, {side}", lack.privilege, lack.path, wanted.name), fix);
    }
}
