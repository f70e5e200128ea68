//! `POST /nodes/{node}/vzdump`: checks and the backup task.

use serde_json::json;

use super::backup::{self, Job};
use super::prune;
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::State;
use crate::demo::tasks::TaskSpec;

pub(super) const ROUTES: &[Route] = &[("POST", "/nodes/{node}/vzdump", vzdump), ("GET", "/nodes/{node}/vzdump/defaults", defaults)];

fn defaults(req: &mut Req<'_>) -> Answer {
    let storage = storage(req);
    req.check_any(&format!("/storage/{storage}"), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    let keep = req.state.storages.get(&storage).and_then(|storage| storage.config.get("prune-backups").cloned());
    Ok(json!({
        "all": 0, "bwlimit": 0, "compress": "0", "dumpdir": "/var/lib/vz/dump", "fleecing": { "enabled": 0 }, "ionice": 7, "lockwait": 180,
        "mailnotification": "always", "mode": "snapshot", "notification-mode": "auto",
        "performance": { "max-workers": 16, "pbs-entries-max": 1_048_576 }, "pigz": 0, "prune-backups": keep.unwrap_or_else(|| "keep-all=1".into()),
        "quiet": 0, "remove": 1, "stdexcludes": 1, "stop": 0, "stopwait": 10, "storage": storage, "zstd": 1,
    })
    .into())
}

fn check_rights(req: &Req<'_>) -> Result<(), Refusal> {
    if req.is_root() {
        return Ok(());
    }
    for name in ["tmpdir", "dumpdir", "script", "job-id"] {
        if req.params.has(name) {
            return Err(Refusal::param(name, "Only root may set this option."));
        }
    }
    if ["bwlimit", "ionice", "performance"].iter().any(|name| req.params.has(name)) {
        req.check("/", &["Sys.Modify"])?;
    }
    if let Some(storage) = req.params.get("fleecing").and_then(|text| text.split(',').find_map(|part| part.strip_prefix("storage="))) {
        req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    if req.params.has("prune-backups") {
        req.check(&format!("/storage/{}", storage(req)), &["Datastore.Allocate"])?;
    }
    Ok(())
}

fn storage(req: &Req<'_>) -> String {
    req.params.get("storage").unwrap_or("local").to_owned()
}

/// Checks a notes template: four variables and two escapes are allowed.
fn check_template(template: &str) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal::param("notes-template", text));
    if template.contains('\n') {
        return refuse("contains a line feed\n".to_owned());
    }
    let mut wrong = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('\\') {
        let at = template.len() - after.len() - 1;
        match after.chars().next() {
            Some('n' | '\\') | None => {}
            Some(other) => wrong.push(format!("escape sequence '\\{other}' at char {at}")),
        }
        rest = after.get(1..).unwrap_or("");
    }
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((name, next)) = after.split_once("}}") else { break };
        if !["cluster", "guestname", "node", "vmid"].contains(&name) && !name.contains(char::is_whitespace) {
            wrong.push(format!("variable '{name}' at char {}", template.len() - next.len() - name.len()));
        }
        rest = next;
    }
    if wrong.is_empty() { Ok(()) } else { refuse(format!("found unknown: {}\n", wrong.join(", "))) }
}

fn check_params(req: &Req<'_>) -> Result<(), Refusal> {
    let given = |name: &str| req.params.get(name).is_some_and(|text| !text.is_empty() && text != "0");
    if given("vmid") {
        for name in ["all", "exclude", "pool"] {
            if given(name) {
                return Err(Refusal::param(name, "option conflicts with option 'vmid'"));
            }
        }
    }
    if let Some(template) = req.params.get("notes-template") {
        check_template(template)?;
    }
    if !given("vmid") && !["all", "stop", "pool", "exclude"].iter().any(|name| given(name)) {
        return Err(Refusal::param("vmid", "property is missing"));
    }
    Ok(())
}

/// Returns the guests of the job: on this node, missing, and on other nodes.
fn guests(req: &Req<'_>, node: &str) -> (Vec<u32>, Vec<u32>) {
    let exclude: Vec<u32> = req.params.list("exclude").iter().filter_map(|id| id.parse().ok()).collect();
    let wanted: Vec<u32> = if let Some(pool) = req.params.get("pool") {
        let members = req.state.pools.get(pool).map(|pool| pool.guests.iter().copied().collect::<Vec<_>>()).unwrap_or_default();
        members.into_iter().filter(|vmid| !exclude.contains(vmid)).collect()
    } else if req.params.has("vmid") {
        req.params.list("vmid").iter().filter_map(|id| id.parse().ok()).collect()
    } else if req.params.flag("all") || req.params.has("exclude") {
        req.state.guests.keys().copied().filter(|vmid| !exclude.contains(vmid)).collect()
    } else {
        Vec::new()
    };
    let here = |vmid: &u32| req.state.guests.get(vmid).is_none_or(|guest| guest.node == node);
    let (mut local, mut away): (Vec<u32>, Vec<u32>) = wanted.into_iter().partition(here);
    local.sort_unstable();
    local.dedup();
    away.sort_unstable();
    (local, away)
}

/// Returns the command line for the first line of the log.
fn command_line(req: &Req<'_>) -> String {
    let mut line = "vzdump".to_owned();
    for id in req.params.list("vmid") {
        line.push_str(&format!(" {id}"));
    }
    for (key, value) in req.params.iter().filter(|(key, _)| !["vmid", "stdout", "job-id"].contains(&key.as_str())) {
        let values = match value.as_array() {
            Some(many) => many.iter().filter_map(|item| item.as_str()).map(str::to_owned).collect(),
            None => vec![value.as_str().map_or_else(|| value.to_string(), str::to_owned)],
        };
        for text in values.iter().filter(|text| !text.is_empty()) {
            line.push_str(&format!(" --{key} {}", quoted(text)));
        }
    }
    line
}

/// Quotes a word as the host does: also one with `=`.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.,:/+@%!^".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn vzdump(req: &mut Req<'_>) -> Answer {
    let node = req.node();
    if req.params.flag("stdout") {
        return Err(Refusal::param("stdout", "option is only allowed on the command line interface."));
    }
    check_rights(req)?;
    check_params(req)?;
    let cmdline = command_line(req);
    let (local, away) = guests(req, &node);
    if req.params.flag("stop") {
        req.check(&format!("/nodes/{node}"), &["Sys.Modify"])?;
        stop_running(req.state, &node, req.now_ms);
        if local.is_empty() {
            return Ok(json!("OK").into());
        }
    }
    if local.is_empty() && !req.params.flag("all") && !req.params.has("exclude") {
        return Ok(json!("OK").into());
    }
    let storage = storage(req);
    req.check(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    let id = if local.len() == 1 { local[0].to_string() } else { String::new() };
    let spec = TaskSpec::new("vzdump", id);
    let spec = match storage_error(req.state, &storage, &node) {
        Some(words) => notified(spec.takes(0.3)).fail(words),
        None => job(req, spec, &cmdline, storage, &local, &away),
    };
    req.start(spec)
}

/// Returns why a storage cannot store backups.
fn storage_error(state: &State, id: &str, node: &str) -> Option<String> {
    let missing = format!("storage '{id}' does not exist");
    let Some(storage) = state.storages.get(id) else {
        return Some(format!("could not activate storage '{id}': {missing} could not get storage information for '{id}': {missing}"));
    };
    let mut words = Vec::new();
    if let Err(refusal) = super::disks::usable(state, id, node) {
        words.push(format!("could not activate storage '{id}': {}", refusal.message));
    } else if storage.inactive {
        let path = storage.text("path").unwrap_or("");
        words.push(format!(
            "could not activate storage '{id}': unable to activate storage '{id}' - directory is expected to be a mount point but is not mounted: '{path}'"
        ));
    }
    if !storage.holds("backup") {
        words.push(format!("could not get storage information for '{id}': can't use storage '{id}' for backups - wrong content type"));
    }
    if words.is_empty() { None } else { Some(words.join(" ")) }
}

fn notified(spec: TaskSpec) -> TaskSpec {
    spec.log("INFO: notified via target `mail-to-root`")
}

fn stop_running(state: &mut State, node: &str, now_ms: i64) {
    let running: Vec<String> = state
        .tasks
        .iter()
        .filter(|task| task.kind == "vzdump" && task.node == node && task.is_running(now_ms))
        .map(crate::demo::tasks::Task::upid)
        .collect();
    for upid in running {
        crate::demo::tasks::stop(state, &upid, now_ms);
    }
}

fn job(req: &Req<'_>, spec: TaskSpec, cmdline: &str, storage: String, local: &[u32], away: &[u32]) -> TaskSpec {
    let speed = if req.state.speed > 0.0 { req.state.speed } else { 1.0 };
    let node = req.node();
    // A node runs one backup at a time; a second one waits or fails at once.
    let busy = req.state.tasks.iter().filter(|task| task.kind == "vzdump" && task.node == node && task.is_running(req.now_ms));
    let wait = busy.map(|task| task.end_ms - req.now_ms).max().unwrap_or(0);
    let mut spec = spec;
    if wait > 0 {
        if req.params.int("lockwait") == Some(0) {
            return spec.log("ERROR: can't acquire lock '/var/run/vzdump.lock' (wait = 0)").ends("unexpected status");
        }
        spec = spec.log("INFO: trying to get global lock - waiting...").takes(wait as f64 / 1000.0 * speed).log("INFO: got global lock");
    }
    spec = spec.log(format!("INFO: starting new backup job: {cmdline}"));
    if !away.is_empty() {
        let list: Vec<String> = away.iter().map(u32::to_string).collect();
        spec = spec.log(format!("INFO: skip external VMs: {}", list.join(", ")));
    }
    let all = req.params.flag("all") || req.params.has("exclude");
    let mut chosen = Vec::new();
    for vmid in local.iter().copied() {
        if req.state.guests.contains_key(&vmid)
            && let Err(refusal) = req.check(&format!("/vms/{vmid}"), &["VM.Backup"])
        {
            if all {
                continue;
            }
            return spec.takes(0.1).fail(format!("403 {}", refusal.message));
        }
        chosen.push(vmid);
    }
    let keep = match req.params.get("prune-backups") {
        Some(text) => Some(prune::parse(&text.into())),
        None => req.state.storages.get(&storage).and_then(|storage| storage.config.get("prune-backups")).map(prune::parse),
    };
    let job = Job {
        node,
        storage,
        mode: req.params.get("mode").unwrap_or("snapshot").to_owned(),
        compress: req.params.get("compress").unwrap_or("0").to_owned(),
        notes: req.params.get("notes-template").filter(|text| !text.is_empty()).map(str::to_owned),
        protected: req.params.flag("protected"),
        remove: req.params.bool("remove").unwrap_or(true),
        keep,
        bwlimit: req.params.int("bwlimit").filter(|limit| *limit > 0),
        ionice: req.params.int("ionice").unwrap_or(7),
        speed,
        start_ms: req.now_ms + wait,
    };
    let (spec, failed) = backup::run(req.state, &job, spec, &chosen);
    let end = if failed { "INFO: Backup job finished with errors" } else { "INFO: Backup job finished successfully" };
    let spec = notified(spec.log(end));
    if failed { spec.fail("job errors") } else { spec.ok() }
}
