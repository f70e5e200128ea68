//! `felhom fence show`.

use clap::Args;
use serde::Serialize;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::fence::protocol::Word;
use crate::fence::request::Version;
use crate::ui::{Cell, Column, Row, Tone};

/// Show the helper's commands and the host's policy
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom fence show\n  felhom fence show -o json")]
pub struct Show {}

#[derive(Debug, Serialize)]
struct Shown {
    word: &'static str,
    backend: &'static str,
    runs_as: &'static str,
    changes: bool,
    /// Absent where the host was not asked.
    allowed: Option<bool>,
    why: &'static str,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        // The table itself needs no host: without a context, or with one that does not answer, it is shown all the same.
        let fence = ctx.fence_if_any().ok().flatten();
        let version = fence.as_ref().map(|f| f.ask(Version {}));
        let allowed = match &version {
            Some(Ok(answer)) => Some(answer.reply.words.clone()),
            Some(Err(fault)) => {
                ctx.out.warn(format!("the host was not asked: {fault}"));
                None
            }
            None => None,
        };
        let rows: Vec<Shown> = Word::ALL
            .into_iter()
            .map(|word| Shown {
                word: word.as_str(),
                backend: "fence",
                runs_as: if word.needs_root() { "root" } else { "the user" },
                changes: word.changes(),
                allowed: allowed.as_ref().map(|words| words.iter().any(|w| w == word.as_str())),
                why: word.why(),
            })
            .collect();
        ctx.out.list(&rows)?;
        if let Some(Ok(answer)) = version {
            ctx.out.note(format!("felhom-fence {} on {}", answer.reply.version, answer.host));
            match (answer.reply.policy, answer.reply.policy_error) {
                (Some(policy), _) => ctx.out.note(policy.to_text().trim_end()),
                (None, Some(error)) => ctx.out.warn(error),
                (None, None) => ctx.out.note("there is no policy on the host: only reads work"),
            }
        }
        Ok(())
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("word", |r: &Self| Cell::text(r.word)),
            Column::new("backend", |r: &Self| Cell::text(r.backend)),
            Column::new("runs_as", |r: &Self| Cell::text(r.runs_as)).title("RUNS AS"),
            Column::new("changes", |r: &Self| Cell::Flag(r.changes)),
            Column::new("allowed", |r: &Self| {
                Cell::maybe(r.allowed, |yes| if yes { Cell::state("yes", Tone::Good) } else { Cell::state("no", Tone::Dim) })
            }),
            Column::new("why", |r: &Self| Cell::text(r.why)).flex(),
        ]
    }

    fn id(&self) -> String {
        self.word.to_owned()
    }

    fn noun() -> &'static str {
        "words"
    }
}
