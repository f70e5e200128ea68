//! `felhom role revoke`.

use clap::Args;

use super::admin::{Admin, Trust};
use super::subject::{self, Via};
use crate::cli::Ctx;
use crate::config::context::check_token_id;
use crate::fault::{Fault, Result};
use crate::guard::Change;
use crate::ops::role::present;
use crate::ops::role::revoke::{Revocation, item};

/// Delete what bootstrap created
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom role revoke -c home --plan\n  felhom role revoke -c home --confirm felhom@pve!agent")]
pub struct Revoke {
    /// Token [default: the context's]
    #[arg(value_name = "USER@REALM!TOKEN")]
    token: Option<String>,
    /// How the administrator connects
    #[arg(long, value_name = "TRANSPORT", default_value = "https")]
    via: Via,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    trust: Trust,
}

impl Revoke {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let context = ctx.context()?;
        let id = self.token.clone().or_else(|| context.token_id.clone()).ok_or_else(|| {
            Fault::config(format!("the context '{}' has no token", context.name)).with_hint("name it: felhom role revoke felhom@pve!agent")
        })?;
        check_token_id(&id).map_err(Fault::usage)?;
        let (user, token) = id.split_once('!').unwrap_or((&id, ""));
        let (trusted, _) = self.trust.settle(ctx, &context)?;
        let session = self.admin.session(ctx, &subject::administered(ctx, &trusted, self.via)?)?;
        let present = present::read(session.client()?, user)?;
        let mut keeper = subject::keeper(ctx, trusted);
        let own = context.token_id.as_deref() == Some(id.as_str());
        // Another token's end is no business of this context's.
        keeper.fixed |= !own;
        let source = context.secret.clone().filter(|_| own);
        let (item, stays) = item(&Revocation { present: &present, keeper: &keeper, user, token, source });
        stays.iter().for_each(|line| ctx.out.note(format!("stays: {line}")));
        let item = item.extra("stays", stays.clone());
        ctx.carry_out(&session, Change::one(format!("revoke {id}"), item), |_, _| Ok(serde_json::Map::new()))
    }
}
