//! `felhom guest set`.

use std::collections::BTreeMap;
use std::io::Read;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, Value as Json, json};

use crate::api::guests::PendingValue;
use crate::api::{Call, Form, GuestKind, Value};
use crate::cli::{Ctx, complete, results};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Status, Step, redact, tags, verdict};
use crate::ops::guests::{self, Guest, split_tags};
use crate::ops::settings::{self, Config, Wanted, Wish, text};
use crate::ops::{lock, root_only};
use crate::routes::Risk;
use crate::secret::Secret;
use crate::session::Session;

/// Change a guest's configuration
#[derive(Debug, Args)]
#[command(
    override_usage = "felhom guest set [OPTIONS] GUEST KEY=VALUE…",
    after_help = "A value is set whole, KEY=VALUE, or by part, KEY.PART=VALUE, which leaves the other parts as they are.\n\
                  cipassword, sshkeys, args and description are read from a file with KEY=@FILE, from stdin with KEY=@-.\n\n\
                  Examples:\n  felhom guest set 101 memory=1024 cores=2\n  felhom guest set 101 net0.bridge=vmbr1 mp0.backup=0\n  \
                  felhom guest set web tags='a;b' --delete description\n  felhom guest set 201 cipassword=@- < password.txt"
)]
pub struct Set {
    /// A VMID, a name, or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Settings: memory=1024, net0.bridge=vmbr1, …
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Take a setting away, or a part of one: net0.tag
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    delete: Vec<String>,
}

/// Settings that may be read from a file.
const FROM_FILE: &[&str] = &["cipassword", "sshkeys", "args", "description"];

impl Set {
    pub fn run(mut self, ctx: &Ctx) -> Result<()> {
        // `guest set memory=512` at a terminal: the guest is picked.
        if let Some(first) = self.guest.take_if(|word| word.contains('=')) {
            self.settings.insert(0, first);
        }
        let wishes = self.wishes()?;
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let config = || guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()));
        let mut before = config()?;
        // A lock stands in the configuration: when it goes, that is another one, with another digest.
        if before.contains_key("lock") && session.waits.lock.is_some() && lock::wait(&session, &guest, &[]).is_ok() {
            before = config()?;
        }
        let wanted = settings::wanted(guest.kind, &guest.label(), &before, &wishes)?;
        let item = Item::new("set", guest.target()).fact("digest", text(&before, "digest").unwrap_or_default());
        let item = prepare(&session, &guest, &before, &wanted, item)?;
        let change = Change::one(format!("change the configuration of {}", guest.label()), item);
        let ended = ctx.outcomes(&session, change, |_, _| after(&session, &guest, &before, &wanted))?;
        let Some(mut outcomes) = ended else { return Ok(()) };
        for outcome in &mut outcomes {
            let nothing = outcome.extra.get("changed").and_then(Json::as_array).is_some_and(Vec::is_empty);
            match outcome.status {
                Status::Unchanged => drop(outcome.extra.insert("changed".into(), json!([]))),
                Status::Ok if nothing => outcome.status = Status::Unchanged,
                _ => {}
            }
        }
        results::emit(&ctx.out, &outcomes).and_then(|()| verdict(&outcomes))
    }

    fn wishes(&self) -> Result<Vec<Wish>> {
        let mut wishes: Vec<Wish> = self.delete.iter().map(|name| Wish::delete(name)).collect::<Result<_>>()?;
        for text in &self.settings {
            let mut wish = Wish::set(text)?;
            if FROM_FILE.contains(&wish.key.as_str())
                && let Some(source) = wish.value.as_deref().and_then(|value| value.strip_prefix('@'))
            {
                wish.value = Some(read(&wish.key, source)?);
            } else if wish.key == "cipassword" {
                return Err(Fault::usage("a password on the command line can be seen by everybody on this machine")
                    .with_hint("cipassword=@- reads it from stdin, cipassword=@FILE from a file"));
            }
            wishes.push(wish);
        }
        if wishes.is_empty() {
            return Err(Fault::usage("nothing to change was named")
                .with_hint("KEY=VALUE sets, --delete KEY takes away; `felhom guest config` shows what is there"));
        }
        Ok(wishes)
    }
}

fn read(key: &str, source: &str) -> Result<String> {
    let mut content = String::new();
    if source == "-" {
        std::io::stdin().read_to_string(&mut content).map_err(|error| Fault::io(format!("read {key} from stdin"), &error))?;
    } else {
        content = std::fs::read_to_string(source).map_err(|error| Fault::io(format!("read {key} from {source}"), &error))?;
    }
    Ok(content.trim_end_matches(['\n', '\r']).to_owned())
}

/// The change, or why it must not be.
fn prepare(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted, item: Item) -> Result<Item> {
    if wanted.is_empty() {
        return Ok(item.unchanged());
    }
    if !root_only::is_root(session.who()) {
        for key in wanted.keys() {
            let value = wanted.set.get(key).map(String::as_str);
            if let Some(fault) = root_only::refusal(guest, before, key, value) {
                return Ok(item.refused(fault));
            }
        }
    }
    let tags_of = |text: Option<String>| split_tags(text.as_deref());
    let on = |text: Option<String>| text.is_some_and(|text| !matches!(text.as_str(), "" | "0" | "no" | "off" | "false"));
    let unprotects = on(text(before, "protection")) && !on(wanted.after(before, "protection"));
    let (held, kept) = (tags_of(text(before, "tags")), tags_of(wanted.after(before, "tags")));
    if let Some(fault) = tags::taken_away(&session.rules, &session.tags, &guest.target(), &held, &kept, unprotects) {
        return Ok(item.refused(fault));
    }
    let live = match lock::wait(session, guest, &[]) {
        Ok(live) => live,
        Err(fault) => return Ok(item.refused(fault)),
    };
    let mut item = item;
    for key in wanted.keys() {
        item = impact(item, guest, before, wanted, key, live.running());
    }
    Ok(item.step(Step::call("set", call(guest, before, wanted))))
}

/// What one setting means for the guest.
fn impact(item: Item, guest: &Guest, before: &Config, wanted: &Wanted, key: &str, running: bool) -> Item {
    let shown = |text: Option<String>| text.map_or_else(|| "(nothing)".to_owned(), |text| redact::config_value(key, &text));
    let item = item.touches(format!("{key}: {} → {}", shown(text(before, key)), shown(wanted.after(before, key))));
    let goes = wanted.delete.contains(key) && before.contains_key(key);
    let numbered = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let disk = matches!(Form::of(guest.kind, key), Some(Form::Default("volume" | "file")));
    if goes && numbered == "unused" {
        let volume = shown(text(before, key));
        return item.loses(format!("the volume {volume}, with all that is on it")).risk(Risk::Irreversible).word(guest.vmid);
    }
    if goes && disk {
        return heavier(item, Risk::Disruptive).caution(format!("{key} is taken off the guest; its volume stays, as an unused one"));
    }
    if running && numbered == "net" && before.contains_key(key) {
        return heavier(item, Risk::Disruptive).caution(format!("it runs: connections through {key} may break"));
    }
    item
}

/// At least this risk.
fn heavier(item: Item, risk: Risk) -> Item {
    let most = item.risk.map_or(risk, |now| now.max(risk));
    item.risk(most)
}

fn call(guest: &Guest, before: &Config, wanted: &Wanted) -> Call<Json> {
    let place = guest.place();
    // A machine's new disk may take its time: the host makes that in a task.
    let slow = guest.kind == GuestKind::Qemu && wanted.set.keys().any(|key| Form::of(guest.kind, key) == Some(Form::Default("file")));
    let mut call = if slow { place.set_config_in_task() } else { place.set_config().slow() };
    for (key, value) in &wanted.set {
        let value = match key.as_str() {
            "cipassword" => Value::Secret(Secret::new(value)),
            "sshkeys" => Value::Text(percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()),
            _ => Value::Text(value.clone()),
        };
        call = call.with(key, value);
    }
    if !wanted.delete.is_empty() {
        call = call.with("delete", wanted.delete.iter().cloned().collect::<Vec<String>>());
    }
    call.with_some("digest", text(before, "digest"))
}

/// What has changed, by looking again; what waits for the next start is pointed out.
fn after(session: &Session, guest: &Guest, before: &Config, wanted: &Wanted) -> Result<Map<String, Json>> {
    let now = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let pending = guests::with_place(session, guest, |place| session.client()?.get(&place.pending()))?;
    let waiting: BTreeMap<&str, &PendingValue> =
        pending.iter().filter(|v| v.pending.is_some() || v.delete).map(|v| (v.key.as_str(), v)).collect();
    let mut changed = Vec::new();
    let mut keys: Vec<&String> = wanted.keys().collect();
    // A disk that was taken off is an unused one now.
    keys.extend(now.keys().chain(before.keys()).filter(|key| key.starts_with("unused")));
    keys.sort();
    keys.dedup();
    for key in keys {
        let mask = |text: Option<String>| text.map(|text| redact::config_value(key, &text));
        let (old, new) = (text(before, key), text(&now, key));
        if old == new && key != "cipassword" {
            continue;
        }
        let waits = waiting.contains_key(key.as_str());
        let (old, new) = (mask(old), mask(new));
        let words = |text: &Option<String>| text.clone().unwrap_or_else(|| "(nothing)".into());
        session.person.note(&format!("{key}: {} → {}{}", words(&old), words(&new), if waits { " (waits for the next start)" } else { "" }));
        changed.push(json!({ "key": key, "old": old, "new": new, "pending": waits }));
    }
    Ok(Map::from_iter([("changed".to_owned(), Json::Array(changed))]))
}
