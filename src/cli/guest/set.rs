//! `felhom guest set`.

use std::io::Read;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value as Json, json};

use crate::cli::{Ctx, complete, results};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Status, verdict};
use crate::ops::settings::{self, Edit, text};
use crate::ops::{guests, lock, reconfigure};

/// Set configuration keys of a guest
///
/// KEY=VALUE sets a whole value, KEY.PART=VALUE one part of it (net0.bridge=vmbr1). KEY=@FILE reads the value from a file and
/// KEY=@- from stdin, for cipassword, sshkeys, args and description.
#[derive(Debug, Args)]
#[command(
    override_usage = "felhom guest set [OPTIONS] GUEST KEY=VALUE…",
    after_help = "Examples:\n  felhom guest set 101 memory=1024 cores=2\n  felhom guest set 102 net0.bridge=vmbr1 mp1.backup=1\n  \
                  felhom guest set web tags='a;b' --delete description\n  felhom guest set 201 cipassword=@- < password.txt"
)]
pub struct Set {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
    /// Settings: memory=1024, net0.bridge=vmbr1
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Unset a key, or part of one (net0.tag)
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
        let edits = self.edits()?;
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let config = || guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()));
        let mut before = config()?;
        // A lock stands in the configuration: when it goes, that is another one, with another digest.
        if before.contains_key("lock") && session.waits.lock.is_some() && lock::wait(&session, &guest, &[]).is_ok() {
            before = config()?;
        }
        let wanted = settings::wanted(guest.kind, &guest.label(), &before, &edits)?;
        let item = Item::new("set", guest.target()).fact("digest", text(&before, "digest").unwrap_or_default());
        let item = reconfigure::prepare(&session, &guest, &before, &wanted, item)?;
        let change = Change::one(format!("change the configuration of {}", guest.label()), item);
        let ended = ctx.outcomes(&session, change, |_, _| reconfigure::after(&session, &guest, &before, &wanted))?;
        let Some(mut outcomes) = ended else { return Ok(()) };
        for outcome in &mut outcomes {
            let nothing = outcome.extra.get("changed").and_then(Json::as_array).is_some_and(Vec::is_empty);
            match outcome.status {
                Status::Unchanged => drop(outcome.extra.insert("changed".into(), json!([]))),
                // All is as requested, and nothing had to change for it.
                Status::Ok if nothing => outcome.status = Status::Unchanged,
                _ => {}
            }
        }
        results::emit(&ctx.out, &outcomes).and_then(|()| verdict(&outcomes))
    }

    fn edits(&self) -> Result<Vec<Edit>> {
        let mut edits: Vec<Edit> = self.delete.iter().map(|name| Edit::delete(name)).collect::<Result<_>>()?;
        for text in &self.settings {
            let mut edit = Edit::set(text)?;
            if FROM_FILE.contains(&edit.key.as_str())
                && let Some(source) = edit.value.as_deref().and_then(|value| value.strip_prefix('@'))
            {
                edit.value = Some(read(&edit.key, source)?);
            } else if edit.key == "cipassword" {
                return Err(Fault::usage("a password on the command line can be seen by everybody on this machine")
                    .with_hint("use cipassword=@- to read it from stdin, cipassword=@FILE from a file"));
            }
            edits.push(edit);
        }
        if edits.is_empty() {
            return Err(Fault::usage("nothing to change was named")
                .with_hint("write KEY=VALUE or --delete KEY; `felhom guest config` shows the present settings"));
        }
        Ok(edits)
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
