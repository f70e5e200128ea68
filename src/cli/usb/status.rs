//! `felhom usb status`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::fence::disks::MountState as State;
use crate::fence::request::Persist;
use crate::ops::usb::{self, MountState};
use crate::ui::{Cell, Column, Row, Tone};

/// Show mounts created by felhom
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom usb status\n  felhom usb status --filter state=not_mounted -o id")]
pub struct Status {}

impl Status {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let rows = usb::status(&ctx.session()?, &ctx.fence()?)?;
        ctx.out.list(&rows)?;
        for row in &rows {
            if let Some(command) = usb::repair(&row.mount) {
                let what = if row.mount.problems.is_empty() { "mounts it" } else { "repairs it" };
                ctx.out.hint(format!("{}: `{command}` {what}", row.mount.name));
            }
        }
        Ok(())
    }
}

impl Row for MountState {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("node", |r: &Self| Cell::text(&r.node)).wide(),
            Column::new("name", |r: &Self| Cell::text(&r.mount.name)),
            Column::new("state", |r: &Self| match r.mount.state {
                State::Mounted => Cell::state("mounted", Tone::Good),
                State::NotMounted => Cell::state("not_mounted", Tone::Warn),
                State::Unplugged => Cell::state("unplugged", Tone::Dim),
                State::Foreign => Cell::state("foreign", Tone::Bad),
            }),
            Column::new("place", |r: &Self| Cell::text(&r.mount.mount_point)),
            Column::new("uuid", |r: &Self| Cell::text(&r.mount.uuid)).wide(),
            Column::new("device", |r: &Self| Cell::maybe(r.mount.device.clone(), Cell::Text)),
            Column::new("fstype", |r: &Self| Cell::maybe(r.mount.fstype.clone(), Cell::Text)),
            Column::new("size_bytes", |r: &Self| Cell::maybe(r.mount.size_bytes, Cell::Bytes)).title("SIZE"),
            Column::new("used_bytes", |r: &Self| Cell::maybe(r.mount.used_bytes, Cell::Bytes)).title("USED"),
            Column::new("available_bytes", |r: &Self| Cell::maybe(r.mount.available_bytes, Cell::Bytes)).title("FREE"),
            Column::new("storages", |r: &Self| Cell::List(r.storages.clone())),
            Column::new("problems", |r: &Self| Cell::List(r.mount.problems.clone())).flex(),
            Column::new("options", |r: &Self| Cell::List(r.mount.options.iter().map(|option| option.as_str().to_owned()).collect())).wide(),
            Column::new("persist", |r: &Self| {
                Cell::text(match r.mount.persist {
                    Persist::Unit => "unit",
                    Persist::Fstab => "fstab",
                    Persist::None => "none",
                })
            })
            .wide(),
            Column::new("unit", |r: &Self| Cell::text(&r.mount.unit)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.mount.name.clone()
    }

    fn noun() -> &'static str {
        "mounts of felhom"
    }
}
