//! `felhom api ls`.

use clap::Args;
use serde::Serialize;

use crate::api::docs::Node;
use crate::cli::Ctx;
use crate::fault::Result;
use crate::ui::{Cell, Column, Row};

use super::docs;

/// List the API paths below a path
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom api ls /\n  felhom api ls /nodes/pve1/lxc/101\n  felhom api ls '/nodes/{node}/qemu' -o json")]
pub struct Ls {
    /// API path, with real names or as a template
    #[arg(value_name = "PATH", default_value = "/")]
    path: String,
}

/// A path below.
#[derive(Debug, Serialize)]
struct Entry {
    path: String,
    name: String,
    methods: Vec<String>,
    /// Number of paths directly below it.
    children: usize,
    description: Option<String>,
}

impl Ls {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let top = docs::segments(&self.path)?.is_empty();
        let all = docs::load(ctx)?;
        let entries: Vec<Entry> = if top {
            all.roots().iter().map(Entry::of).collect()
        } else {
            let node = docs::find(&all, &self.path)?;
            // Like a file, a leaf lists itself.
            if node.children.is_empty() { vec![Entry::of(node)] } else { node.children.iter().map(Entry::of).collect() }
        };
        ctx.out.list(&entries)
    }
}

impl Entry {
    fn of(node: &Node) -> Self {
        Self {
            path: node.path.clone(),
            name: node.text.clone(),
            methods: node.methods().into_iter().map(str::to_owned).collect(),
            children: node.children.len(),
            description: node.summary().map(str::to_owned),
        }
    }
}

impl Row for Entry {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("path", |e: &Self| Cell::text(&e.path)),
            Column::new("methods", |e: &Self| Cell::List(e.methods.clone())),
            Column::new("children", |e: &Self| {
                Cell::maybe((e.children > 0).then_some(e.children).and_then(|n| i64::try_from(n).ok()), Cell::Int)
            })
            .title("BELOW"),
            Column::new("description", |e: &Self| Cell::maybe(e.description.clone(), Cell::Text)).flex(),
            Column::new("name", |e: &Self| Cell::text(&e.name)).hidden(),
        ]
    }

    fn id(&self) -> String {
        self.path.clone()
    }

    fn noun() -> &'static str {
        "paths"
    }
}
