//! `felhom role show`.

use clap::Args;
use serde::Serialize;

use crate::api::access;
use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::ops::role::implied;
use crate::ops::role::presets::PRESETS;
use crate::ui::{Cell, Record};

/// Show a role's privileges and what they allow
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom role show FelhomAgent\n  felhom role show PVEVMAdmin -o json --jq '.privileges[]'")]
pub struct Show {
    /// Role
    #[arg(value_name = "ROLE")]
    role: String,
}

#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    role: String,
    builtin: bool,
    /// The preset of this name.
    preset: Option<&'static str>,
    privileges: Vec<String>,
    /// What the preset has and this has not, and the other way round.
    differs: Vec<String>,
    also_possible: Vec<String>,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let roles = session.client()?.get(&access::roles())?;
        let Some(role) = roles.iter().find(|role| role.name == self.role) else {
            return Err(Fault::not_found(format!("the host has no role '{}'", self.role))
                .with_hint("list all roles with `felhom role list --builtin`"));
        };
        let privileges = role.privileges();
        let preset = PRESETS.iter().find(|preset| preset.role == role.name);
        let differs = preset.map_or_else(Vec::new, |preset| {
            let wanted = preset.set();
            let plus = privileges.difference(&wanted).map(|p| format!("+{p}"));
            plus.chain(wanted.difference(&privileges).map(|p| format!("-{p}"))).collect()
        });
        ctx.out.one(&Shown {
            context: session.context.clone(),
            role: role.name.clone(),
            builtin: role.special,
            preset: preset.map(|preset| preset.name),
            also_possible: implied::possible(&privileges, &["/".to_owned()], &privileges),
            privileges: privileges.into_iter().collect(),
            differs,
        })
    }
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("role", Cell::text(&self.role)),
            ("builtin", Cell::Flag(self.builtin)),
            ("preset", Cell::maybe(self.preset, Cell::text)),
            ("privileges", Cell::text(self.privileges.join("\n"))),
            ("differs", Cell::List(self.differs.clone())),
            ("also_possible", Cell::text(self.also_possible.join("\n"))),
        ]
    }

    fn id(&self) -> String {
        self.role.clone()
    }
}
