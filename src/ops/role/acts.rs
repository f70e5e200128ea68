//! Local steps of a bootstrap: store the secret, check the token, write the context.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::keeper::Keeper;
use crate::api::lenient;
use crate::config::Context;
use crate::config::secrets::{Source, Store};
use crate::fault::{Fault, Kind, Result};
use crate::guard::plan::{Permissions, holds};
use crate::guard::{Act, Outputs, Permit, Person};
use crate::routes::Grant;
use crate::secret::Secret;

/// Returns the secret from the step `token`.
fn fresh(outputs: &Outputs) -> Option<Secret> {
    outputs.get("token").and_then(|answer| answer.get("value")).and_then(lenient::text).map(Secret::new)
}

/// Stores a new secret, before anything else can fail.
pub struct StoreSecret {
    pub keeper: Keeper,
    /// Without a store, the secret is printed once.
    pub store: Option<Store>,
    pub token_id: String,
    pub person: Arc<dyn Person>,
}

impl Act for StoreSecret {
    fn backend(&self) -> &'static str {
        "local"
    }

    fn describe(&self) -> String {
        match self.store {
            Some(store) => format!("store the secret of {} in the {} store", self.token_id, store.word()),
            None => format!("print the secret of {} once", self.token_id),
        }
    }

    fn run(&self, outputs: &Outputs, _permit: &Permit) -> Result<Json> {
        let Some(secret) = fresh(outputs) else { return Err(Fault::new(Kind::Host, "the host created the token but returned no secret")) };
        let Some(store) = self.store else {
            self.person.warn(&format!("save the secret of {} now, it is not shown again: {}", self.token_id, secret.reveal()));
            return Ok(json!({ "source": null }));
        };
        let source = self.keeper.vault().put(store, &self.keeper.account(&self.token_id), &secret)?;
        Ok(json!({ "source": source.to_string() }))
    }
}

/// Logs in with the new token and compares its permissions with the wanted ones.
pub struct CheckToken {
    pub keeper: Keeper,
    pub token_id: String,
    /// The secret, if it is known beforehand.
    pub secret: Option<Secret>,
    pub wanted: BTreeSet<Grant>,
}

impl Act for CheckToken {
    fn backend(&self) -> &'static str {
        "local"
    }

    fn describe(&self) -> String {
        let count = |all: BTreeSet<&str>, what: &str| format!("{} {what}{}", all.len(), if all.len() == 1 { "" } else { "s" });
        let privileges = count(self.wanted.iter().map(|grant| grant.privilege.as_str()).collect(), "privilege");
        let paths = count(self.wanted.iter().map(|grant| grant.path.as_str()).collect(), "path");
        format!("log in as {} and check {privileges} on {paths}", self.token_id)
    }

    fn run(&self, outputs: &Outputs, _permit: &Permit) -> Result<Json> {
        let Some(secret) = fresh(outputs).or_else(|| self.secret.clone()) else {
            return Err(Fault::other("there is no secret to test the token with"));
        };
        let held = self.keeper.held(&self.token_id, &secret).map_err(|fault| match fault.kind {
            Kind::Unreachable => fault.with_hint("run it again to test the token; what was created stays"),
            _ => fault,
        });
        let held = held.map_err(|fault| fault.while_("cannot log in with the new token"))?;
        let missing = missing(&held, &self.wanted);
        if let Some(first) = missing.first() {
            let list: Vec<String> = missing.iter().map(text).collect();
            return Err(Fault {
                path: Some(first.path.clone()),
                privilege: Some(first.privilege.clone()),
                ..Fault::new(Kind::Denied, format!("{} still lacks {} after the grant", self.token_id, list.join(", ")))
                    .with_hint("check with `felhom role check --admin root@pam`: an entry on a path below, or NoAccess, may override it")
            });
        }
        serde_json::to_value(held).map_err(|error| Fault::other(format!("cannot serialize the permissions: {error}")))
    }
}

/// Returns the wanted grants that are missing.
pub fn missing(held: &Permissions, wanted: &BTreeSet<Grant>) -> Vec<Grant> {
    wanted.iter().filter(|grant| !holds(held, grant)).cloned().collect()
}

/// Formats a grant: `VM.Audit on /vms/101`.
pub fn text(grant: &Grant) -> String {
    format!("{} on {}", grant.privilege, grant.path)
}

/// Writes the context with the source of the secret, and pins the cluster's CA.
pub struct WriteContext {
    pub keeper: Keeper,
    pub context: Context,
    pub ca_pem: Option<String>,
}

impl Act for WriteContext {
    fn backend(&self) -> &'static str {
        "local"
    }

    fn describe(&self) -> String {
        let pinned = if self.ca_pem.is_some() { ", and pin the cluster's CA" } else { "" };
        format!("write context '{}' to {}{pinned}", self.context.name, self.keeper.paths.config_file().display())
    }

    fn run(&self, outputs: &Outputs, _permit: &Permit) -> Result<Json> {
        let mut context = self.context.clone();
        if let Some(kept) = outputs.get("secret") {
            let source = kept.get("source").and_then(Json::as_str).map(Source::parse);
            context.secret = source.transpose().map_err(Fault::config)?;
        }
        self.keeper.write(&context, self.ca_pem.as_deref())?;
        Ok(json!({ "context": context.name }))
    }
}

/// Deletes the stored secret of a deleted token.
pub struct DeleteSecret {
    pub keeper: Keeper,
    pub source: Source,
    pub token_id: String,
}

impl Act for DeleteSecret {
    fn backend(&self) -> &'static str {
        "local"
    }

    fn describe(&self) -> String {
        format!("delete the stored secret of {}", self.token_id)
    }

    fn run(&self, _outputs: &Outputs, _permit: &Permit) -> Result<Json> {
        self.keeper.forget(&self.source, &self.token_id).map(Json::Bool)
    }
}
