//! Selects the context of a run: `-c`, the `FELHOM_ENDPOINT` variables, `FELHOM_CONTEXT`, the current context.

use std::path::PathBuf;

use super::context::{self, Context};
use super::endpoint::{Endpoint, Url};
use super::env::FROM_ENV;
use super::secrets::Source;
use super::section::nearest;
use super::{Config, Env};
use crate::fault::{Fault, Result};
use crate::transport::tls::Fingerprint;

/// The contexts of a run over several contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    Names(Vec<String>),
    All,
}

impl Config {
    /// Returns the context of this run. `flag` is the value of `-c`.
    pub fn resolve(&self, env: &Env, flag: Option<&str>) -> Result<Context> {
        if let Some(name) = flag {
            return self.context(name).cloned();
        }
        if let Some(context) = from_env(env)? {
            return Ok(context);
        }
        if let Some(name) = env.text("FELHOM_CONTEXT")? {
            return self.context(name).cloned().map_err(|fault| fault.while_("FELHOM_CONTEXT"));
        }
        if let Some(name) = &self.current {
            return self.context(name).cloned();
        }
        if self.contexts.is_empty() {
            return Err(Fault::config("no host is configured yet").with_hint(
                "run `felhom role bootstrap --host HOST` or `felhom context add NAME`; `felhom demo guest list` works without a host",
            ));
        }
        Err(Fault::config(format!("no context is the current one; there are {}", self.names().join(", ")))
            .with_hint("add -c NAME, or set the current one with `felhom context use NAME`"))
    }

    /// Returns several contexts without duplicates, in the requested order.
    pub fn select(&self, selection: &Selection) -> Result<Vec<Context>> {
        match selection {
            Selection::All if self.contexts.is_empty() => {
                Err(Fault::config("no host is configured yet").with_hint("add one with `felhom context add NAME`"))
            }
            Selection::All => Ok(self.contexts.values().cloned().collect()),
            Selection::Names(names) => {
                let mut found: Vec<Context> = Vec::new();
                for name in names {
                    let context = self.context(name)?;
                    if !found.iter().any(|seen| seen.name == context.name) {
                        found.push(context.clone());
                    }
                }
                Ok(found)
            }
        }
    }

    pub fn context(&self, name: &str) -> Result<&Context> {
        self.contexts.get(name).ok_or_else(|| {
            let names = self.names();
            let meant = nearest(name, &names).map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            let there = if names.is_empty() { "none is configured".to_owned() } else { format!("configured: {}", names.join(", ")) };
            Fault::config(format!("there is no context '{}'{meant}", name.escape_debug())).with_hint(there)
        })
    }

    pub fn names(&self) -> Vec<&str> {
        self.contexts.keys().map(String::as_str).collect()
    }
}

/// Returns the context from `FELHOM_ENDPOINT` and related variables; `None` if it is not set.
pub fn from_env(env: &Env) -> Result<Option<Context>> {
    let Some(endpoint) = env.text("FELHOM_ENDPOINT")? else { return Ok(None) };
    let wrong = |name: &str, why: &str| Fault::config(format!("{name}: {why}"));
    let mut endpoint = Endpoint::new(endpoint.parse::<Url>().map_err(|why| wrong("FELHOM_ENDPOINT", &why))?);
    if let Some(fingerprint) = env.text("FELHOM_FINGERPRINT")? {
        endpoint.fingerprint = Some(fingerprint.parse::<Fingerprint>().map_err(|why| wrong("FELHOM_FINGERPRINT", &why))?);
    }
    let token_id = env.text("FELHOM_TOKEN_ID")?.ok_or_else(|| {
        wrong("FELHOM_TOKEN_ID", "is not set")
            .with_hint("set FELHOM_TOKEN_ID and FELHOM_TOKEN_SECRET (or FELHOM_TOKEN_SECRET_FILE) as well")
    })?;
    context::check_token_id(token_id).map_err(|why| wrong("FELHOM_TOKEN_ID", &why))?;
    let secret = match (env.os("FELHOM_TOKEN_SECRET"), env.os("FELHOM_TOKEN_SECRET_FILE")) {
        (Some(_), Some(_)) => return Err(wrong("FELHOM_TOKEN_SECRET", "and FELHOM_TOKEN_SECRET_FILE are both set: leave one out")),
        (Some(_), None) => Source::Env("FELHOM_TOKEN_SECRET".to_owned()),
        (None, Some(file)) => Source::File(PathBuf::from(file)),
        (None, None) => {
            return Err(wrong("FELHOM_TOKEN_SECRET", "is not set, nor is FELHOM_TOKEN_SECRET_FILE")
                .with_hint("set FELHOM_TOKEN_SECRET as well, or unset FELHOM_ENDPOINT to use the configured contexts"));
        }
    };
    Ok(Some(Context {
        token_id: Some(token_id.to_owned()),
        secret: Some(secret),
        ca_file: env.os("FELHOM_CA_FILE").map(PathBuf::from),
        endpoints: vec![endpoint],
        ..Context::new(FROM_ENV)
    }))
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
