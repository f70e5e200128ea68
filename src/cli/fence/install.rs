//! `felhom fence install`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::cli::Ctx;
use crate::config::context::check_ssh_host;
use crate::config::{Context, FenceVia, Transport, Writes};
use crate::fault::{Fault, Result};
use crate::fence::install::{self, Target as Place, Wanted};
use crate::fence::policy::Policy;
use crate::fence::protocol::Word;
use crate::fence::sudoers;
use crate::fence::text::{Bridge, MountName, SshKey, StorageId, Uuid};
use crate::guard::{Change, Item, Step, Target};

/// Install the root helper on a host
///
/// The sudoers rule lists literal commands only and is checked before it is installed. Golden containers are off unless --golden
/// allows them within the limits given here. Root can change the policy file on the host at any time.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("where").required(true).args(["ssh", "local"]),
    after_help = "Examples:\n  felhom fence install --ssh root@192.0.2.10 --create-user --key ~/.ssh/felhom.pub\n  felhom fence install --ssh root@pve1 --golden --vmids 9000-9099 --storage local --storage local-lvm --bridge vmbr0 --replace-policy\n  sudo felhom fence install --local --create-user\n  felhom fence install --ssh root@pve1 --create-user --plan"
)]
pub struct Install {
    /// Install over ssh as root
    #[arg(long, value_name = "ROOT@HOST")]
    ssh: Option<String>,
    /// Install on this machine, as root
    #[arg(long)]
    local: bool,
    /// User that may run the helper
    #[arg(long, value_name = "USER", default_value = sudoers::USER)]
    user: String,
    /// Create this user, without a password
    #[arg(long)]
    create_user: bool,
    /// Public SSH key (file) limited to the helper's commands
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Path of the helper [default: next to this program]
    #[arg(long, value_name = "FILE")]
    helper: Option<PathBuf>,
    /// Allow golden containers
    #[arg(long, requires = "storage")]
    golden: bool,
    /// VMIDs allowed for golden containers
    #[arg(long, value_name = "FROM-TO", default_value = "9000-9999")]
    vmids: String,
    /// Storage allowed for root disks and templates
    #[arg(long, value_name = "STORAGE")]
    storage: Vec<StorageId>,
    /// Bridge allowed for golden containers
    #[arg(long, value_name = "BRIDGE")]
    bridge: Vec<Bridge>,
    /// Largest root disk in GiB
    #[arg(long, value_name = "GIB", default_value_t = 32)]
    max_size: u32,
    /// Allow only these USB mount names
    #[arg(long, value_name = "NAME")]
    mount_name: Vec<MountName>,
    /// Allow only these USB filesystems
    #[arg(long, value_name = "UUID")]
    disk: Vec<Uuid>,
    /// Overwrite the host's policy file
    #[arg(long)]
    replace_policy: bool,
}

impl Install {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let target = match &self.ssh {
            Some(host) => {
                check_ssh_host(host).map_err(Fault::usage)?;
                Place::Ssh(host.clone())
            }
            None => Place::Local,
        };
        let context = context(ctx, &target)?;
        let interrupt = &ctx.around.interrupt;
        let wanted = Wanted {
            policy: self.policy()?,
            key: self.key.as_deref().map(read_key).transpose()?,
            target: target.clone(),
            user: self.user,
            create_user: self.create_user,
            replace_policy: self.replace_policy,
            helper: self.helper,
        };
        let probe = install::probe(&target, &wanted.user, interrupt)?;
        let kept = probe.policy_exists && !wanted.replace_policy;
        let mut item = Item::new("install", Target { name: Some(target.to_string()), ..Target::default() }).touches(format!(
            "{} may run {} as root",
            wanted.user,
            sudoers::commands().join(", ")
        ));
        if kept {
            item = item.caution("the host has a policy already, and keeps it: --replace-policy writes it anew");
        }
        for step in install::steps(&wanted, &probe, interrupt)? {
            item = item.step(Step::act("install", step));
        }
        let change = Change::one(format!("install the fence on {target}"), item);
        let session = ctx.without_api(&context, "root");
        ctx.carry_out(&session, change, |_, _| Ok(serde_json::Map::new()))?;
        if self.ssh.is_some() && ctx.global.plan.is_none() {
            let host = target.to_string();
            let host = host.rsplit('@').next().unwrap_or_default();
            ctx.out.hint(format!(
                "in the context: fence = {{ via = \"ssh\", host = \"{}@{host}\" }}; then `felhom fence check` proves it",
                wanted.user
            ));
        }
        Ok(())
    }

    fn policy(&self) -> Result<Policy> {
        let (from, to) = self.vmids.split_once('-').ok_or_else(|| Fault::usage("--vmids takes FROM-TO, e.g. 9000-9999"))?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| Fault::usage(format!("`{text}` is no VMID")));
        let mut policy = Policy { vmid_min: number(from)?, vmid_max: number(to)?, max_size_gib: self.max_size, ..Policy::default() };
        if self.golden {
            policy.words.insert(Word::GoldenCreate.as_str().to_owned());
        }
        policy.storages = self.storage.iter().map(ToString::to_string).collect();
        policy.bridges = self.bridge.iter().map(ToString::to_string).collect();
        if !self.mount_name.is_empty() {
            policy.mount_names = self.mount_name.iter().map(ToString::to_string).collect();
        }
        if !self.disk.is_empty() {
            policy.disks = self.disk.iter().map(ToString::to_string).collect();
        }
        Policy::parse(&policy.to_text()).map_err(Fault::usage)
    }
}

/// Whose gate it is: that of the context that is named, else of the one that is about this host (of several, the strictest). No API is
/// asked, so there need be none: then the journal names the place.
fn context(ctx: &Ctx, target: &Place) -> Result<Context> {
    if ctx.around.fixed.is_some() {
        return Err(Fault::usage("the demo host has its fence already, and what --ssh and --local name is a real one")
            .with_hint("leave `demo` out to install it on a real host"));
    }
    let place = Context::new(target.to_string());
    // A staged installation without a context is applied under the name of its place, which no context can have.
    if ctx.global.context.as_ref().is_some_and(|name| *name != place.name) {
        return ctx.context();
    }
    let host = |destination: &str| destination.rsplit('@').next().unwrap_or(destination).to_owned();
    let is_about = |context: &Context| match target {
        Place::Local => context.transport == Transport::Local || context.fence.as_ref().is_some_and(|fence| fence.via == FenceVia::Local),
        Place::Ssh(there) => {
            let named = context.ssh.iter().map(|ssh| &ssh.host).chain(context.fence.iter().filter_map(|fence| fence.host.as_ref()));
            context
                .endpoints
                .iter()
                .map(|endpoint| endpoint.url.host.clone())
                .chain(named.map(|name| host(name)))
                .any(|one| one == host(there))
        }
    };
    let strictness = |context: &Context| match context.writes {
        Writes::Allow => 0,
        Writes::Stage => 1,
        Writes::Deny => 2,
    };
    Ok(ctx.config()?.contexts.into_values().filter(is_about).max_by_key(strictness).unwrap_or(place))
}

fn read_key(path: &std::path::Path) -> Result<SshKey> {
    let text = std::fs::read_to_string(path).map_err(|e| Fault::io(format!("read {}", path.display()), &e))?;
    SshKey::new(text.trim())
        .map_err(|_| Fault::usage(format!("{} holds no public ssh key", path.display())).with_hint("it is the file that ends with .pub"))
}
