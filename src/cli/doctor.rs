//! `felhom doctor`.

use clap::Args;

use crate::cli::Ctx;
use crate::cli::ctx::lost_secret;
use crate::config::secrets::{Account, Source, Vault};
use crate::config::{Context, Selection};
use crate::fault::{Fault, Result};
use crate::ops::doctor::{Finding, Report, State, Target, examine, verdict};
use crate::ui::{Cell, Column, Detail, Row, Tone, units};

/// Find problems with host, access and configuration
///
/// Each finding is ok, a note or a problem; notes and problems come with a fix. Exit 0 only without problems.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom doctor\n  felhom doctor --all-contexts --filter state!=ok\n  felhom doctor -o json --jq '.[] | select(.state==\"problem\") | .fix'"
)]
pub struct Doctor {}

impl Doctor {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let contexts = if ctx.global.all_contexts {
            ctx.config()?.select(&Selection::All)?
        } else if ctx.global.contexts.is_empty() {
            vec![ctx.context()?]
        } else {
            ctx.config()?.select(&Selection::Names(ctx.global.contexts.clone()))?
        };
        let mut findings: Vec<Finding> = Vec::new();
        for context in contexts {
            let session = ctx.open(context.clone());
            let target = Target {
                session: &session,
                context: &context,
                about: ctx.about(&context),
                env: &ctx.around.env,
                unreadable: unreadable(ctx, &context),
                now: units::now(),
            };
            let mut report = examine(&target);
            fence(ctx, &context, &mut report);
            findings.extend(report.findings);
        }
        ctx.out.list_in_detail(&findings, details)?;
        verdict(&findings)
    }
}

/// Areas with their labels, in groups.
const GROUPS: &[&[(&str, &str)]] = &[
    &[("reach", "Connection"), ("certificate", "Certificate"), ("clock", "Clock"), ("version", "Version")],
    &[("secret", "Secret"), ("login", "Login"), ("rights", "Privileges"), ("fence", "Root helper")],
    &[("cluster", "Cluster"), ("storage", "Storage"), ("archives", "Backups"), ("locks", "Locks")],
];

fn details(findings: &[&Finding]) -> Vec<Detail> {
    let mut lines = Vec::new();
    for own in findings.chunk_by(|a, b| a.context == b.context) {
        if own.len() < findings.len() {
            lines.push(Detail::new("Context", Cell::text(&own[0].context)).group());
        }
        for group in GROUPS {
            let mut first = true;
            for (area, label) in *group {
                for (at, finding) in own.iter().filter(|finding| finding.area == *area).enumerate() {
                    let line = Detail::new(if at == 0 { *label } else { "" }, Cell::text(&finding.message));
                    let line = line.marked(finding.state.word(), tone(finding.state));
                    lines.push(if std::mem::take(&mut first) { line.group() } else { line });
                    lines.extend(finding.fix.as_ref().map(|fix| Detail::new("", Cell::text(format!("fix: {fix}"))).marked("", Tone::Dim)));
                }
            }
        }
    }
    lines
}

fn tone(state: State) -> Tone {
    match state {
        State::Ok => Tone::Good,
        State::Note => Tone::Warn,
        State::Problem => Tone::Bad,
    }
}

/// What wakes neither a keyring nor a password manager is read here, to see whether it can be.
fn unreadable(ctx: &Ctx, context: &Context) -> Option<Fault> {
    let (Some(id), Some(source)) = (&context.token_id, &context.secret) else { return None };
    if !matches!(source, Source::File(_) | Source::Env(_) | Source::Credential(_)) {
        return None;
    }
    let vault = Vault::new(&ctx.around.env, &ctx.around.paths, &ctx.around.interrupt);
    vault.read(source, &Account::new(&context.name, id)).err().map(|fault| lost_secret(fault, &context.name))
}

/// The root helper, where the context has one.
#[cfg(feature = "fence")]
fn fence(ctx: &Ctx, context: &Context, report: &mut Report) {
    use crate::fence::client::Fence;
    use crate::fence::request::Version;
    let Some(settings) = &context.fence else { return };
    let asked = Fence::of(settings, ctx.around.interrupt.clone()).and_then(|fence| fence.ask(Version {}));
    report.fence(asked.map(|answer| format!("version {}", answer.reply.version)));
}

#[cfg(not(feature = "fence"))]
fn fence(_: &Ctx, _: &Context, _: &mut Report) {}

impl Row for Finding {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |f: &Self| Cell::text(&f.context)).wide(),
            Column::new("area", |f: &Self| Cell::text(f.area)),
            Column::new("state", |f: &Self| Cell::state(f.state.word(), tone(f.state))),
            Column::new("message", |f: &Self| Cell::text(&f.message)).wraps(),
            Column::new("fix", |f: &Self| Cell::maybe(f.fix.clone(), Cell::Text)).wraps(),
        ]
    }

    fn id(&self) -> String {
        self.area.to_owned()
    }

    fn noun() -> &'static str {
        "findings"
    }
}
