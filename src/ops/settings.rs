//! Configuration changes from the command line: whole values, and parts of property strings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::api::{Form, GuestKind, Property, lenient};
use crate::fault::{Fault, Result};
use crate::ops::guests::split_tags;

/// A guest's configuration.
pub type Config = Map<String, Json>;

/// An edit such as `memory=512` or `net0.bridge=vmbr1`; without a value, the deletion of the key or part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub key: String,
    pub part: Option<String>,
    pub value: Option<String>,
}

impl Edit {
    /// Parses `KEY=VALUE` or `KEY.PART=VALUE`.
    pub fn set(text: &str) -> Result<Self> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Fault::usage(format!("'{text}' is not KEY=VALUE")).with_hint(format!("unset it with --delete {text}")))?;
        Ok(Self { value: Some(value.to_owned()), ..Self::delete(name)? })
    }

    /// Parses `KEY` or `KEY.PART`.
    pub fn delete(name: &str) -> Result<Self> {
        let (key, part) = match name.split_once('.') {
            Some((key, part)) => (key, Some(part.to_owned())),
            None => (name, None),
        };
        let plain = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if !plain(key) || part.as_deref().is_some_and(|part| !plain(part)) {
            return Err(Fault::usage(format!("'{name}' is not the name of a setting"))
                .with_hint("list the settings with `felhom guest config GUEST`; a part of one is KEY.PART, as in net0.bridge"));
        }
        if matches!(key, "digest" | "delete" | "revert" | "skiplock" | "force") {
            return Err(Fault::usage(format!("'{key}' is not a setting of a guest")).with_hint("unset it with --delete KEY"));
        }
        Ok(Self { key: key.to_owned(), part, value: None })
    }
}

/// The values to set and the keys to delete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub set: BTreeMap<String, String>,
    pub delete: BTreeSet<String>,
}

impl Wanted {
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.delete.is_empty()
    }

    /// Returns the affected keys.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.set.keys().chain(&self.delete)
    }

    /// Returns the value of a key after the change.
    pub fn after(&self, config: &Config, key: &str) -> Option<String> {
        if self.delete.contains(key) {
            return None;
        }
        self.set.get(key).cloned().or_else(|| text(config, key))
    }
}

pub fn text(config: &Config, key: &str) -> Option<String> {
    config.get(key).and_then(lenient::text)
}

/// Applies edits to a configuration. Values that are already set are left out.
pub fn wanted(kind: GuestKind, label: &str, config: &Config, edits: &[Edit]) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    for edit in edits {
        let Edit { key, part, value } = edit;
        if value.is_some() && part.is_none() && wanted.delete.contains(key) {
            return Err(Fault::usage(format!("'{key}' cannot be set and deleted at the same time")));
        }
        match (part, value) {
            (None, Some(value)) => {
                wanted.set.insert(key.clone(), value.clone());
            }
            (None, None) => {
                if wanted.set.contains_key(key) {
                    return Err(Fault::usage(format!("'{key}' cannot be set and deleted at the same time")));
                }
                wanted.delete.insert(key.clone());
            }
            (Some(part), value) => {
                let edited = edit_part(kind, label, wanted.after(config, key).as_deref(), key, part, value.as_deref())?;
                wanted.set.insert(key.clone(), edited);
            }
        }
    }
    wanted.set.retain(|key, value| text(config, key).is_none_or(|now| !same(key, &now, value)));
    Ok(wanted)
}

fn edit_part(kind: GuestKind, label: &str, now: Option<&str>, key: &str, part: &str, value: Option<&str>) -> Result<String> {
    let form = Form::of(kind, key).ok_or_else(|| {
        Fault::usage(format!("'{key}' has no parts, so there is no '{key}.{part}'")).with_hint(format!("set it whole: {key}=VALUE"))
    })?;
    let mut property = match (now, form) {
        (Some(now), _) => Property::parse(form, now),
        (None, Form::Plain) if value.is_some() => Property::parse(form, ""),
        (None, _) => {
            return Err(Fault::not_found(format!("{label} has no '{key}'"))
                .with_hint(format!("set the whole value: {key}=VALUE; `felhom guest config` lists the keys")));
        }
    };
    match value {
        Some(value) if value.contains(',') => {
            return Err(Fault::usage(format!("the value of '{key}.{part}' cannot contain a comma")));
        }
        Some(value) => property.set(part, value),
        None => {
            property.remove(part);
        }
    }
    let edited = property.to_string();
    if edited.is_empty() {
        return Err(Fault::usage(format!("nothing would be left of '{key}'")).with_hint(format!("unset it with --delete {key}")));
    }
    Ok(edited)
}

/// Whether two texts mean the same to the host.
fn same(key: &str, now: &str, wanted: &str) -> bool {
    let sorted = |text: &str| {
        let mut tags = split_tags(Some(text));
        tags.sort();
        tags
    };
    match key {
        "tags" => sorted(now) == sorted(wanted),
        "description" => now.trim_end_matches('\n') == wanted.trim_end_matches('\n'),
        // The host does not return it.
        "cipassword" => false,
        _ => now == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config() -> Config {
        json!({
            "memory": 512, "tags": "a;b", "description": "hello\n",
            "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth",
            "mp0": "local-lvm:vm-101-disk-1,mp=/data,size=4G",
        })
        .as_object()
        .cloned()
        .expect("a map")
    }

    fn come_to(set: &[&str], delete: &[&str]) -> Result<Wanted> {
        let mut edits: Vec<Edit> = delete.iter().map(|name| Edit::delete(name)).collect::<Result<_>>()?;
        edits.extend(set.iter().map(|text| Edit::set(text)).collect::<Result<Vec<_>>>()?);
        wanted(GuestKind::Lxc, "101", &config(), &edits)
    }

    #[test]
    fn editing_parts_keeps_the_others() {
        let wanted = come_to(&["net0.bridge=vmbr1", "net0.tag=5", "mp0.backup=0"], &["net0.ip"]).expect("fine");
        assert_eq!(wanted.set["net0"], "name=eth0,bridge=vmbr1,hwaddr=BC:24:11:00:00:01,type=veth,tag=5");
        assert_eq!(wanted.set["mp0"], "local-lvm:vm-101-disk-1,mp=/data,size=4G,backup=0");
        assert!(wanted.delete.is_empty());
    }

    #[test]
    fn unchanged_values_are_left_out() {
        assert!(come_to(&["memory=512", "tags=b,a", "description=hello", "net0.bridge=vmbr0"], &[]).expect("fine").is_empty());
        let wanted = come_to(&["memory=512", "memory=256"], &["tags"]).expect("fine");
        assert_eq!((wanted.set.len(), wanted.delete.len()), (1, 1));
    }

    #[test]
    fn invalid_edits_have_their_exit_codes() {
        let code = |set: &[&str], delete: &[&str]| come_to(set, delete).expect_err("a mistake").exit_code();
        assert_eq!(code(&["memory"], &[]), 2);
        assert_eq!(code(&["=1"], &[]), 2);
        assert_eq!(code(&["digest=0"], &[]), 2);
        assert_eq!(code(&["memory.x=1"], &[]), 2);
        assert_eq!(code(&["mp7.backup=0"], &[]), 5);
        assert_eq!(code(&["tags=a"], &["tags"]), 2);
        assert_eq!(code(&["net0.ip=a,b"], &[]), 2);
        assert!(come_to(&["features.nesting=1"], &[]).is_ok(), "a property string without a default key can start with any part");
    }
}
