//! `felhom usb list`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::fence::disks::UsbRow;
use crate::fence::request::Disks;
use crate::ui::{Cell, Column, Row, Tone};

/// List USB disks and their filesystems
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom usb list\n  felhom usb list --filter usable=true -o id")]
pub struct List {}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let answer = ctx.fence()?.ask(Disks {})?;
        ctx.out.list(&answer.reply.disks)
    }
}

impl Row for UsbRow {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("disk", |r: &Self| Cell::text(&r.disk)).hidden(),
            Column::new("partition", |r: &Self| Cell::text(r.partition.as_ref().unwrap_or(&r.disk))).title("DEVICE"),
            Column::new("uuid", |r: &Self| Cell::maybe(r.uuid.clone(), Cell::Text)),
            Column::new("fstype", |r: &Self| Cell::maybe(r.fstype.clone(), Cell::Text)),
            Column::new("label", |r: &Self| Cell::maybe(r.label.clone(), Cell::Text)).flex(),
            Column::new("size_bytes", |r: &Self| Cell::Bytes(r.size_bytes)).title("SIZE"),
            Column::new("model", |r: &Self| Cell::maybe(r.model.clone(), Cell::Text)).flex(),
            Column::new("serial", |r: &Self| Cell::maybe(r.serial.clone(), Cell::Text)).wide(),
            Column::new("mounted_at", |r: &Self| Cell::maybe(r.mounted_at.clone(), Cell::Text)).title("MOUNTED AT"),
            Column::new("unit", |r: &Self| Cell::maybe(r.unit.clone(), Cell::Text)).wide(),
            Column::new("usable", |r: &Self| if r.usable { Cell::state("yes", Tone::Good) } else { Cell::state("no", Tone::Warn) }),
            Column::new("why_not", |r: &Self| Cell::maybe(r.why_not.clone(), Cell::Text)).title("WHY NOT").flex(),
        ]
    }

    fn id(&self) -> String {
        self.uuid.clone().unwrap_or_else(|| self.disk.clone())
    }

    fn noun() -> &'static str {
        "USB disks"
    }
}
