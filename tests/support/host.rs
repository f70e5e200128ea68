//! A demo host in the test's own process, and the binary pointed at it.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::ops::Deref;
use std::os::unix::fs::PermissionsExt;

use assert_cmd::Command;
use felhom::demo::state::{AclEntry, Subject};
use felhom::demo::{self, Options};

use super::contract;
use super::home::Home;
use super::process::{Run, Running, run};

/// A running demo host with a home for the binary. It is a [`demo::Host`] too: `host.requests()`, `host.inject(…)`,
/// `host.with_state(…)`.
pub struct Host {
    host: demo::Host,
    pub home: Home,
    /// The token that the binary uses.
    token: String,
    forgiven: RefCell<Vec<String>>,
}

/// A fresh demo site whose tasks run 500 times faster than life.
pub fn demo_options() -> Options {
    Options { speed: 500.0, ..Options::default() }
}

impl Host {
    /// The demo site: three nodes, 101 web, 102 db, 103 mail, 201 win; the binary is `felhom@pve!agent`.
    pub fn demo() -> Self {
        Self::with(&demo_options())
    }

    /// The recorded baseline: one node, 101-103, 201, 202; the binary is `root@pam!rig`.
    pub fn baseline() -> Self {
        Self::with(&Options { baseline: true, ..demo_options() })
    }

    pub fn with(options: &Options) -> Self {
        let host = demo::Host::start(options).unwrap();
        let token = if options.baseline { "root@pam!rig" } else { "felhom@pve!agent" };
        Self { host, home: Home::new(), token: token.to_owned(), forgiven: RefCell::default() }
    }

    /// The same host, asked with another of its tokens.
    pub fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    pub fn secret(&self, token: &str) -> String {
        let (_, secret) = self.host.tokens().into_iter().find(|(id, _)| id == token).expect("a token of this host");
        secret.reveal().to_owned()
    }

    /// The secret of a token that was made since this host began.
    pub fn secret_now(&self, token: &str) -> String {
        let (user, name) = token.split_once('!').unwrap();
        self.host.with_state(|state| state.access.users[user].tokens[name].secret.clone()).unwrap()
    }

    /// The binary with these arguments, its context made of the environment.
    pub fn felhom<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.home.felhom(args);
        command.envs(self.env());
        command
    }

    /// The same as a pair list, for what starts the binary itself.
    pub fn env(&self) -> Vec<(String, String)> {
        vec![
            ("FELHOM_ENDPOINT".to_owned(), self.host.endpoint()),
            ("FELHOM_TOKEN_ID".to_owned(), self.token.clone()),
            ("FELHOM_TOKEN_SECRET".to_owned(), self.secret(&self.token)),
            ("FELHOM_CA_FILE".to_owned(), self.host.ca_file().to_string_lossy().into_owned()),
        ]
    }

    /// Runs the binary to its end.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        run(&mut self.felhom(args))
    }

    /// The binary with this host as a context of a configuration, which has these lines besides.
    pub fn run_in_context(&self, lines: &str, args: &[&str]) -> Run {
        let secret = self.home.path().join("secret");
        std::fs::write(&secret, self.secret(&self.token)).unwrap();
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o600)).unwrap();
        self.home.configure(&format!(
            "[contexts.here]\ntoken_id = \"{}\"\nsecret = \"file:{}\"\nca_file = \"{}\"\n{lines}\n[[contexts.here.endpoints]]\nurl = \"{}\"\n",
            self.token,
            secret.display(),
            self.ca_file().display(),
            self.endpoint()
        ));
        run(&mut self.home.felhom(["-c", "here"].iter().chain(args)))
    }

    /// Starts the binary and lets it go on.
    pub fn start<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Running {
        let mut env = self.home.env();
        env.extend(self.env());
        Running::start(&env, args)
    }

    /// Requests that are wrong on purpose: those whose `METHOD /path` begins so.
    pub fn forgive(&self, prefix: &str) {
        self.forgiven.borrow_mut().push(prefix.to_owned());
    }

    /// Takes every right on this path (and below) from the agent: from the user and from its token.
    pub fn deny(&self, path: &str) {
        self.leave(path, "NoAccess");
    }

    /// Leaves the agent this role on this path (and below): the user and its token.
    pub fn leave(&self, path: &str, role: &str) {
        let entry = |subject| AclEntry { subject, role: role.into(), propagate: true };
        let (user, _) = self.token.split_once('!').unwrap();
        let entries = vec![entry(Subject::User(user.into())), entry(Subject::Token(self.token.clone()))];
        self.host.with_state(|state| state.access.acl.insert(path.to_owned(), entries)).unwrap();
    }

    /// How many requests with this method had a path that ends so.
    pub fn count(&self, method: &str, path_end: &str) -> usize {
        self.host.requests().iter().filter(|r| r.method == method && r.path.ends_with(path_end)).count()
    }
}

impl Deref for Host {
    type Target = demo::Host;

    fn deref(&self) -> &demo::Host {
        &self.host
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        contract::hold(&self.host.requests(), &self.forgiven.borrow());
    }
}
