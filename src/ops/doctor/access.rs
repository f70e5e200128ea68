//! Login, expiry and privileges of the context.

use super::{Report, Target};
use crate::api::{access, cluster};
use crate::config::Transport;
use crate::fault::Side;
use crate::guard::plan::Permissions;
use crate::ops::denial::grant_line;
use crate::ops::role::check::Known;
use crate::ops::role::measure::Scope;
use crate::ops::role::presets::preset;
use crate::ops::role::sides;
use crate::routes::Grant;
use crate::units;

/// Returns the permissions, or `None` if the login fails.
pub fn look(target: &Target<'_>, report: &mut Report) -> Option<Permissions> {
    let client = target.session.client().ok()?;
    let who = client.who().to_owned();
    let held = match client.get(&cluster::permissions()) {
        Ok(held) => held,
        Err(fault) => {
            report.fault("login", &fault);
            return None;
        }
    };
    let Some((user, token)) = who.split_once('!') else {
        let way = match target.context.transport {
            Transport::Https => "",
            Transport::Ssh => " --host HOST --via ssh -c NAME",
            Transport::Local => " --host HOST --via local -c NAME",
        };
        let fix = format!("run `felhom role bootstrap{way}` to create a context with fewer privileges");
        report.note("login", format!("logged in as {who}, which has every privilege"), fix);
        return Some(held);
    };
    // A token cannot read its own entry; the user's entry with its tokens needs Sys.Audit.
    match client.get(&access::user(user)).ok().and_then(|there| there.tokens?.remove(token)) {
        Some(there) => expiry(&who, there.expire.unwrap_or(0), target.now, report),
        None => report.ok("login", format!("logged in as {who} (the token cannot read its expiry date)")),
    }
    rights(target, &who, &held, report);
    Some(held)
}

fn expiry(who: &str, expire: u64, now: i64, report: &mut Report) {
    let Some(at) = i64::try_from(expire).ok().filter(|at| *at > 0) else {
        return report.ok("login", format!("logged in as {who}, which never expires"));
    };
    let fix = "run `felhom role rotate --expire DATE` for a new secret, or `felhom role bootstrap --expire DATE` to extend it";
    let said = format!("logged in as {who}, which {}", units::expiry(at, now));
    match (at - now).div_euclid(86_400) {
        ..7 => report.problem("login", said, fix),
        7..30 => report.note("login", said, fix),
        _ => report.ok("login", said),
    }
}

fn rights(target: &Target<'_>, who: &str, held: &Permissions, report: &mut Report) {
    let bootstrap = format!("run `{} role bootstrap` to grant a role to token and user", target.about.program);
    if held.is_empty() {
        return report.problem("rights", format!("{who} has no privileges on any path"), bootstrap);
    }
    let Some(wanted) = target.context.preset.as_deref().and_then(preset) else {
        let count: std::collections::BTreeSet<&String> = held.values().flat_map(|p| p.keys()).collect();
        return report
            .ok("rights", format!("{} privileges on {} paths; `felhom role check` lists the allowed commands", count.len(), held.len()));
    };
    let sides = target.session.client().ok().and_then(|client| sides::read(client, who).ok().flatten());
    let known = Known { held, sides: sides.as_ref(), token_id: who };
    let missing = known.of_preset(wanted, &Scope::default());
    if missing.is_empty() {
        return report.ok("rights", format!("all {} privileges of preset {}", wanted.privileges.len(), wanted.name));
    }
    for lack in missing {
        let side = match lack.side {
            Side::Token => "missing on the token",
            Side::User => "missing on the user",
            Side::Both => "missing on token and user",
            Side::Unknown => "side unknown",
        };
        let grant = Grant { path: lack.path.clone(), privilege: lack.privilege.clone() };
        let fix = format!("run `{}`", grant_line(&grant, &target.about));
        report.problem("rights", format!("{who} lacks {} on {} (preset {}; {side})", lack.privilege, lack.path, wanted.name), fix);
    }
}
