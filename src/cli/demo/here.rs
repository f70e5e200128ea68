//! Running a command against the demo host in this process.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::{self, Ctx, Surroundings};
use crate::config::secrets::Source;
use crate::config::{Context, Endpoint};
use crate::demo::{self, Host};
use crate::fault::{Fault, Result};

/// The token that the demo's context uses.
const TOKEN: &str = "felhom@pve!agent";
/// Its name after every other `role rotate`.
const TOKEN_B: &str = "felhom@pve!agent-b";

/// Where the demo host keeps its state.
pub fn dir(ctx: &Ctx) -> PathBuf {
    ctx.around.paths.state.join("demo")
}

/// Starts the host, runs the words as a command line of felhom with the demo's context, and gives its exit code.
pub fn run(ctx: &Ctx, words: Vec<OsString>) -> Result<u8> {
    let dir = dir(ctx);
    let host = Host::start(&demo::Options { state_dir: Some(dir.clone()), as_left: true, ..demo::Options::default() })?;
    let context = context(&host)?;
    let mut paths = ctx.around.paths.clone();
    // The demo's changes stand in a journal of their own.
    // Its contexts and what is cached of it are no business of the real ones either.
    paths.config = dir.join("config");
    paths.cache = dir.join("cache");
    paths.state = dir;
    let around = Surroundings { fixed: Some(context), paths, ..ctx.around.clone() };
    let mut args = vec![OsString::from("felhom")];
    args.extend(flags_before(&ctx.args, words.len()));
    args.extend(words);
    Ok(cli::run(args, around))
}

/// The global flags that stand before the demo's own command: `felhom -o json demo guest list`.
fn flags_before(args: &[OsString], trailing: usize) -> Vec<OsString> {
    let mut before = args[1..args.len().saturating_sub(trailing).max(1)].to_vec();
    let demo =
        (0..before.len()).find(|at| before[*at] == "demo" && (*at == 0 || (before[at - 1] != "-c" && before[at - 1] != "--context")));
    if let Some(at) = demo {
        before.remove(at);
    }
    before
}

/// A ready context for the running host.
pub fn context(host: &Host) -> Result<Context> {
    let url = host.endpoint().parse().map_err(|why: String| Fault::other(format!("the demo host's address: {why}")))?;
    // The agent's token, whichever of its two names it has now; none before it is made.
    let tokens = host.tokens();
    let found = [TOKEN, TOKEN_B].into_iter().find_map(|wanted| tokens.iter().find(|(id, _)| id == wanted).cloned());
    let (id, secret) = found.map_or((TOKEN.to_owned(), None), |(id, secret)| (id, Some(secret)));
    Ok(Context {
        token_id: Some(id),
        secret: secret.map(Source::Literal),
        ca_file: Some(host.ca_file().to_owned()),
        endpoints: vec![Endpoint::new(url)],
        protected_tags: vec!["protected".into(), "production".into()],
        preset: Some("agent".into()),
        ..Context::new("demo")
    })
}

/// The demo host as it was left, for a look at it: one that was never started is not started for this.
pub fn as_left<T>(state: &std::path::Path, look: impl FnOnce(&Context) -> Option<T>) -> Option<T> {
    let dir = state.join("demo");
    if !dir.join("state.json").exists() {
        return None;
    }
    let host = Host::start(&demo::Options { state_dir: Some(dir), as_left: true, ..demo::Options::default() }).ok()?;
    look(&context(&host).ok()?)
}

/// Returns the connection to the demo host's simulated helper.
#[cfg(feature = "fence")]
pub fn fence_connection(state: &std::path::Path) -> crate::fence::client::Connection {
    crate::fence::client::Connection::Demo { root: demo::mounts::host_root(state) }
}
