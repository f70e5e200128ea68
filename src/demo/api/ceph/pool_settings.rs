//! Settings of a pool, applied one after another as the host does.

use serde_json::Value;

use super::{number, text};
use crate::api::schema::property;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::Map;
use crate::demo::tasks::TaskSpec;

/// Rules of the CRUSH map, by number.
pub(super) const RULES: &[&str] = &["replicated_rule", "ssd_only"];

/// The settings of a request, in the order in which the host applies them.
pub(super) struct Settings {
    pub values: Map,
}

const KEYS: &[&str] =
    &["size", "application", "crush_rule", "min_size", "pg_autoscale_mode", "pg_num", "pg_num_min", "target_size", "target_size_ratio"];
const DEFAULTS: &[(&str, &str)] =
    &[("size", "3"), ("application", "rbd"), ("min_size", "2"), ("pg_autoscale_mode", "warn"), ("pg_num", "128")];

impl Settings {
    pub(super) fn of_change(req: &Req<'_>) -> Result<Self, Refusal> {
        let mut values = Map::new();
        for key in KEYS {
            let Some(given) = req.params.get(key) else { continue };
            let value = match *key {
                "target_size" => property::size(given).ok_or_else(|| Refusal::die(format!("unable to parse size '{given}'")))?.into(),
                _ => given.parse::<i64>().map_or_else(|_| Value::from(given), Value::from),
            };
            values.insert((*key).to_owned(), value);
        }
        Ok(Self { values })
    }

    /// With the defaults of a new pool.
    pub(super) fn of_new(req: &Req<'_>) -> Result<Self, Refusal> {
        let given = Self::of_change(req)?.values;
        let default = |key: &str| DEFAULTS.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let values = KEYS.iter().filter_map(|key| {
            let default = || default(key).map(|value| value.parse::<i64>().map_or_else(|_| Value::from(value), Value::from));
            Some(((*key).to_owned(), given.get(*key).cloned().or_else(default)?))
        });
        Ok(Self { values: values.collect() })
    }
}

/// Why the monitors refuse a setting.
fn refused(pool: &Map, key: &str, value: &Value) -> Option<String> {
    match (key, value.as_i64()) {
        ("min_size", Some(min)) if min > number(pool, "size") => {
            Some(format!("pool min_size must be between 1 and size, which is set to {}", number(pool, "size")))
        }
        ("size", Some(1)) => Some("configuring pool size as 1 is disabled by default.".to_owned()),
        ("crush_rule", _) if !RULES.contains(&value.as_str().unwrap_or_default()) => {
            Some(format!("crush rule {} does not exist", value.as_str().unwrap_or_default()))
        }
        _ => None,
    }
}

/// The pool with its new settings, the log of the change, and the error at its end.
pub(super) fn applied(mut spec: TaskSpec, name: &str, mut pool: Map, settings: &Settings) -> (TaskSpec, Map, Option<String>) {
    let mut failed = Vec::new();
    for (key, value) in &settings.values {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text(&pool, "type") == "erasure" && matches!(key.as_str(), "size" | "crush_rule") {
            spec = spec.log(format!("cannot set '{key}' for erasure coded pool"));
            continue;
        }
        if pool.get(key) == Some(value) {
            spec = spec.log(format!("skipping '{key}', did not change"));
            continue;
        }
        spec = spec.log(format!("pool {name}: applying {key} = {shown}"));
        if let Some(why) = refused(&pool, key, value) {
            spec = spec.log(why);
            failed.push(key.as_str());
            continue;
        }
        let kept = match key.as_str() {
            "crush_rule" => RULES.iter().position(|rule| *rule == shown).unwrap_or(0).into(),
            _ => value.clone(),
        };
        pool.insert(key.clone(), kept);
    }
    failed.sort_unstable();
    let failed = (!failed.is_empty()).then(|| format!("Could not set: {}", failed.join(", ")));
    (spec, pool, failed)
}
