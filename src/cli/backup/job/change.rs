//! `felhom backup job create`, `set`, `delete`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Map, Value as Json, json};

use crate::api::{Call, backup};
use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Step, Target};
use crate::ops::backup::run::{Compress, Notify};
use crate::ops::backup::{Keep, Mode, job};

/// Properties of a job.
#[derive(Debug, Args)]
struct Settings {
    /// VMIDs of the guests to back up
    #[arg(long, value_name = "VMID,…", conflicts_with_all = ["all", "pool"], value_delimiter = ',')]
    guest: Vec<u32>,
    /// Back up all guests
    #[arg(long, conflicts_with = "pool")]
    all: bool,
    /// Back up the guests in this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// VMIDs to exclude from --all
    #[arg(long, value_name = "VMID,…", value_delimiter = ',', requires = "all")]
    exclude: Vec<u32>,
    /// Limit it to this node
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Backup storage
    #[arg(long, value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: Option<String>,
    /// Backup mode: snapshot, suspend, stop
    #[arg(long, value_name = "MODE")]
    mode: Option<Mode>,
    /// Compression
    #[arg(long, value_name = "ALGORITHM")]
    compress: Option<Compress>,
    /// Retention rule: last=3,daily=7
    #[arg(long, value_name = "RULE")]
    keep: Option<Keep>,
    /// Notes; may use {{guestname}}, {{vmid}}, {{node}}, {{cluster}}
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// Comment
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Notification mode
    #[arg(long, value_name = "MODE")]
    notify: Option<Notify>,
    /// Enable or disable the job
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    enabled: Option<bool>,
}

/// Create a backup job
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup job create weekly --schedule 'sun 04:00' --all --storage local --keep last=3\n  felhom backup job create web --schedule 'sat 03:30' --guest 101,102 --storage pbs --mode snapshot"
)]
pub struct Create {
    /// Job ID [default: generated]
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Schedule: daily, 02:00, 'sat 03:30', 'mon..fri 22:00'
    #[arg(long, value_name = "CALENDAR")]
    schedule: String,
    #[command(flatten)]
    settings: Settings,
}

/// Set properties of a backup job
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom backup job set nightly --enabled false\n  felhom backup job set nightly --schedule '03:00' --keep last=5\n  felhom backup job set nightly --delete comment"
)]
pub struct Set {
    /// Job ID
    #[arg(value_name = "ID")]
    id: String,
    /// Schedule: daily, 02:00, 'sat 03:30', 'mon..fri 22:00'
    #[arg(long, value_name = "CALENDAR")]
    schedule: Option<String>,
    #[command(flatten)]
    settings: Settings,
    /// Keys to unset
    #[arg(long, value_name = "KEY,…", value_delimiter = ',')]
    delete: Vec<String>,
}

/// Delete a backup job
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom backup job delete nightly")]
pub struct Delete {
    /// Job ID
    #[arg(value_name = "ID")]
    id: String,
}

impl Settings {
    fn put(&self, call: Call<Json>) -> Call<Json> {
        let list = |numbers: &[u32]| (!numbers.is_empty()).then(|| numbers.iter().map(u32::to_string).collect::<Vec<_>>());
        let mut call = call
            .with_some("vmid", list(&self.guest))
            .with_set("all", self.all)
            .with_some("exclude", list(&self.exclude))
            .with_some("pool", self.pool.as_ref())
            .with_some("node", self.node.as_ref())
            .with_some("storage", self.storage.as_ref())
            .with_some("mode", self.mode.map(Mode::word))
            .with_some("compress", self.compress.map(Compress::word))
            .with_some("prune-backups", self.keep.as_ref().map(Keep::wire))
            .with_some("notes-template", self.notes.as_ref())
            .with_some("comment", self.comment.as_ref())
            .with_some("enabled", self.enabled);
        for (name, value) in self.notify.map(Notify::params).unwrap_or_default() {
            call = call.with(*name, *value);
        }
        call
    }
}

fn target(id: Option<&str>) -> Target {
    Target { name: Some(id.unwrap_or("a new job").to_owned()), ..Target::default() }
}

impl Create {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let s = &self.settings;
        if s.guest.is_empty() && !s.all && s.pool.is_none() {
            return Err(Fault::usage("missing guests of the job").with_hint("add --guest 101,102, --pool POOL or --all"));
        }
        let session = ctx.session()?;
        let before = job::all(&session)?;
        if let Some(id) = self.id.as_ref().filter(|id| before.iter().any(|job| job.id == **id)) {
            return Err(Fault::refused(format!("there is a backup job '{id}' already"))
                .with_hint(format!("change it with `felhom backup job set {id}`")));
        }
        let call = s.put(backup::create_job().with_some("id", self.id.as_ref()).with("schedule", &self.schedule));
        let item = Item::new("job-create", target(self.id.as_deref())).step(Step::call("create", call));
        ctx.carry_out(&session, Change::one("make a backup job", item), |_, _| {
            let made = job::all(&session)?.into_iter().find(|job| !before.iter().any(|old| old.id == job.id));
            let made = made.ok_or_else(|| Fault::other("the host took it, but lists no new job"))?;
            Ok(Map::from_iter([("id".to_owned(), json!(made.id)), ("next_run_at".to_owned(), json!(made.next_run_at))]))
        })
    }
}

impl Set {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let before = job::one(&session, Some(&self.id))?;
        let mut call = self.settings.put(backup::set_job(&self.id)).with_some("schedule", self.schedule.as_ref());
        let mut delete = self.delete.clone();
        // A new selection of guests replaces the old one.
        let s = &self.settings;
        let chosen = [("vmid", !s.guest.is_empty()), ("all", s.all), ("pool", s.pool.is_some())];
        if chosen.iter().any(|(_, given)| *given) {
            let stale = chosen.iter().filter(|(key, given)| !given && before.settings.contains_key(*key)).map(|(key, _)| (*key).to_owned());
            delete.extend(stale);
        }
        if !delete.is_empty() {
            call = call.with("delete", delete);
        }
        if call.request.params.is_empty() {
            return Err(Fault::usage("no setting to change").with_hint("see --help: --schedule, --keep, --enabled false, …"));
        }
        let asked = call.request.clone();
        let item = job::facts(&before, Item::new("job-set", target(Some(&self.id))))
            .touches(format!("the job '{}': {}", self.id, before.guests))
            .step(Step::call("set", call));
        ctx.carry_out(&session, Change::one(format!("change the backup job {}", self.id), item), |_, _| {
            let now = job::one(&session, Some(&self.id))?;
            let wrong = asked.params.iter().find(|(key, value)| {
                let have = now.settings.get(key).and_then(crate::api::lenient::text);
                key != "delete" && have.is_some_and(|have| have != value.shown())
            });
            match wrong {
                Some((key, _)) => Err(Fault::other(format!("the host took it, but {key} is not as asked"))),
                None => Ok(Map::from_iter([("id".to_owned(), json!(now.id)), ("next_run_at".to_owned(), json!(now.next_run_at))])),
            }
        })
    }
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let job = job::one(&session, Some(&self.id))?;
        let item = job::facts(&job, Item::new("job-delete", target(Some(&self.id))))
            .loses(format!("the schedule '{}' for {}", job.schedule.unwrap_or_default(), job.guests))
            .caution("those guests are not backed up by it any more; the archives stay")
            .step(Step::call("delete", backup::delete_job(&self.id)));
        ctx.carry_out(&session, Change::one(format!("delete the backup job {}", self.id), item), |_, _| {
            if job::all(&session)?.iter().any(|job| job.id == self.id) {
                return Err(Fault::other("the host took it, but the job is still there"));
            }
            Ok(Map::new())
        })
    }
}
