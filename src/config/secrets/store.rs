//! Stores new secrets.

use std::path::PathBuf;

use super::account::Account;
use super::read::Vault;
use super::{Source, keyring};
use crate::config::files;
use crate::fault::{Fault, Result};
use crate::secret::Secret;

/// Stores that felhom can write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    Keyring,
    /// A file with mode 0600 in felhom's configuration folder.
    File,
}

impl Store {
    pub fn word(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}

impl Vault {
    /// Writes, reads and deletes a test value before a secret is created that the host shows only once.
    pub fn probe(&self, store: Store) -> Result<()> {
        let account = Account::new(".probe", format!("felhom@probe!{}", std::process::id()));
        let probe = Secret::new(format!("probe-{}", std::process::id()));
        let tried = || -> Result<()> {
            let source = self.put(store, &account, &probe)?;
            let back = self.read(&source, &account);
            self.forget(&source, &account)?;
            if back? == probe { Ok(()) } else { Err(Fault::config("it returned something else")) }
        };
        tried().map_err(|fault| fault.while_(format_args!("the {} store does not work", store.word())))
    }

    /// Returns where [`Vault::put`] would store the secret.
    pub fn place(&self, store: Store, account: &Account) -> Source {
        match store {
            Store::Keyring => Source::Keyring,
            Store::File => Source::File(self.file(account)),
        }
    }

    /// Stores a secret and returns its source for the context. Each token has its own location, so that a rotation never overwrites the
    /// secret in use.
    pub fn put(&self, store: Store, account: &Account, secret: &Secret) -> Result<Source> {
        match store {
            Store::Keyring => keyring::put(&self.env, &self.interrupt, account, secret).map(|()| Source::Keyring),
            Store::File => {
                files::private_dir(&self.dir)?;
                let file = self.file(account);
                files::replace(&file, format!("{}\n", secret.reveal()).as_bytes())?;
                Ok(Source::File(file))
            }
        }
    }

    /// Deletes a secret from [`Vault::put`]. Returns false if it does not exist or the location is not felhom's.
    pub fn forget(&self, source: &Source, account: &Account) -> Result<bool> {
        match source {
            Source::Keyring => keyring::delete(&self.env, &self.interrupt, account),
            Source::File(file) if file.parent() == Some(&self.dir) => match std::fs::remove_file(file) {
                Ok(()) => Ok(true),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
                Err(e) => Err(Fault::config(format!("cannot delete {}: {e}", file.display()))),
            },
            Source::File(_) | Source::Env(_) | Source::Credential(_) | Source::Command(_) | Source::Literal(_) => Ok(false),
        }
    }

    /// `secrets/home.felhom@pve.agent`
    fn file(&self, account: &Account) -> PathBuf {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@') { c } else { '.' };
        self.dir.join(format!("{}.{}", account.context, account.token_id).replace('/', ".").chars().map(safe).collect::<String>())
    }
}
