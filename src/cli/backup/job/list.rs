//! `felhom backup job list` and `show`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::backup::job::{self, Job};
use crate::ui::{Cell, Column, Record, Row};

/// List backup jobs
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom backup job list")]
pub struct List {}

/// Show a backup job
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom backup job show nightly\n  felhom backup job show nightly -o json --jq .settings")]
pub struct Show {
    /// Job ID [default: the only one]
    #[arg(value_name = "ID")]
    id: Option<String>,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(job::all)
    }
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        ctx.out.one(&job::one(&session, self.id.as_deref())?)
    }
}

impl Row for Job {
    fn columns() -> Vec<Column<Self>> {
        let maybe = |text: &Option<String>| Cell::maybe(text.clone(), Cell::Text);
        vec![
            Column::new("context", |j: &Self| Cell::text(&j.context)).hidden(),
            Column::new("id", |j: &Self| Cell::text(&j.id)),
            Column::new("enabled", |j: &Self| Cell::Flag(j.enabled)),
            Column::new("schedule", move |j: &Self| maybe(&j.schedule)),
            Column::new("next_run_at", |j: &Self| Cell::maybe(j.next_run, Cell::Time)).title("NEXT RUN"),
            Column::new("guests", |j: &Self| Cell::text(&j.guests)).flex(),
            Column::new("storage", move |j: &Self| maybe(&j.storage)),
            Column::new("mode", move |j: &Self| maybe(&j.mode)),
            Column::new("keep", move |j: &Self| maybe(&j.keep)),
            Column::new("node", move |j: &Self| maybe(&j.node)).wide(),
            Column::new("comment", move |j: &Self| maybe(&j.comment)).flex().wide(),
        ]
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn noun() -> &'static str {
        "backup jobs"
    }
}

impl Record for Job {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let maybe = |text: &Option<String>| Cell::maybe(text.clone(), Cell::Text);
        vec![
            ("id", Cell::text(&self.id)),
            ("enabled", Cell::Flag(self.enabled)),
            ("schedule", maybe(&self.schedule)),
            ("next_run_at", Cell::maybe(self.next_run, Cell::Time)),
            ("guests", Cell::text(&self.guests)),
            ("storage", maybe(&self.storage)),
            ("mode", maybe(&self.mode)),
            ("keep", maybe(&self.keep)),
            ("node", maybe(&self.node)),
            ("comment", maybe(&self.comment)),
        ]
    }

    fn id(&self) -> String {
        self.id.clone()
    }
}
