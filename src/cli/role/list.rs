//! `felhom role list`.

use clap::Args;
use serde::Serialize;

use crate::api::access::{self, Role};
use crate::cli::Ctx;
use crate::fault::Result;
use crate::ui::{Cell, Column, Row};

/// List roles
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom role list\n  felhom role list --builtin -o id")]
pub struct List {
    /// Include built-in roles
    #[arg(long)]
    builtin: bool,
}

/// A role of a host.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    context: String,
    role: String,
    builtin: bool,
    pub(super) privileges: Vec<String>,
}

impl Shown {
    pub(super) fn new(context: &str, role: &Role) -> Self {
        Self {
            context: context.to_owned(),
            role: role.name.clone(),
            builtin: role.special,
            privileges: role.privileges().into_iter().collect(),
        }
    }
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| {
            let mut roles = session.client()?.get(&access::roles())?;
            roles.sort_by(|a, b| (a.special, &a.name).cmp(&(b.special, &b.name)));
            Ok(roles.iter().filter(|role| self.builtin || !role.special).map(|role| Shown::new(&session.context, role)).collect())
        })
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |r: &Self| Cell::text(&r.context)).hidden(),
            Column::new("role", |r: &Self| Cell::text(&r.role)),
            Column::new("builtin", |r: &Self| Cell::Flag(r.builtin)),
            Column::new("privileges", |r: &Self| Cell::List(r.privileges.clone())).flex(),
        ]
    }

    fn id(&self) -> String {
        self.role.clone()
    }

    fn noun() -> &'static str {
        "roles"
    }
}
