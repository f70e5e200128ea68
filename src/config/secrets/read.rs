//! Reads secrets. No message contains one.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::Source;
use super::account::Account;
use super::keyring;
use crate::config::{Env, Paths};
use crate::fault::{Fault, Result};
use crate::interrupt::Interrupt;
use crate::secret::Secret;

/// Size limit of a secret.
const CAP: u64 = 64 << 10;

/// Reads and stores secrets.
#[derive(Debug, Clone)]
pub struct Vault {
    pub(super) env: Env,
    /// Folder of the file store.
    pub(super) dir: PathBuf,
    pub(super) interrupt: Interrupt,
}

impl Vault {
    pub fn new(env: &Env, paths: &Paths, interrupt: &Interrupt) -> Self {
        Self { env: env.clone(), dir: paths.secrets(), interrupt: interrupt.clone() }
    }

    /// Reads the secret of a token.
    pub fn read(&self, source: &Source, account: &Account) -> Result<Secret> {
        self.fetch(source, account)
            .and_then(usable)
            .map_err(|fault| fault.while_(format_args!("cannot read the secret of context {} ({source})", account.context)))
    }

    /// Reads the secret of a parameter, such as a password. It may contain any characters.
    pub fn parameter(&self, source: &Source) -> Result<Secret> {
        let secret = self.fetch(source, &Account::new("", ""))?;
        if secret.is_empty() { Err(Fault::config(format!("{source} is empty"))) } else { Ok(secret) }
    }

    fn fetch(&self, source: &Source, account: &Account) -> Result<Secret> {
        match source {
            Source::Keyring => keyring::get(&self.env, &self.interrupt, account),
            Source::File(path) => private_file(path),
            Source::Env(name) => self.variable(name),
            Source::Credential(name) => self.credential(name),
            Source::Command(words) => command(words, &self.interrupt),
            Source::Literal(secret) => Ok(secret.clone()),
        }
    }

    /// Reads a password from a private file. It may contain any characters.
    pub fn password_file(&self, path: &Path) -> Result<Secret> {
        let secret = private_file(path)?;
        if secret.is_empty() { Err(Fault::config(format!("{} is empty", path.display()))) } else { Ok(secret) }
    }

    fn variable(&self, name: &str) -> Result<Secret> {
        let text = self.env.text(name)?.ok_or_else(|| {
            Fault::config(format!("the environment variable {name} is not set")).with_hint(format!("set {name} to the token's secret"))
        })?;
        Ok(Secret::new(text.strip_suffix('\n').unwrap_or(text)))
    }

    /// systemd protects the folder. For a unit with `User=`, an ACL grants access, so the mode is not checked.
    fn credential(&self, name: &str) -> Result<Secret> {
        let dir = self.env.absolute("CREDENTIALS_DIRECTORY").ok_or_else(|| {
            Fault::config("CREDENTIALS_DIRECTORY is not set: this was not started by a systemd unit that loads credentials")
                .with_hint(format!("add LoadCredential={name}:/PATH or LoadCredentialEncrypted= to the unit"))
        })?;
        let path = dir.join(name);
        let file = File::open(&path).map_err(|e| Fault::config(format!("cannot open {}: {e}", path.display())))?;
        text_of(file, &path)
    }
}

/// Opens a regular private file of the user or root.
fn private_file(path: &Path) -> Result<Secret> {
    let open = || rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    let file = match open() {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => {
            return Err(Fault::config(format!("{} is a symbolic link", path.display())).with_hint("name the file that it points to"));
        }
        Err(e) => return Err(Fault::config(format!("cannot open {}: {}", path.display(), std::io::Error::from(e)))),
    };
    let meta = file.metadata().map_err(|e| Fault::config(format!("cannot check {}: {e}", path.display())))?;
    if !meta.is_file() {
        return Err(Fault::config(format!("{} is not a regular file", path.display())));
    }
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Fault::config(format!("{} can be read by others (mode {mode:04o})", path.display()))
            .with_hint(format!("run `chmod 600 {}`; create a new secret if others had access to it", path.display())));
    }
    if ![rustix::process::geteuid().as_raw(), 0].contains(&meta.uid()) {
        let me = rustix::process::geteuid().as_raw();
        return Err(Fault::config(format!("{} belongs to another user (uid {})", path.display(), meta.uid()))
            .with_hint(format!("run `chown {me} {}` if the secret in it is yours", path.display())));
    }
    text_of(file, path)
}

fn text_of(file: File, path: &Path) -> Result<Secret> {
    let mut text = String::new();
    let read = file.take(CAP + 1).read_to_string(&mut text);
    let text = zeroize::Zeroizing::new(text);
    let read = read.map_err(|e| Fault::config(format!("cannot read {}: {e}", path.display())))?;
    if read as u64 > CAP {
        return Err(Fault::config(format!("{} is too large for a secret", path.display())));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

/// Returns the first line of output: password managers print notes after it.
#[cfg(feature = "exec")]
fn command(words: &[String], interrupt: &Interrupt) -> Result<Secret> {
    use crate::config::files::interrupted;
    use crate::exec::{Cmd, Failure};

    /// Time limit, including unlocking by a person.
    const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);
    let Some((program, args)) = words.split_first() else { return Err(Fault::config("the command is empty")) };
    let cmd = Cmd::new(program).args(args).timeout(LIMIT).cap(64 << 10);
    let done = cmd.run(interrupt).map_err(|failure| match failure {
        Failure::Interrupted(signal) => interrupted(signal),
        other => Fault::config(format!("`{program}`: {other}")),
    })?;
    let stdout = zeroize::Zeroizing::new(done.stdout);
    if done.code != Some(0) {
        let end = done.code.map_or_else(|| "was killed".to_owned(), |code| format!("ended with {code}"));
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said.lines().map(str::trim).find(|line| !line.is_empty()).map(|line| format!(": {line}")).unwrap_or_default();
        return Err(Fault::config(format!("`{program}` {end}{said}")));
    }
    let text = std::str::from_utf8(&stdout).map_err(|_| Fault::config(format!("`{program}` did not print text")))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}

#[cfg(not(feature = "exec"))]
fn command(_words: &[String], _interrupt: &Interrupt) -> Result<Secret> {
    Err(Fault::config("this felhom was built without the feature exec").with_hint("use file:PATH, env:VAR or credential:NAME"))
}

/// Checks the secret: one line of visible characters, because it is sent in a header.
fn usable(secret: Secret) -> Result<Secret> {
    if secret.is_empty() {
        return Err(Fault::config("it is empty"));
    }
    if secret.reveal().chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
        return Err(Fault::config("it is not one word of plain characters; a token's secret is a UUID"));
    }
    Ok(secret)
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
