//! `felhom routes`.

use clap::Args;
use serde::Serialize;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::routes::{self, Backend, Privs};
use crate::ui::{Cell, Column, Row, Tone};

/// Print the routing table: which call each verb makes, what it needs, what it risks
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom routes\n  felhom routes 'backup run'\n  felhom routes -o json --jq '.[] | select(.risk==\"irreversible\") | .path'"
)]
pub struct Routes {
    /// Show only this command
    #[arg(value_name = "COMMAND")]
    verb: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    backend: Backend,
    method: &'static str,
    path: &'static str,
    risk: &'static str,
    privileges: String,
    confirm: Option<String>,
    task: Option<&'static str>,
    verbs: Vec<&'static str>,
}

impl Routes {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let rows: Vec<Shown> = routes::rows()
            .map(|row| {
                let key = row.key();
                let verbs = routes::verbs().filter(|verb| verb.calls.contains(&key.as_str())).map(|verb| verb.name).collect();
                Shown {
                    backend: Backend::Api,
                    method: row.method.word(),
                    path: row.template,
                    risk: row.risk.word(),
                    privileges: privileges(&row.privs),
                    confirm: row.word.map(|word| format!("{word:?}").to_lowercase()),
                    task: row.task,
                    verbs,
                }
            })
            .chain(fence())
            .filter(|row| self.verb.as_ref().is_none_or(|verb| row.verbs.contains(&verb.as_str())))
            .collect();
        ctx.out.list(&rows)
    }
}

/// The words of the fence: what goes around the API, and as whom.
#[cfg(feature = "fence")]
fn fence() -> impl Iterator<Item = Shown> {
    use crate::fence::protocol::Word;
    Word::ALL.into_iter().map(|word| Shown {
        backend: Backend::Fence,
        method: "WORD",
        path: word.as_str(),
        risk: if word.changes() { "safe" } else { "read" },
        privileges: if word.needs_root() { "root on the host, through sudo" } else { "any user of the host" }.to_owned(),
        confirm: None,
        task: None,
        verbs: word.verbs().to_vec(),
    })
}

#[cfg(not(feature = "fence"))]
fn fence() -> impl Iterator<Item = Shown> {
    std::iter::empty()
}

/// The privileges in words, over the path's placeholders.
pub fn privileges(privs: &Privs) -> String {
    match privs {
        Privs::None => "-".into(),
        Privs::Root => "root@pam, not a token".into(),
        Privs::Need(privilege, path) => format!("{privilege} on {path}"),
        Privs::All(list) => list.iter().map(privileges).collect::<Vec<_>>().join("; "),
        Privs::Any(list) => list.iter().map(privileges).collect::<Vec<_>>().join(" or "),
        Privs::When(option, inner) => format!("with {option}: {}", privileges(inner)),
        Privs::WhenIs(option, value, inner) => format!("with {option}={value}: {}", privileges(inner)),
        Privs::WhenDrive(option, drive, inner) => format!("with {option} {}: {}", drive.word(), privileges(inner)),
        Privs::Without(option, inner) => format!("without {option}: {}", privileges(inner)),
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("backend", |r: &Self| Cell::text(if r.backend == Backend::Api { "api" } else { "fence" })).wide(),
            Column::new("method", |r: &Self| Cell::text(r.method)),
            Column::new("path", |r: &Self| Cell::text(r.path)),
            Column::new("risk", |r: &Self| {
                let tone = match r.risk {
                    "irreversible" => Tone::Bad,
                    "disruptive" => Tone::Warn,
                    "read" => Tone::Dim,
                    _ => Tone::Good,
                };
                Cell::state(r.risk, tone)
            }),
            Column::new("verbs", |r: &Self| Cell::List(r.verbs.iter().map(|v| (*v).to_owned()).collect())).flex(),
            Column::new("privileges", |r: &Self| Cell::text(&r.privileges)).flex().wide(),
            Column::new("confirm", |r: &Self| Cell::maybe(r.confirm.clone(), Cell::Text)).hidden(),
            Column::new("task", |r: &Self| Cell::maybe(r.task, Cell::text)).hidden(),
        ]
    }

    fn id(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn noun() -> &'static str {
        "routes"
    }
}
