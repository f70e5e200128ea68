//! `fence install`: installs the helper, its policy, the sudoers rule and, with --key, the restricted key on a host.
//!
//! Each step is a script that runs as root on the host and can be repeated. It keeps an existing user or policy.

mod binary;
mod scripts;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::exec::{Cmd, Done, Failure};
use crate::fault::{Fate, Fault, Kind, Result};
use crate::guard::{Act, Outputs, Permit};
use crate::interrupt::Interrupt;
use crate::transport::ssh::{SshTrouble, quote, ssh_command};

use super::policy::Policy;
use super::sudoers;
use super::text::SshKey;

pub use binary::{Machine, find, search_paths};

/// Where to install.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// On a host, as root over SSH.
    Ssh(String),
    /// On this machine, as root.
    Local,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ssh(host) => f.write_str(host),
            Self::Local => f.write_str("this machine"),
        }
    }
}

/// What to install.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub target: Target,
    pub user: String,
    pub create_user: bool,
    /// The public key to restrict to the helper's commands.
    pub key: Option<SshKey>,
    pub policy: Policy,
    /// Replaces an existing policy.
    pub replace_policy: bool,
    /// The helper's binary [default: found next to felhom].
    pub helper: Option<PathBuf>,
}

/// Facts about the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub machine: Machine,
    pub user_exists: bool,
    pub policy_exists: bool,
    /// The host's name, as the helper reports it.
    pub host: String,
}

/// Reads facts about the host without changing it.
pub fn probe(target: &Target, user: &str, interrupt: &Interrupt) -> Result<Probe> {
    let done = shell(target, Effect::Reads, &scripts::probe(user), Vec::new(), interrupt)?;
    let text = done.stdout_text();
    let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('=')).map(str::trim).unwrap_or_default();
    if value("uid") != "0" {
        return Err(Fault::new(Kind::Denied, format!("{target}: installing needs root, but the uid is {}", value("uid")))
            .with_hint("run `felhom fence install --ssh root@HOST`, or `sudo felhom fence install --local` on the host"));
    }
    if value("sudo").is_empty() || value("visudo").is_empty() {
        return Err(Fault::other(format!("{target} has no sudo")).with_hint("run `apt install sudo` on the host, then try again"));
    }
    let machine = Machine::of_uname(value("machine")).ok_or_else(|| {
        Fault::other(format!("no helper for the architecture {} of {target}", value("machine"))).with_hint("use an x86_64 or aarch64 host")
    })?;
    Ok(Probe { machine, user_exists: value("user") == "yes", policy_exists: value("policy") == "yes", host: value("host").to_owned() })
}

/// Returns the installation steps in order.
pub fn steps(wanted: &Wanted, probe: &Probe, interrupt: &Interrupt) -> Result<Vec<Script>> {
    sudoers::check_user(&wanted.user).map_err(Fault::usage)?;
    if wanted.user == "root" {
        return Err(Fault::usage("the helper's user cannot be root"));
    }
    let file = find(wanted.helper.as_deref(), probe.machine)?;
    let mut steps = Vec::new();
    let mut add = |what: String, text: String, stdin: Vec<u8>| {
        let static_build = probe.machine.static_build();
        steps.push(Script { target: wanted.target.clone(), what, text, stdin, static_build, interrupt: interrupt.clone() });
    };
    if !probe.user_exists {
        if !wanted.create_user {
            return Err(Fault::not_found(format!("user '{}' does not exist on {}", wanted.user, wanted.target))
                .with_hint("add --create-user to create it without a password and with a home directory owned by root"));
        }
        add(format!("create the user {}", wanted.user), scripts::user(&wanted.user), Vec::new());
    }
    add(format!("copy the helper ({}, {} KiB)", file.path.display(), file.bytes.len() >> 10), scripts::helper(), file.bytes);
    if !probe.policy_exists || wanted.replace_policy {
        add("write the policy".into(), scripts::policy(), wanted.policy.to_text().into_bytes());
    }
    add(format!("write the sudoers rule for {}", wanted.user), scripts::sudoers(&wanted.user), sudoers::text(&wanted.user).into_bytes());
    if let Some(key) = &wanted.key {
        add(
            format!("restrict the SSH key of {} to the helper", wanted.user),
            scripts::key(&wanted.user),
            scripts::key_line(key).into_bytes(),
        );
    }
    Ok(steps)
}

/// An installation step, run as root on the host.
pub struct Script {
    target: Target,
    what: String,
    text: String,
    stdin: Vec<u8>,
    /// The hint if the helper does not run.
    static_build: String,
    interrupt: Interrupt,
}

impl Script {
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Act for Script {
    fn backend(&self) -> &'static str {
        match self.target {
            Target::Ssh(_) => "ssh",
            Target::Local => "local",
        }
    }

    fn describe(&self) -> String {
        format!("{} on {}", self.what, self.target)
    }

    fn request(&self) -> Json {
        let stdin = String::from_utf8(self.stdin.clone()).unwrap_or_else(|_| format!("({} bytes)", self.stdin.len()));
        json!({"script": self.text, "stdin": stdin})
    }

    fn run(&self, _: &Outputs, _: &Permit) -> Result<Json> {
        let done = shell(&self.target, Effect::Changes, &self.text, self.stdin.clone(), &self.interrupt).map_err(|fault| {
            let fault = if fault.message.contains(scripts::DOES_NOT_RUN) { fault.with_hint(self.static_build.clone()) } else { fault };
            fault.while_(self.describe())
        })?;
        Ok(json!(done.stdout_text().trim()))
    }
}

/// What a script does on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Reads,
    Changes,
}

impl Effect {
    /// The error for a script that got so far.
    fn fault(self, fate: Fate, message: String) -> Fault {
        let fault = fate.fault(self == Self::Changes, message);
        if fault.kind == Kind::Unknown { fault.with_hint("check the host with `felhom fence check` before you try again") } else { fault }
    }
}

/// Runs a script as root on the target. It must exit with 0.
fn shell(target: &Target, effect: Effect, script: &str, stdin: Vec<u8>, interrupt: &Interrupt) -> Result<Done> {
    let cmd = match target {
        Target::Ssh(host) => ssh_command(host, &format!("/bin/sh -c {}", quote(script))),
        Target::Local => {
            Cmd::new("/bin/sh").args(["-c", script]).clear_env().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C")
        }
    };
    let done = cmd.stdin(stdin).timeout(Duration::from_secs(180)).run(interrupt).map_err(|failure| match failure {
        Failure::Interrupted(signal) => {
            let unknown = effect.fault(Fate::Unknown, "interrupted".into());
            Fault { kind: signal.into(), ..unknown }
        }
        Failure::TimedOut(_) => effect.fault(Fate::Unknown, failure.to_string()),
        Failure::Start(_) => Fault::other(failure.to_string()),
    })?;
    if done.ok() {
        return Ok(done);
    }
    let said = done.stderr_text();
    let last = said.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("no message").trim().to_owned();
    if done.code == Some(255) && matches!(target, Target::Ssh(_)) {
        let error = SshTrouble::read(&said);
        let fault = effect.fault(error.fate(), format!("ssh to {target}: {last}"));
        let kind = match error {
            _ if fault.kind == Kind::Unknown => return Err(fault),
            SshTrouble::UnknownHostKey | SshTrouble::ChangedHostKey => Kind::Untrusted,
            SshTrouble::Denied => Kind::Unauthenticated,
            _ => fault.kind,
        };
        return Err(Fault { kind, ..fault }.with_hint(format!(
            "run `ssh {target}` to see the cause; the host key must be known, and root must be allowed to log in with a key"
        )));
    }
    let mut fault = Fault::other(format!("{target}: {last}"));
    fault.log = said.lines().map(ToOwned::to_owned).collect();
    Err(fault)
}
