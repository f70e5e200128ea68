//! `felhom snapshot list`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;

use crate::api::GuestKind;
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::guests;
use crate::ops::snapshots::{self, CURRENT};
use crate::ui::{Cell, Column, Format, Row, units};

/// List snapshots of a guest
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom snapshot list 101\n  felhom snapshot list web -o id")]
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
    name: String,
    parent: Option<String>,
    created_at: Option<String>,
    age_s: Option<u64>,
    /// With the memory of a running virtual machine.
    ram: bool,
    description: Option<String>,
    /// The guest as it is now.
    current: bool,
    #[serde(skip)]
    depth: usize,
    #[serde(skip)]
    time: Option<i64>,
}

impl List {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let all = snapshots::all(&session, &guest)?;
        // What another command takes as its argument is a snapshot, which `current` is not.
        let ids = ctx.out.format() == Format::Id;
        let rows: Vec<Shown> = snapshots::tree(&all)
            .into_iter()
            .filter(|(_, s)| !(ids && s.name == CURRENT))
            .map(|(depth, s)| {
                let time = s.snaptime.and_then(|t| i64::try_from(t).ok());
                let description = s.description.as_deref().map(str::trim).filter(|text| !text.is_empty() && s.name != CURRENT);
                Shown {
                    context: session.context.clone(),
                    node: guest.node.clone(),
                    vmid: guest.vmid,
                    kind: guest.kind,
                    name: s.name.clone(),
                    parent: s.parent.clone(),
                    created_at: time.map(units::rfc3339),
                    age_s: time.map(|t| u64::try_from(units::now() - t).unwrap_or_default()),
                    ram: s.vmstate,
                    description: description.map(str::to_owned),
                    current: s.name == CURRENT,
                    depth,
                    time,
                }
            })
            .collect();
        ctx.out.list(&rows)
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("tree", |s: &Self| {
                let twig = if s.depth == 0 { String::new() } else { format!("└{}─ ", "───".repeat(s.depth - 1)) };
                Cell::Text(format!("{twig}{}", s.name))
            })
            .title("SNAPSHOT"),
            Column::new("name", |s: &Self| Cell::text(&s.name)).hidden(),
            Column::new("created_at", |s: &Self| Cell::maybe(s.time, Cell::Time)).title("CREATED"),
            Column::new("age_s", |s: &Self| Cell::maybe(s.time, Cell::Age)).title("AGE"),
            Column::new("ram", |s: &Self| Cell::Flag(s.ram)),
            Column::new("description", |s: &Self| match s.current {
                true => Cell::text("(as it is now)"),
                false => Cell::maybe(s.description.clone(), Cell::Text),
            })
            .flex(),
            Column::new("parent", |s: &Self| Cell::maybe(s.parent.clone(), Cell::Text)).hidden(),
            Column::new("current", |s: &Self| Cell::Flag(s.current)).hidden(),
            Column::new("vmid", |s: &Self| Cell::Int(s.vmid.into())).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.name.clone()
    }

    fn noun() -> &'static str {
        "snapshots"
    }
}
