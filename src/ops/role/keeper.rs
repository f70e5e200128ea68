//! Where a context's secret and settings are kept, and asking the host with them.

use std::sync::Arc;

use crate::api::cluster;
use crate::config::secrets::{Account, Source, Store, Vault};
use crate::config::{Context, Editor, Env, Paths};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::Held;
use crate::interrupt::Interrupt;
use crate::secret::Secret;
use crate::transport::https::{Https, Login};

/// Hears of every request.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The context that a token is made for, and the places that belong to it.
#[derive(Clone)]
pub struct Keeper {
    pub context: Context,
    pub env: Env,
    pub paths: Paths,
    pub interrupt: Interrupt,
    pub log: Log,
    /// The context is not in the configuration and does not go there: the demo host's.
    pub fixed: bool,
}

impl Keeper {
    pub fn vault(&self) -> Vault {
        Vault::new(&self.env, &self.paths, &self.interrupt)
    }

    pub fn account(&self, token_id: &str) -> Account {
        Account::new(&self.context.name, token_id)
    }

    /// The secret of a token as far as it is kept here: where the context says, else where a run that broke off may have put it.
    pub fn stored(&self, token_id: &str) -> Option<(Source, Secret)> {
        let (vault, account) = (self.vault(), self.account(token_id));
        let named = self.context.secret.clone().filter(|_| self.context.token_id.as_deref() == Some(token_id));
        let left = [Store::File, Store::Keyring].map(|store| vault.place(store, &account));
        named.into_iter().chain(left).find_map(|source| vault.read(&source, &account).ok().map(|secret| (source, secret)))
    }

    /// What this token may do, asked as the token itself.
    pub fn held(&self, token_id: &str, secret: &Secret) -> Result<Held> {
        let log = Arc::clone(&self.log);
        let login = Login::Token { id: token_id.to_owned(), secret: secret.clone() };
        let https = Https::new(&self.context, &self.env, self.interrupt.clone(), login, Box::new(move |line| log(line)))?;
        https.ask(&cluster::permissions())
    }

    /// The store to use: the one asked for, else the keyring (the demo's is a file).
    pub fn store(&self, wanted: Option<Store>) -> Store {
        wanted.unwrap_or(if self.fixed { Store::File } else { Store::Keyring })
    }

    /// The same, tried out before anything is made.
    pub fn probed(&self, wanted: Option<Store>) -> Result<Store> {
        let store = self.store(wanted);
        self.vault().probe(store).map(|()| store)
    }

    /// Writes the context, and pins the CA where there is one to pin.
    pub fn write(&self, context: &Context, ca_pem: Option<&str>) -> Result<()> {
        let mut editor = Editor::open(&self.paths, &self.interrupt)?;
        editor.set(context)?;
        if let Some(pem) = ca_pem {
            editor.pin_ca(&context.name, pem)?;
        }
        if editor.config()?.current.is_none() {
            editor.make_current(&context.name)?;
        }
        editor.save().map(drop)
    }

    /// The context as the configuration has it.
    pub fn written(&self) -> Option<Context> {
        crate::config::Config::load(&self.paths).ok()?.contexts.get(&self.context.name).cloned()
    }

    /// Forgets the secret of a token that is gone.
    pub fn forget(&self, source: &Source, token_id: &str) -> Result<bool> {
        self.vault().forget(source, &self.account(token_id))
    }
}

/// Whether a token's login is refused: wrong or lost secret, expired, or no such token.
pub fn is_refused(fault: &Fault) -> bool {
    fault.kind == Kind::Unauthenticated
}
