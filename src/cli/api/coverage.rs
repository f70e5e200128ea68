//! `felhom api coverage`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;

use crate::api::schema;
use crate::cli::Ctx;
use crate::fault::Result;
use crate::routes;
use crate::ui::{Cell, Column, Row};

/// List all API methods with the commands that call them
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom api coverage\n  felhom api coverage --missing --filter 'path=/nodes*'")]
pub struct Coverage {
    /// Only methods without a command
    #[arg(long)]
    missing: bool,
}

/// Why a method has no command.
const INDEX: &str = "directory index";
const TUNNEL: &str = "part of a tunnel or console";
const LOGIN: &str = "part of a login";
const MIGRATION: &str = "part of a migration";
const IMAGE: &str = "an image of data that another method returns";
const BATCH: &str = "a batch of other methods";
const REPLACED: &str = "replaced by another method";
const JOINING: &str = "called by a node that joins the cluster";
const EXPERIMENTAL: &str = "marked as experimental by Proxmox";
const NOT_YET: &str = "no command yet; use `felhom api`";

/// A method of the API.
#[derive(Debug, Serialize)]
struct Shown {
    method: &'static str,
    path: &'static str,
    command: BTreeSet<&'static str>,
    reason: Option<&'static str>,
}

impl Coverage {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let mut commands: BTreeMap<(&str, String), BTreeSet<&'static str>> = BTreeMap::new();
        for verb in routes::verbs() {
            for (method, path) in verb.calls.iter().filter_map(|key| key.split_once(' ')) {
                commands.entry((method, bare(path))).or_default().insert(verb.name);
            }
        }
        let shown = |method: &'static schema::Method| {
            let command = commands.get(&(method.verb, bare(method.template))).cloned().unwrap_or_default();
            let reason = command.is_empty().then(|| reason(method));
            Shown { method: method.verb, path: method.template, command, reason }
        };
        let rows: Vec<Shown> = schema::methods().map(shown).filter(|row| !self.missing || row.command.is_empty()).collect();
        let reached = rows.iter().filter(|row| !row.command.is_empty()).count();
        ctx.out.list(&rows)?;
        if !self.missing {
            ctx.out.note(format!("{reached} of {} methods have a command", rows.len()));
        }
        Ok(())
    }
}

/// Returns a path without the names of its placeholders.
fn bare(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
}

fn reason(method: &schema::Method) -> &'static str {
    let ends = |words: &[&str]| words.iter().any(|word| method.template.ends_with(word));
    match method.verb {
        "GET" if method.name.contains("index") || method.name.contains("idx") => INDEX,
        _ if ends(&["/mtunnel", "/mtunnelwebsocket", "/dbus-vmstate"]) => MIGRATION,
        _ if ends(&["/rrd"]) => IMAGE,
        // Pools with a slash in their name require `/pools?poolid=`.
        _ if ends(&["/pools/{poolid}", "/qemu/{vmid}/unlink"]) => REPLACED,
        _ if ends(&["/cluster/backup/{id}", "/sdn/fabrics/all"]) || method.verb == "POST" && ends(&["/qemu/{vmid}/agent"]) => REPLACED,
        _ if ends(&["/cluster/config/apiversion", "/cluster/config/nodes/{node}"]) => JOINING,
        "POST" if ends(&["/content/{volume}"]) => EXPERIMENTAL,
        _ if ends(&["/execute"]) => BATCH,
        _ if ends(&["/vncwebsocket", "/termproxy", "/vncproxy", "/vncshell", "/spiceproxy", "/spiceshell"]) => TUNNEL,
        _ if ends(&["/ticket", "/vncticket", "/auth-url", "/openid/login"]) => LOGIN,
        _ => NOT_YET,
    }
}

impl Row for Shown {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("method", |row: &Self| Cell::text(row.method)),
            Column::new("path", |row: &Self| Cell::text(row.path)),
            Column::new("command", |row: &Self| Cell::List(row.command.iter().map(|name| (*name).to_owned()).collect())).flex(),
            Column::new("reason", |row: &Self| Cell::maybe(row.reason, Cell::text)).flex(),
        ]
    }

    fn id(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn noun() -> &'static str {
        "methods"
    }
}
