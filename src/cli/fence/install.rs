//! `felhom fence install`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::cli::Ctx;
use crate::config::context::check_ssh_host;
use crate::config::env::FROM_ENV;
use crate::config::{Context, Fence as Setting, FenceVia, Transport, Writes};
use crate::fault::{Fault, Kind, Result};
use crate::fence::client::Fence;
use crate::fence::install::{self, Target as Place, Wanted};
use crate::fence::policy::Policy;
use crate::fence::protocol::Word;
use crate::fence::request::UsbStatus;
use crate::fence::sudoers;
use crate::fence::text::{Bridge, MountName, SshKey, StorageId, Uuid};
use crate::guard::{Act as _, Change, Item, Step, Target};
use crate::ops::fence_setting::{self, WriteFence};
use crate::transport::ssh::host_of;

/// Install the root helper on a host
///
/// The helper is copied next to an installed one and replaces it only if it runs on the host. The context of the host (or that of -c) is
/// set to use it.
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
        let (context, written) = contexts(ctx, &target)?;
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
            item = item.caution("the host keeps its policy; --replace-policy overwrites it");
        }
        for step in install::steps(&wanted, &probe, interrupt)? {
            item = item.step(Step::act("install", step));
        }
        let setting = fence_setting::of(&target, &wanted.user);
        if let Some(name) = &written {
            let write = WriteFence {
                context: name.clone(),
                setting: setting.clone(),
                host: probe.host,
                paths: ctx.around.paths.clone(),
                interrupt: interrupt.clone(),
            };
            item = item.touches(write.describe()).step(Step::act("context", write));
        }
        let change = Change::one(format!("install the fence on {target}"), item);
        let session = ctx.without_api(&context, "root");
        ctx.carry_out(&session, change, |_, _| Ok(serde_json::Map::new()))?;
        if ctx.global.plan.is_none() {
            next(ctx, written.as_deref(), &setting)?;
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

/// What to do after an installation: check it, give ssh a key, or name the context.
fn next(ctx: &Ctx, written: Option<&str>, setting: &Setting) -> Result<()> {
    let place = setting.host.as_deref().map_or_else(|| "via = \"local\"".to_owned(), |host| format!("via = \"ssh\", host = \"{host}\""));
    let Some(name) = written else {
        ctx.out.hint(format!(
            "repeat it with `-c NAME` to use it in a context, or add `fence = {{ {place} }}` with `felhom context edit NAME`"
        ));
        return Ok(());
    };
    let Some(setting) = ctx.config()?.context(name)?.fence.clone() else { return Ok(()) };
    match Fence::of(&setting, ctx.around.interrupt.clone()).and_then(|fence| fence.ask(UsbStatus {})) {
        Ok(_) => ctx.out.hint(format!("check what the helper allows with `felhom fence check -c {name}`")),
        Err(fault) => {
            ctx.out.warn(format!("context '{name}' does not reach the helper yet: {fault}"));
            if fault.kind == Kind::Unauthenticated {
                ctx.out.hint("repeat it with `--key FILE`: the public key that ssh uses for this host");
            }
        }
    }
    Ok(())
}

/// The context whose rules apply to the installation, and the name of the one that gets the fence. With -c both are that one. Otherwise
/// the contexts of this host count: the strictest for the rules; the current or only one for the fence. Without any, the journal names
/// the host.
fn contexts(ctx: &Ctx, target: &Place) -> Result<(Context, Option<String>)> {
    if ctx.around.fixed.is_some() {
        return Err(Fault::usage("the demo host has its fence already; --ssh and --local name a real host")
            .with_hint("run it without `demo` to install it on a real host"));
    }
    let place = Context::new(target.to_string());
    // A staged installation without a context is applied under the name of its host, which no context can have.
    if ctx.global.context.as_ref().is_some_and(|name| *name != place.name) {
        let context = ctx.context()?;
        let name = Some(context.name.clone()).filter(|name| name != FROM_ENV);
        return Ok((context, name));
    }
    let is_about = |context: &Context| match target {
        Place::Local => context.transport == Transport::Local || context.fence.as_ref().is_some_and(|fence| fence.via == FenceVia::Local),
        Place::Ssh(there) => {
            let named = context.ssh.iter().map(|ssh| &ssh.host).chain(context.fence.iter().filter_map(|fence| fence.host.as_ref()));
            let hosts = context.endpoints.iter().map(|endpoint| endpoint.url.host.trim_matches(['[', ']']));
            hosts.chain(named.map(|name| host_of(name))).any(|host| host == host_of(there))
        }
    };
    let strictness = |context: &Context| match context.writes {
        Writes::Allow => 0,
        Writes::Stage => 1,
        Writes::Deny => 2,
    };
    let config = ctx.config()?;
    let current = config.resolve(&ctx.around.env, None).ok().map(|context| context.name);
    let of_host: Vec<Context> = config.contexts.into_values().filter(is_about).collect();
    let written = match of_host.as_slice() {
        [only] => Some(only.name.clone()),
        several => current.filter(|name| several.iter().any(|context| context.name == *name)),
    };
    Ok((of_host.into_iter().max_by_key(strictness).unwrap_or(place), written))
}

fn read_key(path: &std::path::Path) -> Result<SshKey> {
    let text = std::fs::read_to_string(path).map_err(|e| Fault::io(format!("read {}", path.display()), &e))?;
    SshKey::new(text.trim())
        .map_err(|_| Fault::usage(format!("{} is not a public ssh key", path.display())).with_hint("pass the file that ends with .pub"))
}
