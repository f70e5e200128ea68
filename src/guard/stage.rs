//! Staged changes, which a user reviews before applying. This is not an approval by a second person.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::api::{Request, Value};
use crate::config::files;
use crate::fault::{Fault, Result};
use crate::guard::change::{Change, Do};
use crate::guard::journal::{local_user, new_id, plain};
use crate::guard::{Plan, redact};
use crate::interrupt::Interrupt;
use crate::session::Session;

/// Days until a staged change expires.
const DAYS: i64 = 7;

/// A staged change.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Staged {
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    pub expires: i64,
    pub by: String,
    pub context: String,
    /// The host or cluster.
    pub identity: String,
    /// The identity that will apply it.
    pub who: String,
    pub verb: String,
    /// The command line, which is run again to apply the change.
    pub command: Vec<String>,
    pub summary: String,
    pub risk: String,
    pub plan: Json,
    /// Hash over the calls with all values, compared when the change is applied.
    pub calls: String,
    /// The host's state by target.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
    /// The time it was applied. A change is applied only once.
    #[serde(default)]
    pub used: Option<i64>,
}

impl Staged {
    pub fn expired(&self, now: i64) -> bool {
        now >= self.expires
    }

    /// `pending`, `applied` or `expired`.
    pub fn state(&self, now: i64) -> &'static str {
        match self.used {
            Some(_) => "applied",
            None if self.expired(now) => "expired",
            None => "pending",
        }
    }
}

/// A staged change that is being applied.
#[derive(Debug, Clone)]
pub struct Applying {
    pub staged: Staged,
    /// Apply it although the host's state has changed.
    pub accept_drift: bool,
    /// Options of the person who applies it; those from staging do not count.
    pub yes: bool,
    pub confirm: Vec<String>,
    /// Set after approval: further changes of the same command, such as a start after a restore, belong to it.
    pub begun: Arc<AtomicBool>,
}

/// The folder of staged changes.
#[derive(Debug, Clone)]
pub struct Shelf {
    dir: PathBuf,
}

impl Shelf {
    pub fn at(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("staged") }
    }

    fn file(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    /// Returns all readable staged changes, oldest first.
    pub fn all(&self) -> Result<Vec<Staged>> {
        self.read().map(|(staged, _)| staged)
    }

    /// Returns all staged changes, oldest first, and the IDs of unreadable ones with reasons.
    pub fn read(&self) -> Result<(Vec<Staged>, Vec<Broken>)> {
        let (mut found, mut broken) = (Vec::new(), Vec::new());
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((found, broken)),
            Err(error) => return Err(Fault::io(format!("read {}", self.dir.display()), &error)),
        };
        for entry in entries.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "json")) {
            let text = fs::read_to_string(entry.path()).map_err(|error| error.to_string());
            match text.and_then(|text| serde_json::from_str::<Staged>(&text).map_err(|error| error.to_string())) {
                Ok(staged) => found.push(staged),
                Err(why) => {
                    let id = entry.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
                    broken.push(Broken { id, why });
                }
            }
        }
        found.sort_by(|a: &Staged, b| a.id.cmp(&b.id));
        Ok((found, broken))
    }

    /// Finds a staged change by ID or unique prefix.
    pub fn get(&self, id: &str) -> Result<Staged> {
        let found = self.all()?.into_iter().filter(|staged| staged.id.starts_with(id)).collect();
        by_prefix(id, found, "staged change", "`felhom plan list` shows the IDs")
    }

    fn put(&self, staged: &Staged) -> Result<()> {
        files::private_dir(&self.dir)?;
        let text = serde_json::to_string_pretty(staged).map_err(|error| Fault::other(format!("write the staged change: {error}")))?;
        let text: String = text.lines().map(|line| plain(line) + "\n").collect();
        files::replace(&self.file(&staged.id), text.as_bytes())
    }

    /// Deletes a staged change, unless it is being applied.
    pub fn discard(&self, staged: &Staged, interrupt: &Interrupt) -> Result<()> {
        let _lock = self.lock(interrupt)?;
        if self.get(&staged.id)?.used != staged.used {
            return Err(used(&staged.id));
        }
        let file = self.file(&staged.id);
        fs::remove_file(&file).map_err(|error| Fault::io(format!("remove {}", file.display()), &error))
    }

    fn lock(&self, interrupt: &Interrupt) -> Result<files::Lock> {
        files::private_dir(&self.dir)?;
        files::Lock::take(&self.dir.join(".lock"), Duration::from_secs(10), interrupt)
    }

    /// Marks a change as used, under a lock and before anything is sent, so that it is applied only once.
    pub(super) fn take(&self, id: &str, interrupt: &Interrupt) -> Result<()> {
        let _lock = self.lock(interrupt)?;
        let mut staged = self.get(id)?;
        if staged.used.is_some() {
            return Err(used(id));
        }
        staged.used = Some(jiff::Timestamp::now().as_second());
        self.put(&staged)
    }
}

/// An unreadable staged change.
pub struct Broken {
    pub id: String,
    pub why: String,
}

/// Minimum length of an ID prefix.
const SHORTEST: usize = 4;

/// Returns the only ID that starts with `id`.
pub fn by_prefix<T>(id: &str, mut found: Vec<T>, what: &str, hint: &str) -> Result<T> {
    if id.chars().count() < SHORTEST {
        return Err(Fault::usage(format!("'{id}' is too short for an ID: at least {SHORTEST} characters")).with_hint(hint));
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Fault::not_found(format!("no {what} '{id}'")).with_hint(hint)),
        n => Err(Fault::usage(format!("ID prefix '{id}' is ambiguous ({n} {what}s)")).with_hint(hint)),
    }
}

fn used(id: &str) -> Fault {
    Fault::refused(format!("the staged change {id} has been applied already"))
        .with_hint("check its result with `felhom history`; stage it again to repeat it")
}

/// Stages a change.
pub(super) fn stage(session: &Session, change: &Change, plan: &Plan) -> Result<Staged> {
    if let Some(fault) = literal_secret(change, &session.command) {
        return Err(fault);
    }
    let now = jiff::Timestamp::now().as_second();
    let staged = Staged {
        id: new_id(),
        created: now,
        expires: now + DAYS * 86_400,
        by: local_user(),
        context: session.context.clone(),
        identity: session.identity.clone(),
        who: session.who().into(),
        verb: session.verb.clone(),
        command: session.command.clone(),
        summary: change.summary.clone(),
        risk: change.risk().word().into(),
        plan: serde_json::to_value(plan).unwrap_or_default(),
        calls: fingerprint(change),
        facts: facts(change),
        used: None,
    };
    Shelf::at(&session.state_dir).put(&staged)?;
    Ok(staged)
}

/// Checks that the rebuilt change equals the staged one, and that the host's state is the same.
pub(super) fn admit(session: &Session, change: &Change, applying: &Applying) -> Result<()> {
    let staged = &applying.staged;
    let now = jiff::Timestamp::now().as_second();
    if staged.used.is_some() {
        return Err(used(&staged.id));
    }
    if staged.expired(now) {
        return Err(Fault::refused(format!("the staged change {} has expired after {DAYS} days", staged.id)).with_hint("stage it again"));
    }
    let bound = [
        ("context", &staged.context, session.context.as_str()),
        ("host", &staged.identity, session.identity.as_str()),
        ("token", &staged.who, session.who()),
    ];
    for (what, then, is) in bound {
        if then != is {
            return Err(Fault::refused(format!("the staged change {} is for another {what}: staged for {then}, now {is}", staged.id))
                .with_hint("stage it again"));
        }
    }
    let drift = drift(&staged.facts, &facts(change));
    if !drift.is_empty() && !applying.accept_drift {
        return Err(Fault::refused(format!("the host has changed since it was staged: {}", drift.join("; ")))
            .with_hint("stage it again, or add --accept-drift to apply it as it is"));
    }
    if staged.calls != fingerprint(change) {
        return Err(Fault::refused(format!("the staged change {} would make other calls now", staged.id))
            .with_hint("stage it again; `felhom plan show` lists the staged calls"));
    }
    Ok(())
}

fn facts(change: &Change) -> BTreeMap<String, BTreeMap<String, String>> {
    change.items.iter().map(|item| (format!("{} {}", item.action, item.target), item.facts.clone())).collect()
}

/// Describes the differences.
fn drift(then: &BTreeMap<String, BTreeMap<String, String>>, now: &BTreeMap<String, BTreeMap<String, String>>) -> Vec<String> {
    let mut differences = Vec::new();
    for (target, before) in then {
        let Some(after) = now.get(target) else {
            differences.push(format!("{target}: no longer there"));
            continue;
        };
        for (name, was) in before {
            match after.get(name) {
                Some(is) if is == was => {}
                Some(is) => differences.push(format!("{target}: {name} was {was}, is {is}")),
                None => differences.push(format!("{target}: {name} was {was}, is gone")),
            }
        }
    }
    differences
        .extend(now.keys().filter(|target| !then.contains_key(*target)).map(|target| format!("{target}: was not among the targets")));
    differences
}

/// Returns a hash over all requests. It omits the digest of a configuration, which is compared as part of the state.
fn fingerprint(change: &Change) -> String {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
    for item in &change.items {
        hash.update(format!("{}\n{}\n", item.action, item.target).as_bytes());
        for step in item.steps.iter().filter(|_| item.pending()) {
            match &step.what {
                Do::Call(request) => hash_request(&mut hash, request),
                Do::Act(act) => hash.update(format!("{} {} {}\n", act.backend(), act.describe(), act.request()).as_bytes()),
            }
        }
    }
    hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash_request(hash: &mut ring::digest::Context, request: &Request) {
    hash.update(format!("{request}\n").as_bytes());
    for (key, value) in request.params.iter().filter(|(key, _)| key != "digest") {
        // The content of a secret's source is not hashed: the hash of a short secret would reveal it.
        let texts = if matches!(value, Value::Output(_) | Value::Secret(_)) { vec![value.shown()] } else { value.wire() };
        hash.update(format!("{key}={texts:?}\n").as_bytes());
    }
}

/// Returns why a change cannot be staged: a secret would be written to a file, or would be missing later. A secret file given by
/// its full path is allowed.
fn literal_secret(change: &Change, command: &[String]) -> Option<Fault> {
    let refused = |what: &str| Fault::refused(format!("a change with a secret in it ({what}) cannot be staged: it would stand in a file"));
    match redact::masked(command) {
        Some(flag) if flag.starts_with('-') => {
            return Some(refused(&flag).with_hint(format!(
                "leave {flag} out and answer when it is asked for, or act as an administrator with a token: --admin-token ID --admin-secret file:PATH"
            )));
        }
        Some(key) => {
            return Some(
                refused(&key).with_hint(format!("{key}=@/FULL/PATH names a file that holds it: the path is kept, not what is in it")),
            );
        }
        None => {}
    }
    let named = |key: &str| {
        let file = |word: &String| word.strip_prefix(key)?.strip_prefix("=@").map(|file| Path::new(file).is_absolute());
        command.iter().any(|word| file(word) == Some(true))
    };
    let held = change.items.iter().filter(|item| item.pending()).flat_map(|item| &item.steps).find_map(|step| match &step.what {
        Do::Call(request) => request
            .params
            .iter()
            .filter(|(key, value)| matches!(value, Value::Secret(_)) || redact::sensitive_at(&request.path, key))
            .map(|(key, _)| key.clone())
            .find(|key| !redact::is_public(key) && !named(key)),
        Do::Act(act) => act.secret().map(str::to_owned),
    })?;
    Some(refused(&held).with_hint(format!("use the file's full path ({held}=@/FULL/PATH); stdin cannot be read again later")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Call;
    use crate::guard::{Item, Step, Target};
    use crate::path;

    fn change(memory: i64, digest: &str) -> Change {
        let call: Call<Json> = Call::put(path!["nodes", "pve1", "lxc", 101, "config"]).with("memory", memory).with("digest", digest);
        Change::one(
            "set",
            Item::new("set", Target { vmid: Some(101), ..Target::default() }).step(Step::call("set", call)).fact("digest", digest),
        )
    }

    #[test]
    fn the_hash_is_of_what_is_sent_and_drift_of_what_was_there() {
        assert_eq!(fingerprint(&change(512, "a")), fingerprint(&change(512, "b")));
        assert_ne!(fingerprint(&change(512, "a")), fingerprint(&change(513, "a")));
        assert_eq!(drift(&facts(&change(512, "a")), &facts(&change(512, "b"))), ["set 101: digest was a, is b"]);
    }

    #[test]
    fn a_secret_is_not_staged() {
        let call: Call<Json> = Call::put(path!["nodes", "pve1", "qemu", 201, "config"]).with("cipassword", "x");
        let change = Change::one("set", Item::new("set", Target::default()).step(Step::call("set", call)));
        let words = |last: &str| ["felhom", "guest", "set", "201", last].map(str::to_owned);
        for literal in ["cipassword=***", "cipassword=@-", "cipassword=@secret"] {
            assert!(literal_secret(&change, &words(literal)).is_some_and(|fault| fault.message.contains("(cipassword)")), "{literal}");
        }
        assert!(literal_secret(&change, &words("cipassword=@/root/secret")).is_none());
    }
}
