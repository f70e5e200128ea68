//! `felhom guest disk list`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::GuestKind;
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::disks::{self, Disk, Source};
use crate::ops::guests::{self, Guest};
use crate::ui::{Cell, Column, Row};

/// List disks, mount points and unused volumes of a guest
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest disk list 101\n  felhom guest disk list 201 -o json")]
pub struct List {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    node: String,
    vmid: u32,
    kind: GuestKind,
    disk: String,
    #[serde(rename = "type")]
    word: &'static str,
    storage: Option<String>,
    volume: String,
    size_bytes: Option<u64>,
    mount: Option<String>,
    options: Map<String, Json>,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let config = super::config(&session, &guest)?;
        let rows: Vec<Shown> = disks::all(guest.kind, &config).into_iter().map(|disk| Shown::of(&session.context, &guest, &disk)).collect();
        ctx.out.list(&rows)
    }
}

impl Shown {
    fn of(context: &str, guest: &Guest, disk: &Disk) -> Self {
        let own = ["volume", "file", "size", "mp"];
        let options = disk.property.parts().filter(|(key, _)| !own.contains(key));
        Self {
            context: context.to_owned(),
            node: guest.node.clone(),
            vmid: guest.vmid,
            kind: guest.kind,
            disk: disk.key.clone(),
            word: disk.word(),
            // A CD drive has a volume on a storage too.
            storage: match disk.source {
                Source::Cdrom => disk.volume.split_once(':').map(|(storage, _)| storage.to_owned()),
                _ => disk.storage().map(str::to_owned),
            },
            volume: disk.volume.clone(),
            size_bytes: disk.size_bytes(),
            mount: Some(disk.mount()).filter(|mount| *mount != "-").map(str::to_owned),
            options: options.map(|(key, value)| (key.to_owned(), value.into())).collect(),
        }
    }

    fn options(&self) -> Vec<String> {
        self.options.iter().map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect()
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |d: &Self| Cell::text(&d.context)).hidden(),
            Column::new("vmid", |d: &Self| Cell::Int(d.vmid.into())).hidden(),
            Column::new("disk", |d: &Self| Cell::text(&d.disk)),
            Column::new("type", |d: &Self| Cell::text(d.word)),
            Column::new("size_bytes", |d: &Self| Cell::maybe(d.size_bytes, Cell::Bytes)).title("SIZE"),
            Column::new("storage", |d: &Self| Cell::maybe(d.storage.clone(), Cell::Text)),
            Column::new("mount", |d: &Self| Cell::maybe(d.mount.clone(), Cell::Text)),
            Column::new("volume", |d: &Self| Cell::text(&d.volume)).flex(),
            Column::new("options", |d: &Self| Cell::List(d.options())).flex(),
        ]
    }

    fn id(&self) -> String {
        self.disk.clone()
    }

    fn noun() -> &'static str {
        "disks"
    }
}
