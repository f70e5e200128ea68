//! `felhom node sensors`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::fence::sensors::SensorRow;
use crate::ops::smart;
use crate::ui::{Cell, Column, Row, Tone};

/// Show temperatures, fan speeds and voltages
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node sensors\n  felhom node sensors --filter quantity=temperature --sort value:desc")]
pub struct Sensors {
    /// Node [default: the root helper's host]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
}

impl Sensors {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let rows = smart::sensors(&ctx.session()?, &ctx.fence()?, self.node.as_deref())?;
        if rows.is_empty() {
            ctx.out.note("the host has no sensors that can be read");
        }
        ctx.out.list(&rows)
    }
}

impl Row for SensorRow {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("node", |r: &Self| Cell::text(&r.node)).wide(),
            Column::new("chip", |r: &Self| Cell::text(&r.chip)),
            Column::new("label", |r: &Self| Cell::text(&r.label)).flex(),
            Column::new("quantity", |r: &Self| Cell::text(format!("{:?}", r.quantity).to_lowercase())).wide(),
            Column::new("value", |r: &Self| Cell::Float(r.value)),
            Column::new("unit", |r: &Self| Cell::text(&r.unit)),
            Column::new("min", |r: &Self| Cell::maybe(r.min, Cell::Float)).wide(),
            Column::new("max", |r: &Self| Cell::maybe(r.max, Cell::Float)),
            Column::new("critical", |r: &Self| Cell::maybe(r.critical, Cell::Float)),
            Column::new("alarm", |r: &Self| if r.alarm { Cell::state("yes", Tone::Bad) } else { Cell::state("no", Tone::Dim) }),
        ]
    }

    fn id(&self) -> String {
        format!("{}/{}", self.chip, self.label)
    }

    fn noun() -> &'static str {
        "sensors"
    }
}
