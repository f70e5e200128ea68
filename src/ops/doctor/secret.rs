//! Where the secret is stored, and whether cron jobs and systemd units can read it.

use super::{Report, Target};
use crate::config::Transport;
use crate::config::secrets::Source;

/// Checks the secret. Returns whether there is one.
pub fn look(target: &Target<'_>, report: &mut Report) -> bool {
    if target.context.transport != Transport::Https {
        return true;
    }
    let name = &target.context.name;
    if let Some(fault) = &target.unreadable {
        report.fault("secret", fault);
        return false;
    }
    if target.context.token_id.is_none() {
        report.problem("secret", "the context has no token", format!("run `felhom role bootstrap -c {name}` to create one"));
        return false;
    }
    match &target.context.secret {
        None => report.problem(
            "secret",
            "the context has no secret",
            format!("run `felhom context edit {name}` to add it, or `felhom role bootstrap -c {name} --store file` for a new one"),
        ),
        Some(Source::Keyring) => report.note(
            "secret",
            "stored in the keyring, which cron jobs and systemd units cannot read",
            "for cron, run `felhom role bootstrap --store file --token-name cron -c NAME`",
        ),
        Some(Source::Command(words)) => report.note(
            "secret",
            format!("read from the command `{}`, which must work without a terminal", words.first().map_or("", String::as_str)),
            "test it with `env -i`, or use credential:NAME in a unit",
        ),
        Some(Source::Env(variable)) => report.note(
            "secret",
            format!("read from the environment variable {variable}"),
            "use file:PATH or keyring instead: child processes can read the environment",
        ),
        Some(source @ (Source::File(_) | Source::Credential(_))) => {
            report.ok("secret", format!("read from {source}"));
        }
        Some(Source::Literal(_)) => report.ok("secret", "stored in the configuration file"),
    }
    target.context.secret.is_some()
}
