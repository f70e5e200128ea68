//! A clean place for the binary to run in: its own configuration, state and cache, and nothing of our environment.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use felhom::demo::Logged;
use serde_json::Value;
use tempfile::TempDir;

use super::contract;
use super::process::{Run, run};

/// Configuration, state and cache of one test.
pub struct Home(TempDir);

impl Home {
    pub fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        for folder in ["config", "state", "cache"] {
            std::fs::create_dir(home.0.path().join(folder)).unwrap();
        }
        home
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn config_file(&self) -> PathBuf {
        self.0.path().join("config/felhom/config.toml")
    }

    /// Writes `config.toml`.
    pub fn configure(&self, text: &str) {
        let file = self.config_file();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// The state directory: journal, staged changes, the demo host.
    pub fn state(&self) -> PathBuf {
        self.0.path().join("state/felhom")
    }

    /// The variables that the binary sees, and no others.
    pub fn env(&self) -> Vec<(String, String)> {
        let folder = |name: &str| self.0.path().join(name).to_string_lossy().into_owned();
        vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("TZ".to_owned(), "UTC".to_owned()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
            ("XDG_CONFIG_HOME".to_owned(), folder("config")),
            ("XDG_STATE_HOME".to_owned(), folder("state")),
            ("XDG_CACHE_HOME".to_owned(), folder("cache")),
        ]
    }

    /// The real binary with these arguments, in this home.
    pub fn felhom<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_felhom"));
        command.env_clear().envs(self.env()).args(args);
        command
    }
}

/// `felhom demo …`, with the state kept between commands.
pub struct Demo {
    pub home: Home,
    speed: f64,
}

impl Demo {
    pub fn new() -> Self {
        Self { home: Home::new(), speed: 500.0 }
    }

    /// How many times faster than life tasks run; 500 at first.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed;
        self
    }

    /// `felhom demo ARGS`.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.home.felhom(["demo"]);
        command.args(args).envs(self.env());
        command
    }

    /// The variables for one who runs `felhom demo …` in another way.
    pub fn env(&self) -> Vec<(String, String)> {
        let mut env = self.home.env();
        env.push(("FELHOM_DEMO_SPEED".to_owned(), self.speed.to_string()));
        env.push(("FELHOM_DEMO_LOG".to_owned(), self.log_file().to_string_lossy().into_owned()));
        env
    }

    /// Runs `felhom demo ARGS` to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        run(&mut self.command(args))
    }

    /// Every request of every command so far.
    pub fn requests(&self) -> Vec<Logged> {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        text.lines().map(|line| logged(&serde_json::from_str(line).unwrap())).collect()
    }

    fn log_file(&self) -> PathBuf {
        self.home.path().join("requests.jsonl")
    }
}

fn logged(line: &Value) -> Logged {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    Logged {
        method: text("method"),
        path: text("path"),
        params: line["params"].as_object().cloned().unwrap_or_default(),
        who: line["who"].as_str().map(str::to_owned),
        status: u16::try_from(line["status"].as_u64().unwrap_or_default()).unwrap_or_default(),
        reason: text("reason"),
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        contract::hold(&self.requests(), &[]);
    }
}
