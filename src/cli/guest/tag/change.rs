//! `felhom guest tag add`, `remove`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, json};

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item};
use crate::ops::guests::{self, Guest, Selection, split_tags};
use crate::ops::settings::{self, Config, Edit, Wanted};
use crate::ops::{live, reconfigure};
use crate::session::Session;

/// Add tags to guests
///
/// Protected tags are `protected` and `production`, unless the context names others.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest tag add 101 production\n  felhom guest tag add 101,105-110 web dmz")]
pub struct Add {
    #[command(flatten)]
    what: What,
}

/// Remove tags from guests
///
/// Removing a protected tag requires --force.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest tag remove 101 dmz\n  felhom guest tag remove 101 production --force")]
pub struct Remove {
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
struct What {
    /// Guests: VMID, name, NODE/VMID or range (101,105-110)
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Tags
    #[arg(value_name = "TAG", required = true)]
    tags: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Add,
    Remove,
}

impl Add {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.what, Way::Add)
    }
}

impl Remove {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        run(ctx, &self.what, Way::Remove)
    }
}

fn run(ctx: &Ctx, what: &What, way: Way) -> Result<()> {
    let tags: Vec<String> = what.tags.iter().flat_map(|text| split_tags(Some(text))).collect();
    tags.iter().try_for_each(|tag| check(tag))?;
    let session = ctx.session()?;
    let chosen = guests::select(guests::all(&session)?, std::slice::from_ref(&what.guest), &Selection::default())?;
    let listed = tags.join(", ");
    let mut change = Change::new(match (way, &chosen[..]) {
        (Way::Add, [guest]) => format!("tag {} with {listed}", guest.label()),
        (Way::Add, _) => format!("tag {} guests with {listed}", chosen.len()),
        (Way::Remove, [guest]) => format!("take {listed} from {}", guest.label()),
        (Way::Remove, _) => format!("take {listed} from {} guests", chosen.len()),
    });
    let prepared = live::each(&chosen, |guest| prepare(&session, guest, &tags, way));
    let mut known = Vec::new();
    for (guest, (item, before)) in chosen.iter().zip(prepared) {
        change.items.push(item);
        known.push((guest, before));
    }
    ctx.carry_out(&session, change, |item, _| {
        let Some((guest, Some((before, wanted)))) = known.iter().find(|(guest, _)| Some(guest.vmid) == item.target.vmid) else {
            return Ok(Map::new());
        };
        reconfigure::after(&session, guest, before, wanted)?;
        let now = guests::with_place(&session, guest, |place| session.client()?.get(&place.config()))?;
        Ok(Map::from_iter([("tags".to_owned(), json!(tags_of(&now)))]))
    })
}

/// The configuration before, and what is to be changed in it.
type Before = Option<(Config, Wanted)>;

fn prepare(session: &Session, guest: &Guest, tags: &[String], way: Way) -> (Item, Before) {
    let item = Item::new("tag", guest.target());
    let before = match guests::with_place(session, guest, |place| session.client()?.get(&place.config())) {
        Ok(before) => before,
        Err(fault) => return (item.refused(fault), None),
    };
    let item = item.fact("digest", settings::text(&before, "digest").unwrap_or_default()).extra("tags", json!(tags_of(&before)));
    let wanted = edit(&before, tags, way)
        .and_then(|edits| settings::wanted(guest.kind, &guest.label(), &before, &edits))
        .and_then(|wanted| Ok((reconfigure::prepare(session, guest, &before, &wanted, Item { ..item })?, wanted)));
    match wanted {
        Ok((item, wanted)) => (item, Some((before, wanted))),
        Err(fault) => (Item::new("tag", guest.target()).refused(fault), None),
    }
}

/// The whole list of tags as it shall be.
fn edit(before: &Config, tags: &[String], way: Way) -> Result<Vec<Edit>> {
    let mut list = tags_of(before);
    match way {
        Way::Add => list.extend(tags.iter().filter(|tag| !tags_of(before).contains(tag)).cloned()),
        Way::Remove => list.retain(|tag| !tags.contains(tag)),
    }
    match list.is_empty() {
        true if before.contains_key("tags") => Edit::delete("tags").map(|edit| vec![edit]),
        true => Ok(Vec::new()),
        false => Edit::set(&format!("tags={}", list.join(";"))).map(|edit| vec![edit]),
    }
}

fn tags_of(config: &Config) -> Vec<String> {
    split_tags(settings::text(config, "tags").as_deref())
}

/// What the host takes for a tag.
fn check(tag: &str) -> Result<()> {
    let mut letters = tag.chars();
    let first = letters.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && letters.all(|c| c.is_ascii_alphanumeric() || "_-+.".contains(c)) {
        return Ok(());
    }
    Err(Fault::usage(format!("'{tag}' is no tag"))
        .with_hint("use letters, digits and `_`; after the first character also `-`, `+` and `.`"))
}
