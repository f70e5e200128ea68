//! `felhom context test`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::cli::{Ctx, complete};
use crate::config::{Context, Selection, Transport};
use crate::fault::{Fault, Kind, Result};
use crate::ops::context::{check_login, peer_certificate};
use crate::ui::{Cell, Column, Row, Tone, units};

use super::view::Trusted;

/// Test every endpoint: connection, trust, login
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom context test\n  felhom context test home office -o json\n  felhom context test --all-contexts")]
pub struct Test {
    /// Contexts [default: the current one]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    names: Vec<String>,
}

/// The result of one endpoint.
#[derive(Debug, Clone, Serialize)]
struct Tested {
    context: String,
    endpoint: String,
    /// `ok`, or the kind of error: unreachable, untrusted, unauthenticated, …
    status: &'static str,
    latency_ms: Option<u64>,
    trust: Trusted,
    fingerprint: Option<String>,
    /// RFC 3339.
    valid_until: Option<String>,
    days_left: Option<i64>,
    version: Option<String>,
    who: Option<String>,
    privileges: Option<usize>,
    message: Option<String>,
}

/// Days before expiry to warn: Proxmox renews its certificates two weeks before.
const SOON: i64 = 14;

impl Test {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let contexts: Vec<Context> = if !self.names.is_empty() {
            self.names.iter().map(|name| super::named(ctx, Some(name))).collect::<Result<_>>()?
        } else if ctx.global.all_contexts {
            ctx.config()?.select(&Selection::All)?
        } else if !ctx.global.contexts.is_empty() {
            ctx.config()?.select(&Selection::Names(ctx.global.contexts.clone()))?
        } else {
            vec![super::named(ctx, None)?]
        };
        let mut rows = Vec::new();
        let mut faults = Vec::new();
        for context in &contexts {
            ctx.within_reach(&context.endpoints)?;
            for (row, fault) in endpoints(ctx, context) {
                if let Some(days) = row.days_left.filter(|days| *days < SOON) {
                    ctx.out.warn(format!(
                        "the certificate of {} {}",
                        row.endpoint,
                        units::expiry(units::now() + days * 86_400, units::now())
                    ));
                }
                rows.push(row);
                faults.extend(fault);
            }
        }
        ctx.out.list(&rows)?;
        let Some(first) = faults.first().cloned() else { return Ok(()) };
        if rows.len() == 1 {
            return Err(first);
        }
        let alike = faults.len() == rows.len() && faults.iter().all(|fault| fault.exit_code() == first.exit_code());
        let hint = first.hint().to_owned();
        Err(Fault {
            exit: alike.then(|| first.exit_code()),
            ..Fault::new(Kind::Partial, format!("{} of {} endpoints cannot be used: {first}", faults.len(), rows.len())).with_hint(hint)
        })
    }
}

fn endpoints(ctx: &Ctx, context: &Context) -> Vec<(Tested, Option<Fault>)> {
    if context.transport != Transport::Https {
        let place = context.ssh.as_ref().map_or_else(|| "this machine".to_owned(), |ssh| format!("ssh {}", ssh.host));
        return vec![ask(ctx, context.clone(), blank(context, place))];
    }
    let each = context.endpoints.iter().map(|endpoint| {
        let mut row = blank(context, endpoint.url.to_string());
        let mut one = context.clone();
        one.endpoints = vec![endpoint.clone()];
        // The certificate is read separately, so that an untrusted one is shown too.
        if context.proxy.is_none()
            && let Ok(cert) = peer_certificate(endpoint, &ctx.around.interrupt)
        {
            row.fingerprint = Some(cert.sha256.to_string());
            row.valid_until = Some(units::rfc3339(cert.not_after));
            row.days_left = Some(cert.days_left(units::now()));
        }
        if endpoint.fingerprint.is_some() && !context.insecure {
            row.trust = Trusted::Fingerprint;
        }
        ask(ctx, one, row)
    });
    each.collect()
}

fn blank(context: &Context, endpoint: String) -> Tested {
    Tested {
        context: context.name.clone(),
        endpoint,
        status: "ok",
        latency_ms: None,
        trust: Trusted::of(context),
        fingerprint: None,
        valid_until: None,
        days_left: None,
        version: None,
        who: None,
        privileges: None,
        message: None,
    }
}

fn ask(ctx: &Ctx, context: Context, mut row: Tested) -> (Tested, Option<Fault>) {
    let session = ctx.open(context);
    match session.client().and_then(check_login) {
        Ok(proof) => {
            row.latency_ms = Some(proof.latency_ms);
            row.version = Some(proof.version);
            row.who = Some(proof.who);
            row.privileges = Some(proof.privileges);
            (row, None)
        }
        Err(fault) => {
            row.status = fault.kind.word();
            row.message = Some(fault.message.clone());
            (row, Some(fault))
        }
    }
}

impl Row for Tested {
    fn columns() -> Vec<Column<Self>> {
        let tone = |row: &Self| if row.status == "ok" { Tone::Good } else { Tone::Bad };
        vec![
            Column::new("context", |r: &Self| Cell::text(&r.context)),
            Column::new("endpoint", |r: &Self| Cell::text(&r.endpoint)).flex(),
            Column::new("status", move |r: &Self| Cell::state(r.status, tone(r))),
            Column::new("latency_ms", |r: &Self| Cell::maybe(r.latency_ms.and_then(|ms| i64::try_from(ms).ok()), Cell::Int)).title("MS"),
            Column::new("trust", |r: &Self| Cell::state(r.trust.word(), r.trust.tone())),
            Column::new("days_left", |r: &Self| {
                Cell::maybe(r.days_left, |days| Cell::Expiry(days, if days < SOON { Tone::Warn } else { Tone::Good }))
            })
            .title("EXPIRES"),
            Column::new("version", |r: &Self| Cell::maybe(r.version.clone(), Cell::Text)),
            Column::new("who", |r: &Self| Cell::maybe(r.who.clone(), Cell::Text)).flex(),
            Column::new("privileges", |r: &Self| Cell::maybe(r.privileges.and_then(|n| i64::try_from(n).ok()), Cell::Int)).title("PRIVS"),
            Column::new("fingerprint", |r: &Self| Cell::maybe(r.fingerprint.clone(), Cell::Text)).hidden(),
            Column::new("valid_until", |r: &Self| Cell::maybe(r.valid_until.clone(), Cell::Text)).hidden(),
            Column::new("message", |r: &Self| Cell::maybe(r.message.clone(), Cell::Text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.endpoint.clone()
    }

    fn noun() -> &'static str {
        "endpoints"
    }
}
