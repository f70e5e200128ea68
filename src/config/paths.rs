//! Locations of felhom's files, according to the XDG rules.

use std::path::{Path, PathBuf};

use super::Env;
use crate::fault::{Fault, Result};

/// felhom's folders. They are created when something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `$XDG_CONFIG_HOME/felhom`
    pub config: PathBuf,
    /// `$XDG_STATE_HOME/felhom`
    pub state: PathBuf,
    /// `$XDG_CACHE_HOME/felhom`
    pub cache: PathBuf,
    /// The home folder, for `~/` in the configuration.
    pub home: Option<PathBuf>,
}

impl Paths {
    pub fn from_env(env: &Env) -> Result<Self> {
        let home = env.absolute("HOME");
        let folder = |variable: &str, fallback: &str| {
            env.absolute(variable).or_else(|| home.as_ref().map(|home| home.join(fallback))).map(|base| base.join("felhom")).ok_or_else(
                || {
                    Fault::config(format!("cannot find felhom's folders: neither {variable} nor HOME is set"))
                        .with_hint("set HOME, or XDG_CONFIG_HOME, XDG_STATE_HOME and XDG_CACHE_HOME (in a systemd unit: Environment=)")
                },
            )
        };
        Ok(Self {
            config: folder("XDG_CONFIG_HOME", ".config")?,
            state: folder("XDG_STATE_HOME", ".local/state")?,
            cache: folder("XDG_CACHE_HOME", ".cache")?,
            home,
        })
    }

    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// Returns the folder of the file store, with one file per secret.
    pub fn secrets(&self) -> PathBuf {
        self.config.join("secrets")
    }

    /// Resolves a path of the configuration: `~/` is the home folder, relative paths start at the configuration's folder.
    pub fn expand(&self, written: &str) -> PathBuf {
        match (written.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.config.join(Path::new(written)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_xdg_variables_and_falls_back_to_the_home() {
        let paths = Paths::from_env(&Env::from_pairs([("HOME", "/home/a"), ("XDG_STATE_HOME", "/var/s"), ("XDG_CACHE_HOME", "relative")]));
        let paths = paths.expect("a home is enough");
        assert_eq!(paths.config_file(), Path::new("/home/a/.config/felhom/config.toml"));
        assert_eq!(paths.state, Path::new("/var/s/felhom"));
        assert_eq!(paths.cache, Path::new("/home/a/.cache/felhom"), "a relative variable is ignored");
        assert_eq!(paths.expand("~/x"), Path::new("/home/a/x"));
        assert_eq!(paths.expand("x/y"), Path::new("/home/a/.config/felhom/x/y"));
        assert_eq!(paths.expand("/x"), Path::new("/x"));
    }

    #[test]
    fn says_what_is_missing_without_a_home() {
        let fault = Paths::from_env(&Env::from_pairs([("HOME", "")])).expect_err("there is nowhere to go");
        assert_eq!(fault.exit_code(), 2);
        assert_eq!(fault.message, "cannot find felhom's folders: neither XDG_CONFIG_HOME nor HOME is set");
    }
}
