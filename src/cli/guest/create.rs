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

/// Make a container from a template
///
/// It is always unprivileged. With --golden (features nesting=1,keyctl=1, as Docker in a container wants) it is made by root
/// through the fence, since no token may set keyctl; from an archive of it any token can restore, with the features kept.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest create lxc local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst --hostname web --storage local-lvm --net bridge=vmbr0,ip=dhcp\n  felhom guest create lxc local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst --hostname gold --storage local-lvm --golden --then backup backups\n  pass show ct | felhom guest create lxc local:vztmpl/alpine.tar.xz --hostname a --storage local --password-stdin --plan"
)]
pub struct Lxc {
    /// The template, STORAGE:vztmpl/NAME
    #[arg(value_name = "TEMPLATE")]
    template: TemplateVolume,
    /// Its host name
    #[arg(long, value_name = "NAME")]
    hostname: Hostname,
    /// Its VMID; the lowest free one without it
    #[arg(long, value_name = "VMID")]
    vmid: Option<u32>,
    /// The node; may be left out when there is only one
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// The storage of its root disk
    #[arg(long, value_name = "STORAGE")]
    storage: StorageId,
    /// The size of its root disk
    #[arg(long, value_name = "GIB", default_value_t = 8)]
    size: u32,
    /// What it may do besides: nesting=1, keyctl=1
    #[arg(long, value_name = "LIST", conflicts_with = "golden")]
    features: Option<String>,
    /// Features nesting=1,keyctl=1, made by root through the fence
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
    /// A network: bridge=vmbr0,ip=dhcp,ip6=auto,gw=…,tag=…,firewall=1
    #[arg(long, value_name = "NET")]
    net: Vec<Net>,
    /// A name server
    #[arg(long, value_name = "ADDRESS")]
    nameserver: Vec<IpAddr>,
    /// The domain that names are looked up in
    #[arg(long, value_name = "DOMAIN")]
    searchdomain: Option<Hostname>,
    /// A tag
    #[arg(long, value_name = "TAG")]
    tag: Vec<Tag>,
    /// A file with public ssh keys for its root
    #[arg(long, value_name = "FILE")]
    ssh_keys: Option<PathBuf>,
    /// Read its root password from stdin, one line
    #[arg(long)]
    password_stdin: bool,
    /// Start it when the host starts
    #[arg(long)]
    onboot: bool,
    /// Put it into a pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Start it now
    #[arg(long)]
    start: bool,
    /// What to do afterwards: make an archive of it on a storage, from which any token can restore
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
            features: match (&self.features, self.golden) {
                (_, true) => Features { nesting: true, keyctl: true },
                (Some(text), false) => features(text)?,
                (None, false) => Features { nesting: false, keyctl: false },
            },
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

fn features(text: &str) -> Result<Features> {
    let mut features = Features { nesting: false, keyctl: false };
    for part in text.split(',') {
        match part {
            "nesting=1" => features.nesting = true,
            "keyctl=1" => features.keyctl = true,
            "nesting=0" | "keyctl=0" => {}
            other => {
                return Err(Fault::usage(format!("`{other}` is not a feature that felhom sets"))
                    .with_hint("nesting=1 and keyctl=1 are; others are set by root with `pct set`"));
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
