//! Edits `config.toml`: one writer at a time, atomically, keeping comments and order, and only if the result is valid.

mod write;

use std::time::Duration;

use toml_edit::{DocumentMut, Item, Table, Value};

use super::context::{self, Context};
use super::endpoint::{Endpoint, Url};
use super::files::{self, Lock};
use super::{Config, Paths, load};
use crate::fault::{Fault, Kind, Result};
use crate::interrupt::Interrupt;
use crate::transport::tls::{Fingerprint, certificates};

/// How long to wait for another felhom's edit.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the error for an existing name.
pub fn taken(name: &str) -> Fault {
    Fault::refused(format!("there is a context {name} already"))
        .with_hint(format!("choose another name; `felhom context edit` changes it, `felhom context remove {name}` deletes it"))
}

/// The configuration, locked for an edit. [`Editor::save`] writes it.
#[derive(Debug)]
pub struct Editor {
    paths: Paths,
    /// The text on disk.
    before: String,
    text: String,
    mode: u32,
    _lock: Lock,
}

impl Editor {
    /// Creates the folder if necessary, waits for the lock, and reads the file.
    pub fn open(paths: &Paths, interrupt: &Interrupt) -> Result<Self> {
        files::private_dir(&paths.config)?;
        let lock = Lock::take(&paths.config.join(".config.lock"), PATIENCE, interrupt)?;
        let (before, mode) = load::read(&paths.config_file())?.unwrap_or_else(|| (String::new(), 0o600));
        Ok(Self { paths: paths.clone(), text: before.clone(), before, mode, _lock: lock })
    }

    /// Returns the configuration with unsaved changes.
    pub fn config(&self) -> Result<Config> {
        Config::parse(&self.text, self.mode, &self.paths)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a context.
    pub fn add(&mut self, new: &Context) -> Result<()> {
        if self.config()?.contexts.contains_key(&new.name) {
            return Err(taken(&new.name));
        }
        self.set(new)
    }

    /// Writes a new or changed context. Of an existing one, only different keys are touched.
    pub fn set(&mut self, new: &Context) -> Result<()> {
        context::check_name(&new.name).map_err(Fault::config)?;
        let config = self.config()?;
        let old = config.contexts.get(&new.name);
        let blank = Context::new(&new.name);
        let (paths, before) = (self.paths.clone(), self.text.clone());
        self.change(|document| {
            let contexts = document.entry("contexts").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            let contexts = contexts.as_table_like_mut().ok_or_else(|| Fault::config("`contexts` is not a table"))?;
            let table = contexts.entry(&new.name).or_insert_with(|| {
                let mut table = Table::new();
                table.decor_mut().set_prefix("\n");
                Item::Table(table)
            });
            let table = table.as_table_like_mut().ok_or_else(|| Fault::config(format!("`contexts.{}` is not a table", new.name)))?;
            write::context(table, old.unwrap_or(&blank), new, &paths);
            Ok(())
        })?;
        // A relative path, or a layout that toml_edit parses differently: refuse instead of writing something else.
        if Config::parse(&self.text, 0o600, &self.paths)?.contexts.get(&new.name) == Some(new) {
            Ok(())
        } else {
            self.text = before;
            Err(Fault::config(format!("context {} does not read back as written (are its paths absolute?)", new.name)))
        }
    }

    /// Removes and returns a context. The caller deletes its secret and CA file.
    pub fn remove(&mut self, name: &str) -> Result<Context> {
        let config = self.config()?;
        let gone = config.context(name)?.clone();
        self.change(|document| {
            if let Some(contexts) = document.get_mut("contexts").and_then(Item::as_table_like_mut) {
                contexts.remove(name);
            }
            if config.current.as_deref() == Some(name) {
                document.remove("current");
            }
            Ok(())
        })?;
        Ok(gone)
    }

    /// Sets the current context.
    pub fn make_current(&mut self, name: &str) -> Result<()> {
        self.config()?.context(name)?;
        self.change(|document| {
            let mut value = Value::from(name);
            if !document.contains_key("current") {
                // An empty line before the first table.
                value.decor_mut().set_suffix("\n");
            }
            write::put(document.as_table_mut(), "current", Some(value));
            Ok(())
        })
    }

    /// Pins the cluster's CA. Stores it next to the configuration, and replaces pinned leaves and other trust.
    pub fn pin_ca(&mut self, name: &str, pem: &str) -> Result<()> {
        let certs = certificates(pem.as_bytes()).map_err(|why| Fault::config(format!("the CA: {why}")))?;
        let mut context = self.config()?.context(name)?.clone();
        let file = self.paths.config.join(format!("{name}-ca.pem"));
        // Keep only the certificates: a private key does not belong here.
        let text: String = certs.iter().map(|der| crate::transport::tls::to_pem(der)).collect();
        files::replace(&file, text.as_bytes())?;
        context.ca_file = Some(file);
        context.system_roots = false;
        context.insecure = false;
        for endpoint in &mut context.endpoints {
            endpoint.fingerprint = None;
        }
        self.set(&context)
    }

    /// Pins the leaf of one endpoint, adding the endpoint if necessary.
    pub fn pin_leaf(&mut self, name: &str, url: &Url, fingerprint: Fingerprint) -> Result<()> {
        let mut context = self.config()?.context(name)?.clone();
        context.insecure = false;
        match context.endpoints.iter_mut().find(|endpoint| endpoint.url == *url) {
            Some(endpoint) => endpoint.fingerprint = Some(fingerprint),
            None => context.endpoints.push(Endpoint { fingerprint: Some(fingerprint), ..Endpoint::new(url.clone()) }),
        }
        self.set(&context)
    }

    /// Accepts a text from an editor if the file is unchanged since then. An invalid text is refused with its line.
    pub fn replace_text(&mut self, began_with: &str, text: String) -> Result<()> {
        if began_with != self.before {
            return Err(Fault::new(Kind::Conflict, "the configuration changed while it was being edited"));
        }
        Config::parse(&text, 0o600, &self.paths)?;
        self.text = text;
        Ok(())
    }

    /// Writes the file, readable by its owner only. Returns false if nothing changed.
    pub fn save(self) -> Result<bool> {
        if self.text == self.before {
            return Ok(false);
        }
        files::replace(&self.paths.config_file(), self.text.as_bytes())?;
        Ok(true)
    }

    fn change(&mut self, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
        let mut document: DocumentMut =
            self.text.parse().map_err(|e: toml_edit::TomlError| Fault::config(format!("not TOML: {}", e.message())))?;
        change(&mut document)?;
        let text = document.to_string();
        // The previous content is deleted or never existed.
        let text = if self.text.starts_with('\n') { text } else { text.trim_start_matches('\n').to_owned() };
        // felhom must be able to read the result.
        Config::parse(&text, 0o600, &self.paths)?;
        self.text = text;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
