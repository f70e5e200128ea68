//! `felhom context remove`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::config::secrets::{Account, Source, Vault};
use crate::config::{Config, Context, Editor};
use crate::fault::{Fault, Result};
use crate::guard::said;
use crate::ui::prompt;

use super::change::{Action, Changed, Status};

/// Remove a context, its stored secret and pinned CA
///
/// Nothing changes on the host: the token stays valid until `felhom role revoke` deletes it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom context remove old\n  felhom context remove old --yes")]
pub struct Remove {
    /// Context
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    name: String,
    /// Keep the stored secret
    #[arg(long)]
    keep_secret: bool,
}

impl Remove {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let planned = ctx.planned_here()?;
        let config = ctx.config()?;
        let context = config.context(&self.name)?.clone();
        let mut changed = Changed::new(Action::Remove, Some(&self.name));
        changed.and(format!("the context {} is forgotten", self.name));
        let secret = self.secret(ctx, &config, &context);
        if let Some((source, _)) = &secret {
            changed.and(format!("its secret in {source} is deleted"));
        }
        let ca_file = own_ca(ctx, &config, &context);
        if let Some(file) = &ca_file {
            changed.and(format!("its CA in {} is deleted", file.display()));
        }
        if config.current.as_ref() == Some(&self.name) {
            changed.and("no context is the current one");
        }
        if planned {
            changed.status = Status::Planned;
            return changed.show(ctx);
        }
        self.confirm(ctx, &changed.changed)?;
        let mut editor = Editor::open(&ctx.around.paths, &ctx.around.interrupt)?;
        editor.remove(&self.name)?;
        editor.save()?;
        if let Some((source, account)) = &secret {
            let vault = Vault::new(&ctx.around.env, &ctx.around.paths, &ctx.around.interrupt);
            if let Err(fault) = vault.forget(source, account) {
                ctx.out.warn(format!("the secret in {source} could not be deleted: {fault}"));
                changed.changed.retain(|line| !line.starts_with("its secret"));
            }
        }
        if let Some(file) = &ca_file {
            let _ = std::fs::remove_file(file);
        }
        changed.show(ctx)
    }

    fn confirm(&self, ctx: &Ctx, lines: &[String]) -> Result<()> {
        if ctx.global.yes {
            return Ok(());
        }
        if !prompt::present() {
            return Err(Fault::refused(format!("remove the context {}: there is no terminal to ask on", self.name))
                .with_hint("add --yes to answer the question; --plan shows what would be done"));
        }
        for line in lines {
            ctx.out.note(format!("then {line}"));
        }
        said(prompt::confirm(&format!("Remove the context {}?", self.name), false)?)
    }

    /// Returns the secret that felhom stores only for this context.
    fn secret(&self, ctx: &Ctx, config: &Config, context: &Context) -> Option<(Source, Account)> {
        if self.keep_secret {
            return None;
        }
        let source = context.secret.clone()?;
        let ours = match &source {
            Source::Keyring => true,
            Source::File(file) => file.parent() == Some(ctx.around.paths.secrets().as_path()),
            Source::Env(_) | Source::Credential(_) | Source::Command(_) | Source::Literal(_) => false,
        };
        let shared = source != Source::Keyring && others(config, context).any(|other| other.secret.as_ref() == Some(&source));
        (ours && !shared).then(|| (source, Account::new(&context.name, context.token_id.clone().unwrap_or_default())))
    }
}

fn others<'c>(config: &'c Config, context: &'c Context) -> impl Iterator<Item = &'c Context> {
    config.contexts.values().filter(move |other| other.name != context.name)
}

/// Returns the CA file that felhom stores only for this context.
fn own_ca(ctx: &Ctx, config: &Config, context: &Context) -> Option<std::path::PathBuf> {
    let file = context.ca_file.clone()?;
    let ours = file == ctx.around.paths.config.join(format!("{}-ca.pem", context.name));
    let shared = others(config, context).any(|other| other.ca_file.as_ref() == Some(&file));
    (ours && !shared).then_some(file)
}
