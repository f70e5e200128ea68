//! `felhom backup delete`, `protect`, `unprotect`, `notes`.

use clap::Args;
use serde_json::{Map, Value as Json, json};

use crate::api::{backup, storage};
use crate::cli::Ctx;
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Change, Item, Step};
use crate::ops::backup::archive::{self, Archive, Filter};
use crate::session::Session;
use crate::units;

/// The backups to change.
#[derive(Debug, Args)]
struct Archives {
    /// Backups, as shown by `felhom backup list`
    #[arg(value_name = "BACKUP")]
    archives: Vec<String>,
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

/// Delete backups
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  felhom backup delete local:backup/vzdump-lxc-101-2026_11_20-12_01_44.tar.zst --confirm vzdump-lxc-101-2026_11_20-12_01_44.tar.zst"
)]
pub struct Delete {
    #[command(flatten)]
    which: Archives,
}

/// Protect backups from deletion and pruning
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom backup protect vzdump-lxc-101-2026_11_20-12_01_44.tar.zst")]
pub struct Protect {
    #[command(flatten)]
    which: Archives,
}

/// Remove the protection of backups
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom backup unprotect vzdump-lxc-101-2026_11_20-12_01_44.tar.zst")]
pub struct Unprotect {
    #[command(flatten)]
    which: Archives,
}

/// Set the notes of a backup
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup notes vzdump-lxc-101-2026_11_20-12_01_44.tar.zst 'before the upgrade'\n  felhom backup notes vzdump-lxc-101-2026_11_20-12_01_44.tar.zst ''"
)]
pub struct Notes {
    /// Backup, as shown by `felhom backup list`
    #[arg(value_name = "BACKUP")]
    archive: String,
    /// Notes; an empty text deletes them
    #[arg(value_name = "TEXT")]
    text: String,
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

impl Archives {
    fn resolve(&self, session: &Session) -> Result<Vec<Archive>> {
        let filter = Filter { node: self.node.clone(), ..Filter::default() };
        if self.archives.is_empty() {
            return archive::one(session, None, &filter).map(|archive| vec![archive]);
        }
        let mut found: Vec<Archive> = Vec::new();
        for text in &self.archives {
            let archive = archive::one(session, Some(text), &filter)?;
            if !found.iter().any(|known| known.archive == archive.archive && known.node == archive.node) {
                found.push(archive);
            }
        }
        Ok(found)
    }
}

fn begun(action: &'static str, archive: &Archive) -> Item {
    Item::new(action, archive.target())
        .lane(format!("{} {}", archive.node, archive.storage))
        .fact("archive", archive.state())
        .extra("archive", archive.archive.as_str())
        .extra("storage", archive.storage.as_str())
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let chosen = self.which.resolve(&session)?;
        let everything = archive::all(&session, &Filter::default())?;
        let names: Vec<&str> = chosen.iter().map(Archive::name).collect();
        let mut change = Change::new(format!("delete {}", names.join(", ")));
        for archive in &chosen {
            let item = begun("delete", archive).word(archive.name()).extra("size_bytes", archive.size_bytes);
            if archive.protected {
                change.items.push(
                    item.refused(
                        Fault::refused(format!("{} is protected", archive.name()))
                            .with_hint(format!("run `felhom backup unprotect {}` first", archive.archive)),
                    ),
                );
                continue;
            }
            let size = archive.size_bytes.map_or_else(String::new, |size| format!(", {}", units::bytes(size)));
            let mut item = item.loses(format!("{} ({} old{size})", archive.archive, units::seconds(archive.age())));
            let others = everything.archives.iter().filter(|other| other.vmid == archive.vmid);
            if others.filter(|other| !chosen.iter().any(|gone| gone.archive == other.archive)).count() == 0 {
                item = item.caution("it is the last archive of its guest that this token may see");
            }
            change.items.push(item.step(Step::call("delete", backup::delete(&archive.node, &archive.archive))));
        }
        ctx.carry_out(&session, change, |item, _| gone(&session, item).map(|()| Map::new()))
    }
}

fn text<'a>(item: &'a Item, key: &str) -> &'a str {
    item.extra.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn gone(session: &Session, item: &Item) -> Result<()> {
    let node = item.target.node.as_deref().unwrap_or_default();
    let call = storage::content(node, text(item, "storage")).with("content", "backup").with_some("vmid", item.target.vmid);
    let archive = text(item, "archive");
    if session.client()?.get(&call)?.iter().any(|volume| volume.volid == archive) {
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but {archive} still exists")));
    }
    Ok(())
}

impl Protect {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        protect(ctx, &self.which, true)
    }
}

impl Unprotect {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        protect(ctx, &self.which, false)
    }
}

fn protect(ctx: &Ctx, which: &Archives, on: bool) -> Result<()> {
    let session = ctx.session()?;
    let chosen = which.resolve(&session)?;
    let action = if on { "protect" } else { "unprotect" };
    let mut change = Change::new(format!("{action} {}", chosen.iter().map(Archive::name).collect::<Vec<_>>().join(", ")));
    for archive in &chosen {
        let item = begun(action, archive).extra("protected", on);
        change.items.push(if archive.protected == on {
            item.unchanged()
        } else {
            item.step(Step::call(action, backup::set_attributes(&archive.node, &archive.archive).with("protected", on)))
        });
    }
    ctx.carry_out(&session, change, |item, _| {
        let now = attributes(&session, item)?;
        if now.protected != on {
            return Err(Fault::other(format!(
                "the host took it, but {} is {}protected",
                text(item, "archive"),
                if on { "not " } else { "still " }
            )));
        }
        Ok(Map::new())
    })
}

fn attributes(session: &Session, item: &Item) -> Result<backup::Attributes> {
    session.client()?.get(&backup::attributes(item.target.node.as_deref().unwrap_or_default(), text(item, "archive")))
}

impl Notes {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let filter = Filter { node: self.node, ..Filter::default() };
        let archive = archive::one(&session, Some(&self.archive), &filter)?;
        let before = session.client()?.get(&backup::attributes(&archive.node, &archive.archive))?.notes.unwrap_or_default();
        let item =
            begun("notes", &archive).fact("notes", &before).extra("notes", self.text.as_str()).extra("notes_before", before.as_str());
        let item = if before.trim_end() == self.text.trim_end() {
            item.unchanged()
        } else {
            let call = backup::set_attributes(&archive.node, &archive.archive).with("notes", &self.text);
            let item = if before.is_empty() { item } else { item.loses(format!("the notes so far: {before}")) };
            item.step(Step::call("notes", call))
        };
        ctx.carry_out(&session, Change::one(format!("write the notes of {}", archive.name()), item), |item, _| {
            let now = attributes(&session, item)?.notes.unwrap_or_default();
            if now.trim_end() != self.text.trim_end() {
                return Err(Fault::other("the host took the notes, but shows others"));
            }
            Ok(Map::from_iter([("notes".to_owned(), json!(now))]))
        })
    }
}
