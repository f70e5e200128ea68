//! `felhom backup age`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::Args;

use crate::cli::Ctx;
use crate::fault::{Fault, Kind, Result};
use crate::ops::backup::age::{self, Verdict};
use crate::ui::{Cell, Column, Row, Tone};

/// Check the age of each guest's latest backup
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom backup age\n  felhom backup age --max-age 36h --filter verdict!=ok")]
pub struct Age {
    /// Maximum age
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse, default_value = "24h")]
    max_age: Duration,
}

impl Age {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let seen: Mutex<Vec<age::Age>> = Mutex::default();
        ctx.list(|session| {
            let ages = age::all(session, self.max_age)?;
            seen.lock().unwrap_or_else(PoisonError::into_inner).extend(ages.iter().cloned());
            Ok(ages)
        })?;
        let ages = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        if ages.is_empty() {
            return Err(Fault::not_found("no guest at all is visible, so nothing is known of any backup")
                .with_hint("check with `felhom role check` whether the token has VM.Audit"));
        }
        let count = |verdict: Verdict| ages.iter().filter(|age| age.verdict == verdict).count();
        let said: Vec<String> = [Verdict::Old, Verdict::Never, Verdict::Unknown]
            .into_iter()
            .filter(|verdict| count(*verdict) > 0)
            .map(|verdict| format!("{} {}", count(verdict), verdict.word()))
            .collect();
        if said.is_empty() {
            return Ok(());
        }
        let good = count(Verdict::Ok);
        let kind = if good > 0 { Kind::Partial } else { Kind::Other };
        Err(Fault::new(
            kind,
            format!("{} of {} guests have no archive that is fresh enough: {}", ages.len() - good, ages.len(), said.join(", ")),
        )
        .with_hint("create one with `felhom backup run GUEST`; the column `reason` shows what could not be read"))
    }
}

impl Row for age::Age {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |a: &Self| Cell::text(&a.context)).hidden(),
            Column::new("vmid", |a: &Self| Cell::Int(a.vmid.into())),
            Column::new("name", |a: &Self| Cell::maybe(a.name.clone(), Cell::Text)).flex(),
            Column::new("kind", |a: &Self| Cell::text(a.kind.word())).wide(),
            Column::new("node", |a: &Self| Cell::text(&a.node)).wide(),
            Column::new("verdict", |a: &Self| {
                let tone = match a.verdict {
                    Verdict::Ok => Tone::Good,
                    Verdict::Old | Verdict::Never => Tone::Bad,
                    Verdict::Unknown => Tone::Warn,
                };
                Cell::state(a.verdict.word(), tone)
            }),
            Column::new("age_s", |a: &Self| Cell::maybe(a.age_s, Cell::Seconds)).title("AGE"),
            Column::new("archives", |a: &Self| Cell::Int(i64::try_from(a.archives).unwrap_or(i64::MAX))),
            Column::new("size_bytes", |a: &Self| Cell::maybe(a.size_bytes, Cell::Bytes)).title("SIZE"),
            Column::new("storage", |a: &Self| Cell::maybe(a.storage.clone(), Cell::Text)),
            Column::new("archive", |a: &Self| Cell::maybe(a.archive.clone(), Cell::Text)).title("BACKUP").wide(),
            Column::new("reason", |a: &Self| Cell::maybe(a.reason.clone(), Cell::Text)).flex(),
            Column::new("created_at", |a: &Self| Cell::maybe(a.ctime, Cell::Time)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.vmid.to_string()
    }

    fn noun() -> &'static str {
        "guests"
    }
}
