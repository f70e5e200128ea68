//! The environment as a value, which tests can set.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::fault::{Fault, Result};

/// Name of the context from the environment.
pub const FROM_ENV: &str = "env";

/// A set of environment variables. An empty variable counts as unset.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// Reads the environment of the process.
    pub fn system() -> Self {
        Self(std::env::vars_os().collect())
    }

    pub fn from_pairs<K: Into<OsString>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Returns a copy with one more or changed variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    pub fn os(&self, name: &str) -> Option<&OsStr> {
        self.0.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns a variable as text. The error for invalid UTF-8 does not contain the value.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        self.os(name)
            .map(|value| value.to_str().ok_or_else(|| Fault::config(format!("the environment variable {name} is not valid UTF-8"))))
            .transpose()
    }

    /// Returns a variable with an absolute path. Relative paths are ignored, as the XDG rules require.
    pub fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}

impl std::fmt::Debug for Env {
    /// Prints names only: any value may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
