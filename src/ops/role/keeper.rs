//! Storing a context with its secret, and logging in with it.

use std::sync::Arc;

use crate::api::cluster;
use crate::config::secrets::{Account, Source, Store, Vault};
use crate::config::{Context, Editor, Env, Paths};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::Permissions;
use crate::interrupt::Interrupt;
use crate::secret::Secret;
use crate::transport::https::{Https, Login};

/// A log for requests.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// The token's context, with the places to store it.
#[derive(Clone)]
pub struct Keeper {
    pub context: Context,
    pub env: Env,
    pub paths: Paths,
    pub interrupt: Interrupt,
    pub log: Log,
    /// The context is fixed and not part of the configuration: the demo host's.
    pub fixed: bool,
}

impl Keeper {
    pub fn vault(&self) -> Vault {
        Vault::new(&self.env, &self.paths, &self.interrupt)
    }

    pub fn account(&self, token_id: &str) -> Account {
        Account::new(&self.context.name, token_id)
    }

    /// Returns the stored secret of a token: from the context's source, or where an interrupted run may have stored it.
    pub fn stored(&self, token_id: &str) -> Option<(Source, Secret)> {
        let (vault, account) = (self.vault(), self.account(token_id));
        let named = self.context.secret.clone().filter(|_| self.context.token_id.as_deref() == Some(token_id));
        let left = [Store::File, Store::Keyring].map(|store| vault.place(store, &account));
        named.into_iter().chain(left).find_map(|source| vault.read(&source, &account).ok().map(|secret| (source, secret)))
    }

    /// Logs in as the token and reads its permissions.
    pub fn held(&self, token_id: &str, secret: &Secret) -> Result<Permissions> {
        let log = Arc::clone(&self.log);
        let login = Login::Token { id: token_id.to_owned(), secret: secret.clone() };
        let https = Https::new(&self.context, &self.env, self.interrupt.clone(), login, Box::new(move |line| log(line)))?;
        https.ask(&cluster::permissions())
    }

    /// Returns the store to use: the requested one, otherwise the keyring (a file for the demo).
    pub fn store(&self, wanted: Option<Store>) -> Store {
        wanted.unwrap_or(if self.fixed { Store::File } else { Store::Keyring })
    }

    /// Like [`Self::store`], after checking that the store works.
    pub fn probed(&self, wanted: Option<Store>) -> Result<Store> {
        let store = self.store(wanted);
        self.vault().probe(store).map(|()| store)
    }

    /// Writes the context, and pins the CA if there is one.
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

    /// Returns the context from the configuration.
    pub fn written(&self) -> Option<Context> {
        crate::config::Config::load(&self.paths).ok()?.contexts.get(&self.context.name).cloned()
    }

    /// Deletes the stored secret of a deleted token.
    pub fn forget(&self, source: &Source, token_id: &str) -> Result<bool> {
        self.vault().forget(source, &self.account(token_id))
    }
}

/// Whether a token's login failed: wrong secret, expired, or no such token.
pub fn is_refused(fault: &Fault) -> bool {
    fault.kind == Kind::Unauthenticated
}
