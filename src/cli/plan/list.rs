//! `felhom plan list`.

use clap::Args;
use serde::Serialize;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::guard::{Broken, Staged};
use crate::ui::{Cell, Column, Row, Tone, units};

/// List staged changes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest stop 101 --stage\n  felhom plan list\n  felhom plan list --filter state=pending -o id")]
pub struct List {}

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    context: String,
    verb: String,
    summary: String,
    risk: String,
    state: &'static str,
    by: String,
    created_at: String,
    expires_at: String,
    #[serde(skip)]
    created: i64,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let (staged, broken) = super::shelf(ctx).read()?;
        for Broken { id, why } in &broken {
            ctx.out.warn(format!("the staged change '{id}' cannot be read: {why}"));
        }
        let rows: Vec<Shown> = staged.into_iter().map(Shown::of).chain(broken.into_iter().map(Shown::broken)).collect();
        ctx.out.list(&rows)
    }
}

impl Shown {
    fn broken(Broken { id, why }: Broken) -> Self {
        let none = String::new;
        Self {
            id,
            context: none(),
            verb: none(),
            summary: why,
            risk: none(),
            state: "broken",
            by: none(),
            created_at: none(),
            expires_at: none(),
            created: 0,
        }
    }

    fn of(staged: Staged) -> Self {
        Self {
            state: staged.state(units::now()),
            created_at: units::rfc3339(staged.created),
            expires_at: units::rfc3339(staged.expires),
            created: staged.created,
            id: staged.id,
            context: staged.context,
            verb: staged.verb,
            summary: staged.summary,
            risk: staged.risk,
            by: staged.by,
        }
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("id", |s: &Self| Cell::text(&s.id)),
            Column::new("context", |s: &Self| Cell::text(&s.context)),
            Column::new("summary", |s: &Self| Cell::text(&s.summary)).flex(),
            Column::new("risk", |s: &Self| Cell::text(&s.risk)),
            Column::new("state", |s: &Self| {
                let tone = if s.state == "pending" { Tone::Warn } else { Tone::Dim };
                Cell::state(s.state, tone)
            }),
            Column::new("by", |s: &Self| Cell::text(&s.by)).wide(),
            Column::new("created_at", |s: &Self| Cell::Time(s.created)).title("STAGED").wide(),
            Column::new("expires_at", |s: &Self| Cell::text(&s.expires_at)).hidden(),
            Column::new("verb", |s: &Self| Cell::text(&s.verb)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn noun() -> &'static str {
        "staged changes"
    }
}
