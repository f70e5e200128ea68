//! `felhom role rotate`.

use clap::{Args, ValueEnum};

use super::admin::{Admin, Trust};
use super::subject::{self, Via};
use crate::api::access;
use crate::cli::Ctx;
use crate::config::secrets::{Source, Store};
use crate::fault::{Fault, Result};
use crate::guard::Change;
use crate::ops::role::present;
use crate::ops::role::rotate::{Rotation, item, other};
use crate::ui::units;

/// Replace the token without downtime
///
/// The second token is made, granted the same, proved and kept; the context is switched to it, and only then the old one goes.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom role rotate -c home\n  felhom role rotate -c home --expire 2027-12-31\n  felhom role rotate -c home --yes --admin-token root@pam!setup --admin-secret file:/root/setup.secret"
)]
pub struct Rotate {
    /// Where to keep the new secret [default: as before]
    #[arg(long, value_name = "STORE")]
    store: Option<Place>,
    /// Expiry date of the new token, or `never` [default: as before]
    #[arg(long, value_name = "DATE")]
    expire: Option<String>,
    /// How the administrator connects
    #[arg(long, value_name = "TRANSPORT", default_value = "https")]
    via: Via,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    trust: Trust,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Place {
    /// Desktop keyring
    Keyring,
    /// File that only you can read
    File,
}

impl Rotate {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let context = ctx.context()?;
        let expire = self.expire.as_deref().map(|text| subject::end(text, units::now())).transpose()?;
        let Some((user, token)) = context.token_id.as_deref().and_then(|id| id.split_once('!')) else {
            return Err(Fault::config(format!("the context '{}' has no token to rotate", context.name))
                .with_hint("create one with `felhom role bootstrap`"));
        };
        let (trusted, _) = self.trust.settle(ctx, &context)?;
        let session = self.admin.session(ctx, &subject::administered(ctx, &trusted, self.via)?)?;
        let client = session.client()?;
        let present = present::read(client, user)?;
        let held = client.get(&access::permissions_of(&format!("{user}!{token}")))?;
        let keeper = subject::keeper(ctx, trusted.clone());
        if !keeper.fixed && keeper.written().is_none() {
            return Err(Fault::config("this context comes from the environment: its new secret would have nowhere to go")
                .with_hint("create a context that can be rotated with `felhom role bootstrap`"));
        }
        let store = self.store(&context.secret, keeper.fixed)?;
        if session.rules.carries_out() {
            keeper.vault().probe(store)?;
        }
        let rotation = Rotation {
            present: &present,
            keeper: &keeper,
            user,
            token,
            held: &held,
            expire,
            now: units::now(),
            store,
            source: context.secret.clone(),
            person: ctx.person(),
        };
        let change = Change::one(format!("rotate {user}!{token} to {user}!{}", other(token)), item(&rotation)?);
        ctx.carry_out(&session, change, |_, done| {
            let mut extra = serde_json::Map::new();
            extra.insert("token_id".into(), format!("{user}!{}", other(token)).into());
            let source = done.outputs.get("secret").and_then(|kept| kept.get("source")).cloned().unwrap_or_default();
            session.person.note(&format!(
                "{user}!{} took the place of {user}!{token}, which is gone; its secret is in {}",
                other(token),
                source.as_str().unwrap_or("no store")
            ));
            extra.insert("secret_stored".into(), source);
            Ok(extra)
        })
    }

    fn store(&self, source: &Option<Source>, fixed: bool) -> Result<Store> {
        match (self.store, source) {
            (Some(Place::Keyring), _) => Ok(Store::Keyring),
            (Some(Place::File), _) => Ok(Store::File),
            (None, Some(Source::Keyring)) => Ok(Store::Keyring),
            (None, Some(Source::File(_))) => Ok(Store::File),
            (None, _) if fixed => Ok(Store::File),
            (None, Some(other)) => Err(Fault::usage(format!("the secret is kept as {other}, where felhom cannot write"))
                .with_hint("move it with --store keyring or --store file")),
            (None, None) => Ok(Store::File),
        }
    }
}
