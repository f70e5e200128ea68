//! `felhom role presets`.

use clap::Args;
use serde::Serialize;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::role::presets::PRESETS;
use crate::ui::{Cell, Column, Row};

/// List predefined roles
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom role presets\n  felhom role presets -o json --jq '.[] | select(.preset==\"agent\") | .privileges[]'"
)]
pub struct Presets {}

#[derive(Debug, Serialize)]
struct Shown {
    preset: &'static str,
    role: &'static str,
    about: &'static str,
    privileges: &'static [&'static str],
}

impl Presets {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let rows: Vec<Shown> =
            PRESETS.iter().map(|p| Shown { preset: p.name, role: p.role, about: p.about, privileges: p.privileges }).collect();
        ctx.out.list(&rows)
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("preset", |p: &Self| Cell::text(p.preset)),
            Column::new("role", |p: &Self| Cell::text(p.role)),
            Column::new("about", |p: &Self| Cell::text(p.about)).flex(),
            Column::new("privileges", |p: &Self| Cell::List(p.privileges.iter().map(|p| (*p).to_owned()).collect())).flex().wide(),
        ]
    }

    fn id(&self) -> String {
        self.preset.to_owned()
    }

    fn noun() -> &'static str {
        "presets"
    }
}
