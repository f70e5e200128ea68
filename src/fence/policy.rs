//! `/etc/felhom/fence.toml`: the limits of the root helper on this host.
//!
//! The helper is not subject to Proxmox VE's permissions, so this file limits it. Without the file, only commands that read work.
//! Its format is a small, strict subset of TOML: `key = value` with integers, strings and arrays of strings. Any other content is an
//! error, and after an error only `version` works.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::protocol::{ErrorKind, HelperError, Word};
use super::text::{Bridge, MountName, StorageId, Uuid};

/// The path of the policy file.
pub const POLICY_FILE: &str = "/etc/felhom/fence.toml";

/// The limits of the root helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Enabled commands that change the host. Commands that read are always enabled.
    pub words: BTreeSet<String>,
    pub vmid_min: u32,
    pub vmid_max: u32,
    /// Allowed storages for root disks and templates of golden containers.
    pub storages: BTreeSet<String>,
    pub bridges: BTreeSet<String>,
    pub max_size_gib: u32,
    pub max_memory_mib: u32,
    pub max_cores: u32,
    /// Allowed mount names, or `*`.
    pub mount_names: BTreeSet<String>,
    /// UUIDs of filesystems that may be mounted, or `*`.
    pub disks: BTreeSet<String>,
}

impl Default for Policy {
    /// Returns the policy that `fence install` writes: any USB mount, no golden containers.
    fn default() -> Self {
        let any = || BTreeSet::from(["*".to_owned()]);
        Self {
            words: [Word::UsbMount, Word::UsbUnmount].map(|w| w.as_str().to_owned()).into(),
            vmid_min: 9000,
            vmid_max: 9999,
            storages: BTreeSet::new(),
            bridges: BTreeSet::new(),
            max_size_gib: 32,
            max_memory_mib: 4096,
            max_cores: 4,
            mount_names: any(),
            disks: any(),
        }
    }
}

#[derive(Debug, PartialEq)]
enum Item {
    Number(u32),
    List(BTreeSet<String>),
}

impl Policy {
    /// Parses the file. A missing key has its default, but a missing `words`, `mount_names` or `disks` is an empty list.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut policy = Self { words: BTreeSet::new(), mount_names: BTreeSet::new(), disks: BTreeSet::new(), ..Self::default() };
        let mut seen = BTreeSet::new();
        for (key, item, line) in items(text)? {
            if !seen.insert(key.clone()) {
                return Err(format!("line {line}: duplicate key '{key}'"));
            }
            let wrong = || format!("line {line}: wrong type of value for '{key}'");
            match (key.as_str(), item) {
                ("words", Item::List(list)) => policy.words = list,
                ("storages", Item::List(list)) => policy.storages = list,
                ("bridges", Item::List(list)) => policy.bridges = list,
                ("mount_names", Item::List(list)) => policy.mount_names = list,
                ("disks", Item::List(list)) => policy.disks = list,
                ("vmid_min", Item::Number(n)) => policy.vmid_min = n,
                ("vmid_max", Item::Number(n)) => policy.vmid_max = n,
                ("max_size_gib", Item::Number(n)) => policy.max_size_gib = n,
                ("max_memory_mib", Item::Number(n)) => policy.max_memory_mib = n,
                ("max_cores", Item::Number(n)) => policy.max_cores = n,
                (
                    "words" | "storages" | "bridges" | "mount_names" | "disks" | "vmid_min" | "vmid_max" | "max_size_gib"
                    | "max_memory_mib" | "max_cores",
                    _,
                ) => return Err(wrong()),
                (other, _) => return Err(format!("line {line}: unknown key '{other}'")),
            }
        }
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), String> {
        for word in &self.words {
            let known = Word::parse(word).ok_or_else(|| format!("unknown command '{word}' in words"))?;
            if !known.changes() {
                return Err(format!("'{word}' in words changes nothing: it is always allowed"));
            }
        }
        if self.vmid_min < 100 || self.vmid_max > 999_999_999 || self.vmid_min > self.vmid_max {
            return Err(format!("invalid VMID range {}-{}", self.vmid_min, self.vmid_max));
        }
        let each = |list: &BTreeSet<String>, ok: fn(&str) -> Result<(), String>| list.iter().try_for_each(|t| ok(t));
        each(&self.storages, |t| StorageId::new(t).map(drop))?;
        each(&self.bridges, |t| Bridge::new(t).map(drop))?;
        each(&self.mount_names, |t| if t == "*" { Ok(()) } else { MountName::new(t).map(drop) })?;
        each(&self.disks, |t| if t == "*" { Ok(()) } else { Uuid::new(t).map(drop) })
    }

    /// Returns the file's text, which [`Policy::parse`] accepts.
    pub fn to_text(&self) -> String {
        let list = |items: &BTreeSet<String>| items.iter().map(|i| format!("\"{i}\"")).collect::<Vec<_>>().join(", ");
        format!(
            "# Limits of felhom-fence on this host. Owner root, not writable by others. Without this file, only commands that read work.\n\
             words = [{}]\n\n\
             # Golden containers: add \"golden-create\" to words to enable them.\n\
             vmid_min = {}\nvmid_max = {}\nstorages = [{}]\nbridges = [{}]\nmax_size_gib = {}\nmax_memory_mib = {}\nmax_cores = {}\n\n\
             # USB disks: mount names and filesystem UUIDs, \"*\" for any.\n\
             mount_names = [{}]\ndisks = [{}]\n",
            list(&self.words),
            self.vmid_min,
            self.vmid_max,
            list(&self.storages),
            list(&self.bridges),
            self.max_size_gib,
            self.max_memory_mib,
            self.max_cores,
            list(&self.mount_names),
            list(&self.disks)
        )
    }

    pub fn allows(&self, word: Word) -> bool {
        !word.changes() || self.words.contains(word.as_str())
    }

    /// Whether a list contains an item or `*`.
    pub fn contains(list: &BTreeSet<String>, item: &str) -> bool {
        list.contains("*") || list.contains(item)
    }
}

/// Returns the error for a command or value that the policy does not allow.
pub fn not_allowed(what: impl std::fmt::Display) -> HelperError {
    HelperError::new(ErrorKind::Policy, format!("the host's policy does not allow {what}"))
        .with_hint(format!("change {POLICY_FILE} on the host; `felhom fence show` prints the current policy"))
}

/// Splits the text into `key = value` items. An array may span several lines.
fn items(text: &str) -> Result<Vec<(String, Item, usize)>, String> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, raw)) = lines.next() {
        let number = index + 1;
        let line = uncommented(raw).trim().to_owned();
        if line.is_empty() {
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| format!("line {number}: expected `key = value`"))?;
        let key = key.trim();
        if key.is_empty() || !key.bytes().all(|c| c.is_ascii_lowercase() || c == b'_') {
            return Err(format!("line {number}: invalid key '{}'", key.escape_debug()));
        }
        let mut value = value.trim().to_owned();
        if value.starts_with('[') {
            while !value.ends_with(']') {
                let (_, more) = lines.next().ok_or_else(|| format!("line {number}: unterminated array"))?;
                value.push(' ');
                value.push_str(uncommented(more).trim());
                value.truncate(value.trim_end().len());
            }
        }
        found.push((key.to_owned(), item(&value).map_err(|e| format!("line {number}: {e}"))?, number));
    }
    Ok(found)
}

/// Returns the line without its comment. A `#` in quotes does not start a comment.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '#' if !quoted => return &line[..at],
            _ => {}
        }
    }
    line
}

fn item(value: &str) -> Result<Item, String> {
    if let Some(inner) = value.strip_prefix('[').and_then(|v| v.strip_suffix(']')) {
        let mut list = BTreeSet::new();
        let inner = inner.trim();
        let inner = inner.strip_suffix(',').unwrap_or(inner).trim();
        if !inner.is_empty() {
            for part in inner.split(',') {
                let text = part.trim().strip_prefix('"').and_then(|t| t.strip_suffix('"'));
                match text {
                    Some(t) if !t.is_empty() && !t.contains(['"', '\\']) && !t.chars().any(char::is_control) => list.insert(t.to_owned()),
                    _ => return Err(format!("`{}` is not a quoted string", part.trim().escape_debug())),
                };
            }
        }
        return Ok(Item::List(list));
    }
    if !value.is_empty() && value.bytes().all(|c| c.is_ascii_digit()) {
        return value.parse().map(Item::Number).map_err(|_| format!("`{value}` is too large"));
    }
    Err(format!("`{}` is neither a number nor an array of strings", value.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_installed_policy_parses() {
        let written = Policy::default();
        assert_eq!(Policy::parse(&written.to_text()), Ok(written.clone()));
        assert!(written.allows(Word::Smart) && written.allows(Word::UsbMount) && !written.allows(Word::GoldenCreate));
    }

    #[test]
    fn an_empty_file_enables_no_change() {
        let policy = Policy::parse("# nothing\n").expect("an empty policy");
        assert!(!policy.allows(Word::UsbMount) && !policy.allows(Word::GoldenCreate) && policy.allows(Word::Disks));
        assert!(policy.mount_names.is_empty() && policy.disks.is_empty() && policy.storages.is_empty());
    }

    #[test]
    fn multi_line_arrays_and_comments() {
        let policy = Policy::parse(
            "words = [\n  \"usb-mount\", # mounts\n  \"golden-create\",\n]\nstorages=[\"local-lvm\"]\nmax_size_gib = 16 # GiB\n",
        )
        .expect("a policy");
        assert!(policy.allows(Word::GoldenCreate) && !policy.allows(Word::UsbUnmount));
        assert_eq!(policy.max_size_gib, 16);
    }

    #[test]
    fn anything_else_is_an_error() {
        for bad in [
            "word = [\"smart\"]",
            "words = [\"shell\"]",
            "words = [\"smart\"]",
            "words = \"usb-mount\"",
            "words = [usb-mount]",
            "words = [\"usb-mount\"",
            "vmid_min = \"9000\"",
            "vmid_min = -1",
            "vmid_min = 99",
            "vmid_min = 10000",
            "vmid_max = 99999999999",
            "max_cores = 4\nmax_cores = 64",
            "[section]",
            "words",
            "disks = [\"/dev/sda\"]",
            "mount_names = [\"../etc\"]",
            "storages = [\"*\"]",
        ] {
            assert!(Policy::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "(?s).{0,200}") {
            let _ = Policy::parse(&text);
        }

        #[test]
        fn a_written_policy_parses_to_itself(min in 100_u32..5000, span in 0_u32..5000, size in 0_u32..999, words in proptest::bool::ANY) {
            let mut policy = Policy { vmid_min: min, vmid_max: min + span, max_size_gib: size, ..Policy::default() };
            if words { policy.words.insert("golden-create".into()); }
            prop_assert_eq!(Policy::parse(&policy.to_text()), Ok(policy));
        }
    }
}
