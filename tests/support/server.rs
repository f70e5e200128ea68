//! `felhom demo serve` in a process of its own: a host that can be killed and brought back.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use assert_cmd::Command;
use serde_json::Value;

use super::home::Home;
use super::process::Running;

/// A served demo host. Its state stays when it is killed.
pub struct Server {
    pub home: Home,
    child: Option<Child>,
    options: Vec<String>,
    /// The first line that it prints: endpoint, fingerprint, ca_file, password, tokens.
    pub first: Value,
}

impl Server {
    /// Starts it with these options, on a free port.
    pub fn start(options: &[&str]) -> Self {
        Self::at(Home::new(), options)
    }

    /// The same, with what is in this home already: certificates, a state.
    pub fn at(home: Home, options: &[&str]) -> Self {
        let mut server = Self { home, child: None, options: options.iter().map(|o| (*o).to_owned()).collect(), first: Value::Null };
        server.serve("127.0.0.1:0");
        server
    }

    fn serve(&mut self, listen: &str) {
        #[expect(clippy::disallowed_methods, reason = "the host under test is started and killed here")]
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_felhom"));
        command.env_clear().envs(self.home.env()).args(["demo", "serve", "--listen", listen]).args(&self.options);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.first = serde_json::from_str(&line).expect("the first line is one JSON object");
        self.child = Some(child);
    }

    /// Kills it: no farewell on any connection.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Serves again, where it served before.
    pub fn again(&mut self) {
        let listen = self.text("endpoint").trim_start_matches("https://").to_owned();
        self.serve(&listen);
    }

    pub fn text(&self, key: &str) -> &str {
        self.first[key].as_str().unwrap()
    }

    /// The environment for a client with this token.
    pub fn env(&self, token: &str) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut env = self.home.env();
        env.extend([
            pair("FELHOM_ENDPOINT", self.text("endpoint")),
            pair("FELHOM_TOKEN_ID", token),
            pair("FELHOM_TOKEN_SECRET", self.first["tokens"][token].as_str().unwrap()),
            pair("FELHOM_CA_FILE", self.text("ca_file")),
        ]);
        env
    }

    /// The binary against it, to be run.
    pub fn felhom(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_felhom"));
        command.env_clear().envs(self.env("felhom@pve!agent")).args(args);
        command
    }

    /// The binary against it, running.
    pub fn running(&self, args: &[&str]) -> Running {
        Running::start(&self.env("felhom@pve!agent"), args)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
