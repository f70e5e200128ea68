//! `felhom guest create`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::fence::net::Net;
use crate::fence::request::{Features, Password};
use crate::fence::text::{Hostname, SshKey, StorageId, Tag, TemplateVolume};
use crate::ops::create::{self, verify};
use crate::secret::Secret;

#[derive(Debug, Subcommand)]
pub enum Create {
    Lxc(Lxc),
}

impl Create {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Lxc(verb) => verb.run(ctx),
        }
    }
}

/// Create a container from a template
///
/// The container is unprivileged. With --golden (nesting=1,keyctl=1, for Docker in a container) the root helper creates it, because
/// no token may set keyctl. A token can restore its backup, and the features are kept.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest create lxc local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst --node pve1 --hostname web2 --storage local-lvm --net bridge=vmbr0,ip=dhcp\n  felhom guest create lxc local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz --node pve1 --hostname gold --storage local-lvm --golden --then backup nas"
)]
pub struct Lxc {
    /// Template, as STORAGE:vztmpl/NAME
    #[arg(value_name = "TEMPLATE")]
    template: TemplateVolume,
    /// Hostname
    #[arg(long, value_name = "NAME")]
    hostname: Hostname,
    /// VMID [default: next free]
    #[arg(long, value_name = "VMID")]
    vmid: Option<u32>,
    /// Node [default: the only one]
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Storage of the root disk
    #[arg(long, value_name = "STORAGE")]
    storage: StorageId,
    /// Size of the root disk in GiB
    #[arg(long, value_name = "GIB", default_value_t = 8)]
    size: u32,
    /// Container features: nesting=1, keyctl=1
    #[arg(long, value_name = "LIST")]
    features: Option<String>,
    /// Create it with keyctl=1 through the root helper
    #[arg(long)]
    golden: bool,
    /// CPU cores
    #[arg(long, value_name = "N")]
    cores: Option<u32>,
    /// Memory in MiB
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// Swap in MiB
    #[arg(long, value_name = "MIB")]
    swap: Option<u32>,
    /// Network interface: bridge=vmbr0,ip=dhcp,…
    #[arg(long, value_name = "NET")]
    net: Vec<Net>,
    /// DNS server
    #[arg(long, value_name = "ADDRESS")]
    nameserver: Vec<IpAddr>,
    /// DNS search domain
    #[arg(long, value_name = "DOMAIN")]
    searchdomain: Option<Hostname>,
    /// Tag
    #[arg(long, value_name = "TAG")]
    tag: Vec<Tag>,
    /// File with public SSH keys for root
    #[arg(long, value_name = "FILE")]
    ssh_keys: Option<PathBuf>,
    /// Read the root password from stdin (one line)
    #[arg(long)]
    password_stdin: bool,
    /// Start the guest at boot of the node
    #[arg(long)]
    onboot: bool,
    /// Add the guest to this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Start the guest afterwards
    #[arg(long)]
    start: bool,
    /// Back it up to this storage afterwards (`--then backup nas`)
    #[arg(long, num_args = 2, value_names = ["backup", "STORAGE"])]
    then: Vec<String>,
}

/// `--then backup STORAGE`.
fn backup_to(words: &[String]) -> Result<Option<StorageId>> {
    match words {
        [] => Ok(None),
        [what, storage] if what == "backup" => {
            storage.parse().map(Some).map_err(|why| Fault::usage(format!("--then backup {storage}: {why}")))
        }
        _ => Err(Fault::usage(format!("--then {}: what can follow is `backup STORAGE`", words.join(" ")))),
    }
}

impl Lxc {
    fn run(self, ctx: &Ctx) -> Result<()> {
        let ask = create::Lxc {
            features: features(self.features.as_deref().unwrap_or_default(), self.golden)?,
            ssh_keys: self.ssh_keys.as_deref().map(read_keys).transpose()?.unwrap_or_default(),
            password: if self.password_stdin { Some(read_password()?) } else { None },
            template: self.template,
            vmid: self.vmid,
            node: self.node,
            hostname: self.hostname,
            storage: self.storage,
            size_gib: self.size,
            cores: self.cores,
            memory_mib: self.memory,
            swap_mib: self.swap,
            nets: self.net,
            nameservers: self.nameserver,
            searchdomain: self.searchdomain,
            tags: self.tag,
            onboot: self.onboot,
            pool: self.pool,
            start: self.start,
            backup_to: backup_to(&self.then)?,
        };
        let session = ctx.session()?;
        let fence = ctx.fence_if_any()?;
        let change = create::lxc(&session, fence.as_ref(), &ask)?;
        ctx.carry_out(&session, change, |item, done| verify(&session, &ask, item, done))
    }
}

/// The features of the container; `golden` ones have nesting and keyctl by default, and keyctl always.
fn features(text: &str, golden: bool) -> Result<Features> {
    let mut features = Features { nesting: golden, keyctl: golden };
    for part in text.split(',').filter(|part| !part.is_empty()) {
        match part {
            "nesting=1" => features.nesting = true,
            "nesting=0" => features.nesting = false,
            "keyctl=1" => features.keyctl = true,
            "keyctl=0" if golden => {
                return Err(Fault::usage("--golden sets keyctl=1, --features says keyctl=0").with_hint("remove one of the two options"));
            }
            "keyctl=0" => features.keyctl = false,
            other => {
                return Err(Fault::usage(format!("felhom does not set the feature '{other}'"))
                    .with_hint("use nesting=1 and keyctl=1; root sets others with `pct set`"));
            }
        }
    }
    Ok(features)
}

fn read_keys(path: &std::path::Path) -> Result<Vec<SshKey>> {
    let text = std::fs::read_to_string(path).map_err(|e| Fault::io(format!("read {}", path.display()), &e))?;
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| SshKey::new(line).map_err(|_| Fault::usage(format!("{}: a line is no plain public ssh key", path.display()))))
        .collect()
}

fn read_password() -> Result<Password> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|e| Fault::io("read the password from stdin", &e))?;
    Password::new(Secret::new(line.trim_end_matches(['\r', '\n']))).map_err(Fault::usage)
}
