//! `felhom demo tour`.

use std::ffi::OsString;

use clap::Args;

use crate::cli::plan_view::quote;
use crate::cli::{self, Ctx, Surroundings};
use crate::config::secrets::{Account, Store, Vault};
use crate::config::{Context, Paths};
use crate::demo::{self, Host};
use crate::fault::{Fault, Result};

use super::here;

/// Show the main commands in a one-minute tour
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom demo tour")]
pub struct Tour {
    /// Speed-up factor for tasks
    #[arg(long, value_name = "FACTOR", default_value_t = 3.0)]
    speed: f64,
}

/// One command of the tour, what it shows, and how it is to end.
struct Stop {
    says: &'static str,
    words: &'static [&'static str],
    exit: u8,
    /// As the tour's own token, which may do less than the demo's.
    as_guest: bool,
}

const fn stop(says: &'static str, words: &'static [&'static str]) -> Stop {
    Stop { says, words, exit: 0, as_guest: false }
}

impl Stop {
    const fn ends(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    const fn by_visitor(mut self) -> Self {
        self.as_guest = true;
        self
    }
}

const STOPS: &[Stop] = &[
    stop("A small site, simulated: three nodes with some guests on them.", &["guest", "list"]),
    stop(
        "First contact: a user and a token that may look at everything. The role is granted to both, because a token's rights are what both \
         have, and the new token itself is asked whether it is so.",
        &["role", "bootstrap", "--preset", "auditor", "--user", "tour@pve", "--token-name", "visitor", "--store", "file", "--yes"],
    ),
    stop(
        "And a role made to measure on top: backups of guest 101 alone.",
        &["role", "bootstrap", "--allow", "backup run,backup list", "--guest", "101", "--storage", "local", "--user", "tour@pve", "--token-name", "visitor", "--store", "file", "--yes"],
    ),
    stop(
        "With that token, a backup of another guest. The host says 200 and starts a task; the refusal stands in the task's exit status. It is \
         told as what it is: denied, and by what.",
        &["backup", "run", "102", "--storage", "local"],
    )
    .by_visitor()
    .ends(4),
    stop("The guest that the role is for. The archive is looked for after the task, and found.", &["backup", "run", "101", "--storage", "local"]).by_visitor(),
    stop("What would a restore beside the running original do? A plan changes nothing.", &["guest", "restore", "--from", "101", "--latest", "--vmid", "150", "--storage", "local-lvm", "--plan"]),
    stop(
        "And now for real. The original is still there with its hardware address, so the copy gets fresh ones.",
        &["guest", "restore", "--from", "101", "--latest", "--vmid", "150", "--storage", "local-lvm", "--yes"],
    ),
    stop("A snapshot of the copy, and the list of its snapshots.", &["snapshot", "create", "150", "before-upgrade"]),
    stop("", &["snapshot", "list", "150"]),
    stop("What cannot be undone wants the name typed; without a terminal it is refused.", &["snapshot", "rollback", "150", "before-upgrade", "--yes"]).ends(3),
    stop("", &["snapshot", "rollback", "150", "before-upgrade", "--confirm", "before-upgrade"]),
    stop("Everything that was changed, and everything that was refused, is in the journal.", &["history"]),
];

impl Tour {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let dir = here::dir(ctx).join("tour");
        // A tour begins at the beginning, and leaves the demo host that one plays with alone.
        let _ = std::fs::remove_dir_all(&dir);
        let options = demo::Options { state_dir: Some(dir.join("host")), speed: self.speed, ..demo::Options::default() };
        let host = Host::start(&options)?;
        let around = surroundings(ctx, &host, &dir)?;
        for at in STOPS {
            if !at.says.is_empty() {
                ctx.out.text(&format!("\n{}\n", at.says))?;
            }
            let words: Vec<String> = at.words.iter().map(|word| quote(word)).collect();
            ctx.out.text(&format!("\n$ felhom {}\n", words.join(" ")))?;
            let around = if at.as_guest { Surroundings { fixed: Some(visitor(&around)?), ..around.clone() } } else { around.clone() };
            let args = std::iter::once("felhom").chain(at.words.iter().copied()).map(OsString::from);
            let code = cli::run(args, around);
            if let Some(signal) = ctx.around.interrupt.seen() {
                return Err(crate::session::stopped(signal, "the tour was broken off"));
            }
            if code != at.exit {
                return Err(Fault::other(format!("the tour expected exit code {} and saw {code}", at.exit)));
            }
            if code != 0 {
                ctx.out.text(&format!("(exit code {code})\n"))?;
            }
        }
        ctx.out.text(
            "\nThat was the tour. `felhom demo COMMAND` runs any command against a demo host of your own; `felhom --help` lists them.\n",
        )
    }
}

/// As in [`here::run`], with the administrator's password at hand: the tour has nobody to ask.
fn surroundings(ctx: &Ctx, host: &Host, dir: &std::path::Path) -> Result<Surroundings> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let password = dir.join("root.password");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&password)
        .map_err(|error| Fault::io("write the demo's password", &error))?;
    file.write_all(host.password().reveal().as_bytes()).map_err(|error| Fault::io("write the demo's password", &error))?;
    let paths = Paths { config: dir.join("config"), cache: dir.join("cache"), state: dir.join("state"), ..ctx.around.paths.clone() };
    let env = ctx.around.env.clone().with("FELHOM_PASSWORD_FILE", &password);
    Ok(Surroundings { fixed: Some(here::context(host)?), env, paths, ..ctx.around.clone() })
}

/// The token that the tour's bootstrap makes: the demo's context is fixed, so no configuration names it.
const VISITOR: &str = "tour@pve!visitor";

/// The demo's context with that token instead.
fn visitor(around: &Surroundings) -> Result<Context> {
    let fixed = around.fixed.clone().ok_or_else(|| Fault::other("the tour has no demo host"))?;
    let vault = Vault::new(&around.env, &around.paths, &around.interrupt);
    let secret = vault.place(Store::File, &Account::new(&fixed.name, VISITOR));
    Ok(Context { token_id: Some(VISITOR.into()), secret: Some(secret), preset: None, ..fixed })
}
