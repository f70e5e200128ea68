//! Can the secret be read where nobody sits: in cron, in a systemd unit?

use super::{Patient, Report};
use crate::config::Transport;
use crate::config::secrets::Source;

/// Whether there is a secret to ask with.
pub fn look(patient: &Patient<'_>, report: &mut Report) -> bool {
    if patient.context.transport != Transport::Https {
        return true;
    }
    let name = &patient.context.name;
    if let Some(fault) = &patient.unreadable {
        report.fault("secret", fault);
        return false;
    }
    if patient.context.token_id.is_none() {
        report.problem("secret", "the context names no token", format!("`felhom role bootstrap -c {name}` makes one"));
        return false;
    }
    match &patient.context.secret {
        None => report.problem(
            "secret",
            "the context does not say where its secret is",
            format!("`felhom context edit {name}` names it, or `felhom role bootstrap -c {name} --store file` makes a new one"),
        ),
        Some(Source::Keyring) => report.note(
            "secret",
            "it is in the keyring: cron and systemd units have none",
            "for those: `felhom role bootstrap --store file --token-name cron -c NAME`, or credential:NAME",
        ),
        Some(Source::Command(words)) => report.note(
            "secret",
            format!("`{}` gives it: does that work where nobody can unlock it?", words.first().map_or("", String::as_str)),
            "try it with `env -i` in a unit, or use credential:NAME there",
        ),
        Some(Source::Env(variable)) => report.note(
            "secret",
            format!("it is in the environment ({variable})"),
            "children of your shell see it; file:PATH or keyring are safer",
        ),
        Some(source @ (Source::File(_) | Source::Credential(_))) => {
            report.ok("secret", format!("it is read from {source}, also without a session"));
        }
        Some(Source::Literal(_)) => report.ok("secret", "it stands in the context itself"),
    }
    patient.context.secret.is_some()
}
