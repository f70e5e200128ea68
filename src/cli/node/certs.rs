//! `felhom node certs`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::certificates::{self, CertificateRow};
use crate::ops::nodes::each;
use crate::ui::{Cell, Column, Row, Tone};

/// List certificates of nodes
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node certs\n  felhom node certs pve1 -o json --jq '.[] | select(.served) | .fingerprint'")]
pub struct Certs {
    /// Node [default: all nodes]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
}

impl Certs {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        ctx.list(|session| each(session, self.node.as_deref(), |node| certificates::of_node(session, node)))
    }
}

impl Row for CertificateRow {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("context", |c: &Self| Cell::text(&c.context)).hidden(),
            Column::new("node", |c: &Self| Cell::text(&c.node)),
            Column::new("file", |c: &Self| Cell::text(&c.file)),
            Column::new("served", |c: &Self| Cell::Flag(c.served)),
            Column::new("days_left", |c: &Self| {
                let tone = match c.days_left {
                    ..14 => Tone::Bad,
                    14..30 => Tone::Warn,
                    _ => Tone::Good,
                };
                Cell::Expiry(c.days_left, tone)
            })
            .title("EXPIRES"),
            Column::new("names", |c: &Self| Cell::text(c.names.join(", "))).flex(),
            Column::new("subject", |c: &Self| Cell::text(&c.subject)).wide(),
            Column::new("issuer", |c: &Self| Cell::text(&c.issuer)).hidden(),
            Column::new("not_after", |c: &Self| Cell::text(&c.not_after)).hidden(),
            Column::new("fingerprint", |c: &Self| Cell::text(&c.fingerprint)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.fingerprint.clone()
    }

    fn noun() -> &'static str {
        "certificates"
    }
}
