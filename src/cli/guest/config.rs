//! `felhom guest config`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::lenient;
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::guard::redact;
use crate::ops::guests;
use crate::ui::{Cell, Column, Row};

/// Show a guest's configuration
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest config 101\n  felhom guest config 201 --pending\n  felhom guest config 101 --jq .net0")]
pub struct Config {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Show pending changes
    #[arg(long)]
    pending: bool,
}

/// A key of the configuration.
#[derive(Debug, Serialize)]
struct Pending {
    key: String,
    value: Option<String>,
    pending: Option<String>,
    /// It goes with the next restart.
    delete: bool,
}

impl Config {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        if self.pending {
            let values = guests::with_place(&session, &guest, |place| session.client()?.get(&place.pending()))?;
            let rows: Vec<Pending> = values
                .into_iter()
                .filter(|v| v.pending.is_some() || v.delete)
                .map(|v| {
                    let shown = |text: Option<String>| text.map(|text| redact::config_value(&v.key, &text));
                    Pending { value: shown(v.value), pending: shown(v.pending), delete: v.delete, key: v.key.clone() }
                })
                .collect();
            return ctx.out.list(&rows);
        }
        let config = guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()))?;
        let mut shown: Vec<(String, Json)> = config
            .into_iter()
            .map(|(key, value)| {
                let masked = if redact::sensitive(&key) {
                    lenient::text(&value).map_or(Json::Null, |text| redact::config_value(&key, &text).into())
                } else {
                    redact::json(value)
                };
                (key, masked)
            })
            .collect();
        shown.sort_by(|a, b| a.0.cmp(&b.0));
        ctx.out.value(&Json::Object(shown.into_iter().collect::<Map<_, _>>()))
    }
}

impl Row for Pending {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("key", |p: &Self| Cell::text(&p.key)),
            Column::new("value", |p: &Self| Cell::maybe(p.value.clone(), Cell::Text)).flex(),
            Column::new("pending", |p: &Self| if p.delete { Cell::text("(goes)") } else { Cell::maybe(p.pending.clone(), Cell::Text) })
                .flex(),
        ]
    }

    fn id(&self) -> String {
        self.key.clone()
    }

    fn noun() -> &'static str {
        "pending changes"
    }
}
