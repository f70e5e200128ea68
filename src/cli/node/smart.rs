//! `felhom node smart`.

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::fence::smart::{Attribute, SmartRow, Verdict};
use crate::fence::text::DevicePath;
use crate::ops::smart::{self, Side};
use crate::ui::{Cell, Column, Row, Tone};

/// Show disk health (SMART)
///
/// The root helper runs smartctl with all details, also behind USB bridges, and does not wake sleeping disks. The API requires only
/// Sys.Audit but shows less: no disks behind USB bridges and, for some disks, no temperature.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom node smart\n  felhom node smart pve1 --disk /dev/sda --full\n  felhom node smart --filter verdict!=ok -o id"
)]
pub struct Smart {
    /// Node [default: all nodes]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Disk, as /dev/NAME
    #[arg(long, value_name = "DEVICE")]
    disk: Option<DevicePath>,
    /// Source of the data
    #[arg(long, value_name = "SOURCE", default_value = "auto", visible_alias = "via")]
    source: Asked,
    /// Show all attributes and self-tests
    #[arg(long)]
    full: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Asked {
    /// The root helper if the context has one, else the API
    Auto,
    Api,
    Fence,
}

impl Smart {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let ask = smart::Query {
            node: self.node,
            disk: self.disk,
            side: match self.source {
                Asked::Auto => Side::Auto,
                Asked::Api => Side::Api,
                Asked::Fence => Side::Fence,
            },
            full: self.full,
        };
        let fence = ctx.fence_if_any()?;
        let rows = smart::read(&ctx.session()?, fence.as_ref(), &ask)?;
        if ask.full && ctx.out.format() == crate::ui::Format::Table {
            ctx.out.list(&rows)?;
            let lines: Vec<Line> =
                rows.iter().flat_map(|row| row.attributes.iter().map(|a| Line { disk: row.disk.clone(), attribute: a.clone() })).collect();
            return ctx.out.list(&lines);
        }
        ctx.out.list(&rows)
    }
}

/// One attribute of one disk, for the table of `--full`.
#[derive(Debug, serde::Serialize)]
struct Line {
    disk: String,
    #[serde(flatten)]
    attribute: Attribute,
}

pub fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Ok => Tone::Good,
        Verdict::Standby | Verdict::Unknown => Tone::Dim,
        Verdict::Warning => Tone::Warn,
        Verdict::Critical => Tone::Bad,
    }
}

fn count(value: Option<u64>) -> Cell {
    Cell::maybe(value.and_then(|n| i64::try_from(n).ok()), Cell::Int)
}

impl Row for SmartRow {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("node", |r: &Self| Cell::text(&r.node)),
            Column::new("disk", |r: &Self| Cell::text(&r.disk)),
            Column::new("model", |r: &Self| Cell::maybe(r.model.clone(), Cell::Text)).flex(),
            Column::new("serial", |r: &Self| Cell::maybe(r.serial.clone(), Cell::Text)).wide(),
            Column::new("kind", |r: &Self| Cell::text(format!("{:?}", r.kind).to_lowercase())).wide(),
            Column::new("verdict", |r: &Self| Cell::state(r.verdict.as_str(), tone(r.verdict))),
            Column::new("temperature_c", |r: &Self| Cell::maybe(r.temperature_c, Cell::Int)).title("°C"),
            Column::new("power_on_hours", |r: &Self| count(r.power_on_hours)).title("HOURS"),
            Column::new("wear_percent", |r: &Self| count(r.wear_percent)).title("WEAR %"),
            Column::new("reallocated", |r: &Self| count(r.reallocated)).wide(),
            Column::new("pending", |r: &Self| count(r.pending)).wide(),
            Column::new("media_errors", |r: &Self| count(r.media_errors)).title("ERRORS").wide(),
            Column::new("reasons", |r: &Self| Cell::List(r.reasons.clone())).flex(),
            Column::new("source", |r: &Self| Cell::text(format!("{:?}", r.source).to_lowercase())),
        ]
    }

    fn id(&self) -> String {
        self.disk.clone()
    }

    fn noun() -> &'static str {
        "disks"
    }
}

impl Row for Line {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("disk", |r: &Self| Cell::text(&r.disk)),
            Column::new("id", |r: &Self| count(r.attribute.id)),
            Column::new("name", |r: &Self| Cell::text(&r.attribute.name)),
            Column::new("value", |r: &Self| Cell::maybe(r.attribute.value, Cell::Int)),
            Column::new("worst", |r: &Self| Cell::maybe(r.attribute.worst, Cell::Int)),
            Column::new("threshold", |r: &Self| Cell::maybe(r.attribute.threshold, Cell::Int)),
            Column::new("raw", |r: &Self| Cell::text(&r.attribute.raw)).flex(),
            Column::new("failed", |r: &Self| Cell::maybe(r.attribute.failed.clone(), |t| Cell::state(t, Tone::Bad))),
        ]
    }

    fn id(&self) -> String {
        self.attribute.name.clone()
    }

    fn noun() -> &'static str {
        "attributes"
    }
}
