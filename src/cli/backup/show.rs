//! `felhom backup show`.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::backup;
use crate::cli::Ctx;
use crate::fault::Result;
use crate::guard::redact;
use crate::ops::backup::archive::{self, Archive, Filter};
use crate::ops::backup::scope;
use crate::ops::restore::config;
use crate::ui::{Cell, Format, Record};

use super::shown::verification;

/// Show a backup and the guest configuration in it
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup show local:backup/vzdump-lxc-101-2026_11_20-12_01_44.tar.zst\n  felhom backup show vzdump-lxc-101-2026_11_20-12_01_44.tar.zst -o json --jq .config.hostname"
)]
pub struct Show {
    /// Backup, as shown by `felhom backup list`
    #[arg(value_name = "BACKUP")]
    archive: Option<String>,
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    archive: Archive,
    path: Option<String>,
    included: Vec<String>,
    excluded: Vec<String>,
    /// The guest's configuration in the backup, with secrets masked.
    config: Map<String, Json>,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let filter = Filter { node: self.node, ..Filter::default() };
        let mut archive = archive::one(&session, self.archive.as_deref(), &filter)?;
        let client = session.client()?;
        let attributes = client.get(&backup::attributes(&archive.node, &archive.archive))?;
        // The list contains only the first line of the notes.
        archive.notes = attributes.notes.filter(|notes| !notes.is_empty()).or(archive.notes);
        let text = client.get(&backup::extract_config(&archive.node, &archive.archive))?;
        let config = config::read(&text).values;
        let parts = archive.kind.map(|kind| scope::of(kind, &config)).unwrap_or_default();
        let named = |included: bool| parts.iter().filter(|p| p.included == included).map(scope::Part::label).collect();
        let config = match redact::json(Json::Object(config.clone())) {
            Json::Object(map) => map,
            _ => Map::new(),
        };
        let shown = Shown { path: attributes.path, included: named(true), excluded: named(false), config, archive };
        ctx.out.one(&shown)?;
        if shown.archive.on_backup_server() {
            ctx.out.note("the size is that of the guest's data; the backup server stores only what no other snapshot has");
        }
        if ctx.out.format() == Format::Table {
            let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let lines: String = shown.config.iter().map(|(key, value)| format!("{key}: {}\n", text(value))).collect();
            ctx.out.text(&format!("\nThe guest's configuration in it:\n{lines}"))?;
        }
        Ok(())
    }
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let a = &self.archive;
        let maybe = |text: &Option<String>| Cell::maybe(text.clone(), Cell::Text);
        let mut fields = vec![
            ("archive", Cell::text(&a.archive)),
            ("node", Cell::text(&a.node)),
            ("vmid", Cell::maybe(a.vmid, |n| Cell::Int(n.into()))),
            ("kind", Cell::maybe(a.kind, |kind| Cell::text(kind.word()))),
            ("created_at", Cell::Time(a.ctime)),
            ("age", Cell::Age(a.ctime)),
            ("size_bytes", Cell::maybe(a.size_bytes, Cell::Bytes)),
            ("format", Cell::text(&a.format)),
            ("protected", Cell::Flag(a.protected)),
            ("notes", maybe(&a.notes)),
            ("path", maybe(&self.path)),
            ("included", Cell::List(self.included.clone())),
            ("excluded", Cell::List(self.excluded.clone())),
        ];
        if a.on_backup_server() {
            fields.push(("namespace", maybe(&a.namespace)));
            fields.push(("encrypted", maybe(&a.encrypted)));
            fields.push(("verification", Cell::maybe(a.verification.as_deref(), verification)));
        }
        fields
    }

    fn id(&self) -> String {
        self.archive.archive.clone()
    }
}
