//! `felhom backup scope`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::api::GuestKind;
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::backup::Part;
use crate::ops::backup::scope;
use crate::ops::guests;
use crate::ui::{Cell, Column, Row, Tone};

/// Show what a guest's backup includes and excludes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup scope 101\n  felhom backup scope web -o json --jq '.[] | select(.included | not) | .path'"
)]
pub struct Scope {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    vmid: u32,
    #[serde(flatten)]
    part: Part,
}

impl Scope {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let config = guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()))?;
        let shown: Vec<Shown> = scope::of(guest.kind, &config).into_iter().map(|part| Shown { vmid: guest.vmid, part }).collect();
        ctx.out.list(&shown)?;
        if guest.kind == GuestKind::Lxc {
            ctx.out.note("named volumes of Docker are in the root file system and always in the backup");
            ctx.out.hint(format!(
                "exclude bulk data with `felhom guest disk add {} --volume STORAGE:SIZE --path /mnt/bulk --no-backup`",
                guest.vmid
            ));
        }
        Ok(())
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("vmid", |s: &Self| Cell::Int(s.vmid.into())).hidden(),
            Column::new("key", |s: &Self| Cell::text(&s.part.key)),
            Column::new("path", |s: &Self| Cell::maybe(s.part.path.clone(), Cell::Text)),
            Column::new("size_bytes", |s: &Self| Cell::maybe(s.part.size_bytes, Cell::Bytes)).title("SIZE"),
            Column::new(
                "included",
                |s: &Self| {
                    if s.part.included { Cell::state("yes", Tone::Good) } else { Cell::state("no", Tone::Warn) }
                },
            ),
            Column::new("reason", |s: &Self| Cell::text(s.part.reason.text())).flex(),
            Column::new("volume", |s: &Self| Cell::text(&s.part.volume)).wide(),
        ]
    }

    fn id(&self) -> String {
        self.part.key.clone()
    }

    fn noun() -> &'static str {
        "disks"
    }
}
