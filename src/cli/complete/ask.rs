//! Requests during completion: with a short time limit, and never with a prompt, keyring or program.

use std::sync::mpsc;
use std::time::Instant;

use crate::config::secrets::{Account, Vault};
use crate::config::{Config, Context, Env, Paths, Transport};
use crate::interrupt::Interrupt;
use crate::transport::Client;
use crate::transport::https::{Https, Login};

use super::PATIENCE;
use super::line::Line;

/// Returns the host's answer if it arrives in time. Errors are ignored: a prompt is no place to print them.
pub(super) fn live<T: Send + 'static>(line: &Line, work: impl FnOnce(&Client) -> Option<T> + Send + 'static) -> Option<T> {
    let until = Instant::now() + PATIENCE;
    let (tell, told) = mpsc::channel();
    let line = line.clone();
    // A late request is abandoned: the program ends right after.
    std::thread::spawn(move || tell.send(asked(&line, work)));
    told.recv_timeout(until.saturating_duration_since(Instant::now())).ok().flatten()
}

fn asked<T>(line: &Line, work: impl FnOnce(&Client) -> Option<T>) -> Option<T> {
    let env = Env::system();
    let paths = Paths::from_env(&env).ok()?;
    #[cfg(feature = "demo")]
    if line.demo {
        return demo(&env, &paths, work);
    }
    let context = Config::load(&paths).ok()?.resolve(&env, line.context.as_deref()).ok()?;
    work(&client(&context, &env, &paths)?)
}

/// Loads the saved demo host; returns `None` if it was never started.
#[cfg(feature = "demo")]
fn demo<T>(env: &Env, paths: &Paths, work: impl FnOnce(&Client) -> Option<T>) -> Option<T> {
    crate::cli::demo::as_left(&paths.state, |context| work(&client(context, env, paths)?))
}

/// Connects only to a trusted host with a secret that needs no prompt.
fn client(context: &Context, env: &Env, paths: &Paths) -> Option<Client> {
    let trusted = |endpoint: &crate::config::Endpoint| matches!(context.trust(endpoint), Ok(Some(_)));
    if context.transport != Transport::Https || context.insecure || !context.endpoints.iter().all(trusted) {
        return None;
    }
    let source = context.secret.as_ref().filter(|source| source.is_quiet())?;
    let id = context.token_id.clone()?;
    let interrupt = Interrupt::never().ok()?;
    let secret = Vault::new(env, paths, &interrupt).read(source, &Account::new(&context.name, &id)).ok()?;
    let https = Https::new(context, env, interrupt.clone(), Login::Token { id, secret }, Box::new(|_| {})).ok()?;
    Some(Client::new(Box::new(https), "complete".to_owned(), interrupt))
}
