//! The breadth of the API as data: one file per noun, or per family of nouns. No logic, no I/O.
//!
//! A noun names its path, its key and its verbs; flags, types, help, privileges, plans and verification come from the API schema
//! (`src/cli/declared`, `src/routes/derived.rs`). To add a command, add a line to a noun here and the help of new parameters to
//! `words.txt`. Columns are written `key`, `key:option,…` or `key=TITLE:option,…`; the options are in [`COLUMN_OPTIONS`].

use std::collections::HashMap;
use std::sync::OnceLock;

mod access;
mod acme;
mod agent;
mod ceph;
mod cluster;
mod disk;
mod firewall;
mod guest;
mod node;
mod notification;
mod pool;
mod sdn;
mod storage;
mod verb;

pub use verb::{Act, Anywhere, Noun, Scope, Shape, Verb, noun};

/// What a column can be besides a key: its type where the schema does not tell, and how it is laid out.
pub const COLUMN_OPTIONS: &[&str] = &["bytes", "time", "age", "seconds", "share", "flag", "state", "list", "flex", "wide", "hidden"];

/// All nouns, in the order of the help.
pub static ALL: &[&Noun] = &[
    &pool::POOL,
    &access::USER,
    &access::GROUP,
    &access::ROLE,
    &access::ACL,
    &access::TOKEN,
    &access::REALM,
    &access::TFA,
    &guest::GUEST,
    &guest::SNAPSHOT,
    &guest::BACKUP,
    &guest::BACKUP_JOB,
    &guest::BACKUP_FILE,
    &storage::STORAGE,
    &storage::CREATE,
    &storage::SCAN,
    &storage::TEMPLATE,
    &storage::OCI,
    &node::SERVICE,
    &node::NETWORK,
    &node::DNS,
    &node::TIME,
    &node::CONFIG,
    &node::UPDATE,
    &disk::DISK,
    &disk::DIRECTORY,
    &disk::LVM,
    &disk::LVMTHIN,
    &disk::ZFS,
    &node::HARDWARE,
    &node::CAPABILITIES,
    &node::HOSTS,
    &node::NODE,
    &node::SUBSCRIPTION,
    &node::REPOSITORY,
    &ceph::CONFIG,
    &ceph::CRUSH,
    &ceph::FLAG,
    &ceph::MON,
    &ceph::MGR,
    &ceph::MDS,
    &ceph::OSD,
    &ceph::POOL,
    &ceph::FS,
    &ceph::CEPH,
    &ceph::CLUSTER,
    &ceph::NODE,
    &cluster::CLUSTER,
    &cluster::OPTIONS,
    &cluster::CPU_MODEL,
    &cluster::HA,
    &cluster::HA_RESOURCE,
    &cluster::HA_RULE,
    &cluster::HA_GROUP,
    &cluster::REPLICATION,
    &cluster::JOB,
    &cluster::REALM_SYNC,
    &cluster::MAPPING_PCI,
    &cluster::MAPPING_USB,
    &cluster::MAPPING_DIR,
    &cluster::METRICS_SERVER,
    &cluster::METRICS,
    &sdn::ZONE,
    &sdn::VNET,
    &sdn::SUBNET,
    &sdn::CONTROLLER,
    &sdn::IPAM,
    &sdn::IP,
    &sdn::DNS,
    &sdn::SDN,
    &firewall::OPTIONS,
    &firewall::RULE,
    &firewall::GROUP,
    &firewall::IPSET,
    &firewall::ENTRY,
    &firewall::ALIAS,
    &firewall::REF,
    &firewall::LOG,
    &firewall::MACRO,
    &notification::SENDMAIL,
    &notification::GOTIFY,
    &notification::SMTP,
    &notification::WEBHOOK,
    &notification::MATCHER,
    &notification::TARGET,
    &acme::ACCOUNT,
    &acme::PLUGIN,
    &acme::ACME,
    &acme::CERT,
    &agent::AGENT,
    &agent::FSFREEZE,
    &agent::CLOUDINIT,
    &sdn::FABRIC,
    &sdn::FABRIC_NODE,
];

/// Summaries of words that only contain other nouns, or of nouns that are not several of a kind.
pub const PARENTS: &[(&str, &str)] = &[
    ("access", "Manage users, groups, roles, permissions and tokens"),
    ("acme", "Manage certificates by ACME"),
    ("ceph", "Manage Ceph"),
    ("ceph config", "Show the Ceph configuration"),
    ("ceph crush", "Show the CRUSH map and its rules"),
    ("cluster", "Show cluster members, options and log"),
    ("firewall", "Manage firewall rules, groups, IP sets and aliases"),
    ("ha", "Manage high availability"),
    ("job", "Manage scheduled jobs"),
    ("mapping", "Manage mappings of devices and directories"),
    ("metrics", "Manage metrics servers"),
    ("storage create", "Create a storage"),
    ("notification", "Manage notification endpoints, matchers and targets"),
];

/// Flags that are not called as their parameter: noun, parameter, flag.
pub const FLAGS: &[(&str, &str, &str)] = &[
    ("access acl", "users", "user"),
    ("access acl", "groups", "group"),
    ("access acl", "tokens", "token"),
    ("access acl", "roles", "role"),
    ("node hosts", "data", "file"),
];

/// Parameters that have the content of a file as their value: noun, parameter.
pub const FILES: &[(&str, &str)] = &[("node hosts", "data")];

/// The help of parameters: `name: help`, or `noun words.name: help` where a noun differs.
const WORDS: &str = include_str!("words.txt");

/// The verb with this full name: `pool create`.
pub fn find(name: &str) -> Option<(&'static Noun, &'static Verb)> {
    let (words, verb) = name.rsplit_once(' ')?;
    called(words).find_map(|noun| Some((noun, noun.verbs().find(|one| one.name == verb)?)))
}

/// The nouns with these words; several where their paths differ.
pub fn called(words: &str) -> impl Iterator<Item = &'static Noun> {
    ALL.iter().copied().filter(move |noun| noun.words == words)
}

/// The lines of help by name.
fn words() -> &'static HashMap<&'static str, &'static str> {
    static LINES: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    LINES.get_or_init(|| WORDS.lines().filter_map(|line| line.split_once(": ")).collect())
}

/// The name of a parameter's line of help: its own for the noun, that of a noun above it, or the common one. `net0` has that of
/// `net[n]`.
pub fn line_of(noun: &str, parameter: &str) -> Option<&'static str> {
    let found = |name: &str| words().get_key_value(name).map(|(name, _)| *name);
    let family = || found(&format!("{}[n]", parameter.trim_end_matches(|c: char| c.is_ascii_digit())));
    let above = std::iter::successors(Some(noun), |words| words.rsplit_once(' ').map(|(above, _)| above));
    let own = above.into_iter().find_map(|words| found(&format!("{words}.{parameter}")));
    own.or_else(|| found(parameter)).or_else(family)
}

/// The help of a parameter.
pub fn help(noun: &str, parameter: &str) -> Option<&'static str> {
    words().get(line_of(noun, parameter)?).copied()
}
