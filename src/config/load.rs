//! Reads `config.toml` strictly: errors name the line.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use toml_edit::Document;

use super::context::{self, Context, Fence, FenceVia, INSECURE, SshHost, Transport, Writes};
use super::endpoint::Endpoint;
use super::files;
use super::paths::Paths;
use super::secrets::Source;
use super::section::{Origin, Section};
use crate::fault::{Fault, Result};
use crate::transport::tls::{self, Fingerprint};

const TOP: &[&str] = &["current", "contexts"];
const CONTEXT: &[&str] = &[
    "transport",
    "token_id",
    "secret",
    "ca_file",
    "system_roots",
    "insecure",
    "writes",
    "protected_tags",
    "managed_tag",
    "endpoints",
    "ssh",
    "fence",
    "proxy",
    "preset",
];
const ENDPOINT: &[&str] = &["url", "fingerprint", "server_name"];
const SSH: &[&str] = &["host"];
const FENCE: &[&str] = &["via", "host"];

/// The content of `config.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Path of the file, which may not exist.
    pub file: PathBuf,
    pub current: Option<String>,
    pub contexts: BTreeMap<String, Context>,
}

impl Config {
    /// Reads the file; a missing file is an empty configuration.
    pub fn load(paths: &Paths) -> Result<Self> {
        match read(&paths.config_file())? {
            Some((text, mode)) => Self::parse(&text, mode, paths),
            None => Ok(Self { file: paths.config_file(), ..Self::default() }),
        }
    }

    /// Parses a text like the file. `mode` is the file's mode: only a private file may contain a secret.
    pub fn parse(text: &str, mode: u32, paths: &Paths) -> Result<Self> {
        let file = paths.config_file();
        let origin = Origin { file: &file, text };
        let document =
            Document::parse(text).map_err(|e| origin.fault(e.span(), &format!("not TOML: {}", e.message().replace('\n', ", "))))?;
        let top = Section::open(&origin, document.as_table(), String::new(), None, TOP)?;
        let mut contexts = BTreeMap::new();
        if let Some(table) = document.get("contexts") {
            let names: Vec<&str> = table.as_table_like().into_iter().flat_map(|table| table.iter().map(|(name, _)| name)).collect();
            let section = top.section("contexts", &names)?.ok_or_else(|| top.wrong("contexts", "must be a table"))?;
            for name in section.keys() {
                context::check_name(name).map_err(|why| section.wrong(name, &why))?;
                if let Some(found) = section.section(name, CONTEXT)? {
                    contexts.insert(name.to_owned(), read_context(name, &found, mode, paths)?);
                }
            }
        }
        let current = top.text("current")?.map(str::to_owned);
        if let Some(name) = current.as_deref().filter(|name| !contexts.contains_key(*name)) {
            return Err(top.wrong("current", &format!("there is no context '{}'", name.escape_debug())));
        }
        Ok(Self { file, current, contexts })
    }
}

/// Reads the text and mode of one opened file.
pub(super) fn read(file: &Path) -> Result<Option<(String, u32)>> {
    let tried = format!("cannot read {}", file.display());
    let fault = |e: &std::io::Error| Fault::config(format!("{tried}: {e}"));
    let mut handle = match std::fs::File::open(file) {
        Ok(handle) => handle,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(fault(&e)),
    };
    let meta = handle.metadata().map_err(|e| fault(&e))?;
    files::trusted(file, &meta)?;
    if let Some(dir) = file.parent()
        && let Ok(meta) = std::fs::metadata(dir)
    {
        files::trusted(dir, &meta)?;
    }
    let mode = meta.mode() & 0o7777;
    let mut text = String::new();
    handle.read_to_string(&mut text).map_err(|e| fault(&e))?;
    Ok(Some((text, mode)))
}

fn read_context(name: &str, section: &Section<'_>, mode: u32, paths: &Paths) -> Result<Context> {
    let checked = |check: fn(&str) -> std::result::Result<(), String>| move |text: &str| check(text).map(|()| text.to_owned());
    let context = Context {
        name: name.to_owned(),
        transport: section.word("transport", Transport::ALL)?.unwrap_or_default(),
        token_id: section.parsed("token_id", checked(context::check_token_id))?,
        secret: read_secret(section, mode, paths)?,
        ca_file: section.text("ca_file")?.map(|file| paths.expand(file)),
        system_roots: section.flag("system_roots")?.unwrap_or_default(),
        insecure: read_insecure(section)?,
        writes: section.word("writes", Writes::ALL)?.unwrap_or_default(),
        protected_tags: section.texts("protected_tags")?,
        managed_tag: section.text("managed_tag")?.map(str::to_owned),
        endpoints: section.sections("endpoints", ENDPOINT)?.iter().map(read_endpoint).collect::<Result<_>>()?,
        ssh: section.section("ssh", SSH)?.map(|ssh| read_ssh(&ssh)).transpose()?,
        fence: section.section("fence", FENCE)?.map(|fence| read_fence(&fence)).transpose()?,
        proxy: section.parsed("proxy", checked(context::check_proxy))?,
        preset: section.text("preset")?.map(str::to_owned),
    };
    match context.transport {
        Transport::Https if context.endpoints.is_empty() => {
            return Err(section.lacks("transport https needs an endpoint ([[contexts.NAME.endpoints]] with a url)"));
        }
        Transport::Ssh if context.ssh.is_none() => return Err(section.lacks("transport ssh needs [contexts.NAME.ssh] with a host")),
        _ => {}
    }
    let pins = context.endpoints.iter().any(|endpoint| endpoint.fingerprint.is_some());
    let trusts = [
        ("insecure", context.insecure),
        ("system_roots", context.system_roots),
        ("ca_file", context.ca_file.is_some()),
        ("a fingerprint", pins && context.insecure),
    ];
    let chosen: Vec<&str> = trusts.into_iter().filter_map(|(key, set)| set.then_some(key)).collect();
    if let [first, second, ..] = chosen[..] {
        return Err(section.lacks(&format!("{first} and {second} exclude each other")));
    }
    Ok(context)
}

fn read_secret(section: &Section<'_>, mode: u32, paths: &Paths) -> Result<Option<Source>> {
    let source = section.parsed("secret", Source::parse)?;
    Ok(match source {
        Some(Source::Literal(_)) if mode & 0o077 != 0 => {
            return Err(section
                .wrong("secret", &format!("the secret stands in this file, and others may read it (mode {mode:04o})"))
                .with_hint(format!(
                    "run `chmod 600 {}`, or create a new secret and keep it elsewhere (keyring, file:PATH, …)",
                    paths.config_file().display()
                )));
        }
        Some(Source::File(path)) => Some(Source::File(paths.expand(&path.to_string_lossy()))),
        other => other,
    })
}

fn read_insecure(section: &Section<'_>) -> Result<bool> {
    let words = section.parsed("insecure", |text| {
        if text == INSECURE { Ok(()) } else { Err(format!("must be \"{INSECURE}\", word for word, or left out")) }
    })?;
    Ok(words.is_some())
}

fn read_endpoint(section: &Section<'_>) -> Result<Endpoint> {
    let url = section.parsed("url", str::parse)?.ok_or_else(|| section.lacks("the url is missing"))?;
    let server_name = section.parsed("server_name", |text| {
        if tls::is_host(text) { Ok(text.to_owned()) } else { Err("must be a host name or an address".to_owned()) }
    })?;
    Ok(Endpoint { url, fingerprint: section.parsed("fingerprint", str::parse::<Fingerprint>)?, server_name })
}

fn read_host(section: &Section<'_>) -> Result<Option<String>> {
    section.parsed("host", |text| context::check_ssh_host(text).map(|()| text.to_owned()))
}

fn read_ssh(section: &Section<'_>) -> Result<SshHost> {
    Ok(SshHost { host: read_host(section)?.ok_or_else(|| section.lacks("the host is missing"))? })
}

fn read_fence(section: &Section<'_>) -> Result<Fence> {
    let via = section.word("via", FenceVia::ALL)?.ok_or_else(|| section.lacks("`via` is missing (ssh or local)"))?;
    let host = read_host(section)?;
    match (via, &host) {
        (FenceVia::Ssh, None) => Err(section.lacks("via ssh needs a host")),
        (FenceVia::Local, Some(_)) => Err(section.wrong("host", "via local has no host")),
        _ => Ok(Fence { via, host }),
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
