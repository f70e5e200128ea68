//! Sources and stores of a new context's secret.

use std::io::Read;

use clap::{Args, ValueEnum};

use crate::cli::Ctx;
use crate::config::secrets::{Account, Source, Store, Vault};
use crate::fault::{Fault, Result};
use crate::secret::Secret;
use crate::ui::prompt;

/// The stores that `--store` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// Desktop keyring
    Keyring,
    /// File that only you can read
    File,
}

#[derive(Debug, Clone, Args)]
pub struct SecretFlags {
    /// Its source: file:PATH, env:VAR, credential:NAME
    ///
    /// Its source: keyring, file:PATH, env:VAR, credential:NAME or command:["WORD",…]
    #[arg(long, help_heading = "Secret", value_name = "SOURCE", conflicts_with_all = ["secret_stdin", "store"])]
    // A string, because the parser's error would repeat the value.
    secret: Option<String>,
    /// Read the secret from stdin and store it
    #[arg(long, help_heading = "Secret")]
    secret_stdin: bool,
    /// Secret store: keyring, file [default: keyring]
    #[arg(long, help_heading = "Secret", value_name = "STORE")]
    store: Option<Keep>,
}

/// The secret of a new context.
pub enum Given {
    /// Already stored.
    There(Source),
    /// Stored after a successful login.
    New(Secret, Store),
}

impl Keep {
    fn store(self) -> Store {
        match self {
            Self::Keyring => Store::Keyring,
            Self::File => Store::File,
        }
    }
}

impl Given {
    /// Returns the secret for this run.
    pub fn source(&self, ctx: &Ctx) -> Source {
        match self {
            // Resolved as it will be in the configuration.
            Self::There(Source::File(path)) => Source::File(ctx.around.paths.expand(&path.to_string_lossy())),
            Self::There(source) => source.clone(),
            Self::New(secret, _) => Source::Literal(secret.clone()),
        }
    }

    /// Describes its location.
    pub fn place(&self) -> String {
        match self {
            Self::There(source) => format!("its secret is read from {source}"),
            Self::New(_, store) => format!("its secret is kept in the {} store", store.word()),
        }
    }
}

impl SecretFlags {
    /// Parses the source. The error does not repeat the value, which may be the secret.
    pub fn source(&self) -> Result<Option<Source>> {
        let Some(text) = &self.secret else { return Ok(None) };
        match Source::parse(text) {
            Ok(Source::Literal(_)) => Err("a secret itself does not belong on a command line: others see it".to_owned()),
            parsed => parsed,
        }
        .map(Some)
        .map_err(|why| Fault::usage(format!("--secret: {why}")).with_hint("pass the secret with --secret-stdin"))
    }

    /// Reads the secret from stdin or asks for it, after checking that the store works.
    pub fn get(&self, ctx: &Ctx, vault: &Vault, token_id: &str) -> Result<Given> {
        if !self.secret_stdin && !prompt::present() {
            return Err(Fault::usage(format!("where is the secret of {token_id}? There is no terminal to ask on"))
                .with_hint("pass it with --secret-stdin, or name its place with --secret: file:PATH, env:VAR, …"));
        }
        let store = if ctx.global.plan.is_some() { self.wanted() } else { self.working(vault)? };
        let secret = if self.secret_stdin { stdin()? } else { prompt::password(&format!("Secret of {token_id}"))? };
        Ok(Given::New(secret, store))
    }

    fn wanted(&self) -> Store {
        self.store.map_or(Store::Keyring, Keep::store)
    }

    fn working(&self, vault: &Vault) -> Result<Store> {
        let store = self.wanted();
        let Err(fault) = vault.probe(store) else { return Ok(store) };
        if self.store.is_none() && store == Store::Keyring && prompt::present() {
            let question = format!("{fault}. Keep the secret in a file that only you can read?");
            if prompt::confirm(&question, true)? {
                return vault.probe(Store::File).map(|()| Store::File);
            }
        }
        Err(fault)
    }
}

/// Stores a new secret and returns its source for the configuration.
pub fn keep(given: Given, vault: &Vault, account: &Account) -> Result<Source> {
    match given {
        Given::There(source) => Ok(source),
        Given::New(secret, store) => vault.put(store, account, &secret),
    }
}

fn stdin() -> Result<Secret> {
    /// Size limit of a secret.
    const CAP: u64 = 64 << 10;
    let mut text = zeroize::Zeroizing::new(String::new());
    std::io::stdin().take(CAP).read_to_string(&mut text).map_err(|error| Fault::io("cannot read standard input", &error))?;
    let secret = text.lines().next().unwrap_or_default().trim();
    if secret.is_empty() {
        return Err(Fault::usage("--secret-stdin: there was nothing on standard input"));
    }
    Ok(Secret::new(secret))
}
