//! Backup jobs of the cluster's scheduler.

use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::{Value, backup, lenient};
use crate::fault::{Fault, Result};
use crate::guard::Item;
use crate::ops::backup::Keep;
use crate::ops::backup::run::{Compress, Notify, Options};
use crate::ops::backup::scope::Mode;
use crate::ops::guests::{self, Guest};
use crate::session::Session;

/// A scheduled backup job.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    pub context: String,
    pub id: String,
    pub enabled: bool,
    pub schedule: Option<String>,
    /// `101,103`, `all`, `all but 105`, `pool production`.
    pub guests: String,
    pub storage: Option<String>,
    pub mode: Option<String>,
    pub keep: Option<String>,
    pub node: Option<String>,
    pub comment: Option<String>,
    /// RFC 3339.
    pub next_run_at: Option<String>,
    /// All settings of the job.
    pub settings: Map<String, Json>,
    #[serde(skip)]
    pub next_run: Option<i64>,
}

/// Adds the current settings as the state for which a change is staged.
pub fn facts(job: &Job, item: Item) -> Item {
    let settings = job.settings.iter().filter(|(key, _)| *key != "next-run");
    settings.fold(item, |item, (key, value)| item.fact(key, lenient::text(value).unwrap_or_else(|| value.to_string())))
}

impl Job {
    pub fn of(context: &str, settings: Map<String, Json>) -> Self {
        let text = |key: &str| settings.get(key).and_then(lenient::text).filter(|text| !text.is_empty());
        let flag = |key: &str| settings.get(key).and_then(lenient::integer).map(|n| n != 0);
        let guests = match (text("vmid"), text("pool"), text("exclude")) {
            (Some(vmids), ..) => vmids,
            (None, Some(pool), _) => format!("pool {pool}"),
            (None, None, Some(exclude)) => format!("all but {exclude}"),
            _ => "all".to_owned(),
        };
        let next_run = settings.get("next-run").and_then(lenient::integer);
        Self {
            context: context.to_owned(),
            id: text("id").unwrap_or_default(),
            enabled: flag("enabled").unwrap_or(true),
            schedule: text("schedule"),
            guests,
            storage: text("storage"),
            mode: text("mode"),
            keep: keep_text(settings.get("prune-backups")),
            node: text("node"),
            comment: text("comment"),
            next_run_at: next_run.map(crate::units::rfc3339),
            next_run,
            settings,
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        self.settings.get(key).and_then(lenient::text).filter(|text| !text.is_empty())
    }

    /// Returns the guests that the job currently includes.
    pub fn guests(&self, all: Vec<Guest>) -> Result<Vec<Guest>> {
        let numbers = |key: &str| -> Vec<u32> {
            crate::api::list::split(&self.text(key).unwrap_or_default()).filter_map(|word| word.parse().ok()).collect()
        };
        let (vmids, exclude, pool) = (numbers("vmid"), numbers("exclude"), self.text("pool"));
        if let Some(gone) = vmids.iter().find(|vmid| !all.iter().any(|guest| guest.vmid == **vmid)) {
            return Err(Fault::not_found(format!("the job '{}' includes guest {gone}, which does not exist or is not visible", self.id)));
        }
        let wanted = |guest: &Guest| {
            let chosen = if !vmids.is_empty() { vmids.contains(&guest.vmid) } else { pool.is_none() || guest.pool == pool };
            chosen && !exclude.contains(&guest.vmid) && self.node.as_ref().is_none_or(|node| guest.node == *node)
        };
        let chosen: Vec<Guest> = all.into_iter().filter(wanted).collect();
        if chosen.is_empty() {
            return Err(Fault::not_found(format!("job '{}' includes no guest that the token can see", self.id)));
        }
        Ok(chosen)
    }

    /// Returns the settings as options of a backup. Settings that only root may set are skipped with a warning.
    pub fn options(&self, session: &Session, notify: Notify, jobs: usize) -> Result<Options> {
        for key in ["script", "tmpdir", "dumpdir", "performance", "ionice", "bwlimit"] {
            if self.text(key).is_some_and(|text| text != "0") {
                session.person.warn(&format!("skipped setting {key} of the job, which needs root"));
            }
        }
        let pass = ["zstd", "pigz", "exclude-path", "stdexcludes", "fleecing", "pbs-change-detection-mode"];
        let keep: Option<Keep> = match &self.keep {
            Some(text) => Some(text.parse().map_err(|why: String| Fault::other(format!("retention policy '{text}' of the job: {why}")))?),
            None => None,
        };
        let wire = |value: &Json| match value {
            Json::Object(map) => {
                let parts: Vec<String> = map.iter().filter_map(|(k, v)| Some(format!("{k}={}", lenient::text(v)?))).collect();
                Some(Value::Text(parts.join(",")))
            }
            Json::Array(items) => Some(Value::Each(items.iter().filter_map(lenient::text).collect())),
            other => lenient::text(other).map(Value::Text),
        };
        Ok(Options {
            mode: self.mode.as_deref().and_then(Mode::of).unwrap_or(Mode::Snapshot),
            storage: self.storage.clone(),
            compress: match self.text("compress").as_deref() {
                Some("gzip") => Compress::Gzip,
                Some("lzo" | "1") => Compress::Lzo,
                Some("zstd") => Compress::Zstd,
                _ => Compress::None,
            },
            notes: self.text("notes-template"),
            protect: self.text("protected").as_deref() == Some("1"),
            keep,
            bwlimit: None,
            notify,
            jobs,
            more: pass.iter().filter_map(|key| Some(((*key).to_owned(), wire(self.settings.get(*key)?)?))).collect(),
        })
    }
}

/// Formats a retention policy as `last=3,daily=7`; the host returns a string or an object.
fn keep_text(value: Option<&Json>) -> Option<String> {
    let words: Vec<String> = match value? {
        Json::String(text) => text.split(',').map(str::to_owned).collect(),
        Json::Object(map) => map.iter().filter_map(|(key, value)| Some(format!("{key}={}", lenient::text(value)?))).collect(),
        _ => return None,
    };
    let words: Vec<String> = words.iter().map(|word| word.trim_start_matches("keep-").to_owned()).collect();
    if words.iter().any(|word| word == "all=1") {
        return Some("all".to_owned());
    }
    (!words.is_empty()).then(|| words.join(","))
}

pub fn all(session: &Session) -> Result<Vec<Job>> {
    Ok(session.client()?.get(&backup::jobs())?.into_iter().map(|settings| Job::of(&session.context, settings)).collect())
}

/// Returns the job with this ID, or the only one.
pub fn one(session: &Session, id: Option<&str>) -> Result<Job> {
    let jobs = all(session)?;
    let names = || jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>().join(", ");
    match (id, &jobs[..]) {
        (Some(id), _) => jobs.iter().find(|job| job.id == id).cloned().ok_or_else(|| {
            Fault::not_found(format!("there is no backup job '{id}'")).with_hint(if jobs.is_empty() {
                "create one with `felhom backup job create`".to_owned()
            } else {
                format!("choose from {}", names())
            })
        }),
        (None, []) => Err(Fault::not_found("no backup jobs")),
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Fault::usage("missing JOB").with_hint(format!("choose from {}", names()))),
    }
}

/// Returns all guests, for [`Job::guests`].
pub fn everybody(session: &Session) -> Result<Vec<Guest>> {
    guests::all(session)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_parsed() {
        let Json::Object(settings) = json!({
            "id": "nightly", "mode": "snapshot", "schedule": "daily", "type": "vzdump", "storage": "local", "next-run": 1_795_219_200,
            "enabled": 0, "vmid": "101", "prune-backups": {"keep-last": "3"},
        }) else {
            unreachable!("an object")
        };
        let job = Job::of("t", settings);
        assert_eq!((job.id.as_str(), job.enabled, job.guests.as_str(), job.keep.as_deref()), ("nightly", false, "101", Some("last=3")));
        assert_eq!(job.next_run_at.as_deref(), Some("2026-11-21T00:00:00Z"));
        assert_eq!(keep_text(Some(&json!("keep-last=3,keep-daily=7"))).as_deref(), Some("last=3,daily=7"));
        assert_eq!(keep_text(Some(&json!("keep-all=1"))).as_deref(), Some("all"));
    }
}
