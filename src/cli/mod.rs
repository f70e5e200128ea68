//! The command line: a folder per noun, a file per verb. A command is its arguments and a `run`.

mod api;
mod backup;
pub mod complete;
mod context;
pub mod ctx;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
#[cfg(feature = "fence")]
mod fence;
mod first_contact;
mod global;
mod guest;
mod history;
mod node;
mod person;
mod plan;
mod plan_view;
mod results;
mod role;
mod routes;
mod sdn;
mod snapshot;
mod storage;
mod task;
mod unasked;
#[cfg(feature = "fence")]
mod usb;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::fault::{Fault, Kind, Result};
use crate::guard::redact;
use crate::ui::Out;

pub use ctx::{Ctx, Surroundings};
pub use global::{Global, PlanForm};

/// An operator's command line for Proxmox VE 9.
#[derive(Debug, Parser)]
#[command(
    name = "felhom",
    version,
    about,
    long_about = "An operator's command line for Proxmox VE 9: from an admin workstation, from cron, and for the first bootstrap of a host.\n\n\
                  It trusts only a task's exit status, shows what a change will do before it does it, and says which privilege is missing when it is denied.",
    after_help = "Try it without a host: felhom demo tour\nExit codes: 0 done, 2 usage, 3 refused, 4 denied, 5 not found, 6 task failed, 7 partly, 8 end not seen, 9 unreachable, 10 outcome unknown",
    propagate_version = false,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    args_override_self = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Containers and virtual machines
    #[command(subcommand, visible_alias = "guests")]
    Guest(guest::Guest),
    /// Snapshots of guests
    #[command(subcommand, visible_alias = "snapshots")]
    Snapshot(snapshot::Snapshot),
    /// Backups: make, list, check, keep and drop archives
    #[command(subcommand, visible_alias = "backups")]
    Backup(backup::Backup),
    /// The nodes of a cluster
    #[command(subcommand)]
    Node(node::Node),
    /// Software-defined networks: what waits, and applying it
    #[command(subcommand)]
    Sdn(sdn::Sdn),
    /// USB disks of the fence's host
    #[cfg(feature = "fence")]
    #[command(subcommand)]
    Usb(usb::Usb),
    /// The root helper: what it may do, and the proof of it
    #[cfg(feature = "fence")]
    #[command(subcommand)]
    Fence(fence::Fence),
    /// Storages and what they hold
    #[command(subcommand)]
    Storage(storage::Storage),
    /// Tasks: what the host works on, and what came of it
    #[command(subcommand)]
    Task(task::Task),
    Doctor(doctor::Doctor),
    /// felhom's own access: role, user, token, and what they can do
    #[command(subcommand)]
    Role(role::Role),
    /// Changes that were staged: look, apply, discard
    #[command(subcommand)]
    Plan(plan::Plan),
    /// What was changed from here, and how it ended
    History(history::History),
    /// Hosts and clusters: how they are reached, trusted and asked
    #[command(subcommand, visible_alias = "contexts")]
    Context(context::Context),
    /// Any call of the API, by its path
    #[command(subcommand)]
    Api(api::Api),
    /// Which call goes where, needs what, and risks what
    Routes(routes::Routes),
    /// The completion script for a shell
    Completions(complete::Completions),
    /// Any command against an embedded, simulated Proxmox host
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
}

impl Command {
    fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Guest(noun) => noun.run(ctx),
            Self::Snapshot(noun) => noun.run(ctx),
            Self::Backup(noun) => noun.run(ctx),
            Self::Node(noun) => noun.run(ctx),
            Self::Sdn(noun) => noun.run(ctx),
            Self::Storage(noun) => noun.run(ctx),
            #[cfg(feature = "fence")]
            Self::Usb(noun) => noun.run(ctx),
            #[cfg(feature = "fence")]
            Self::Fence(noun) => noun.run(ctx),
            Self::Task(noun) => noun.run(ctx),
            Self::Doctor(verb) => verb.run(ctx),
            Self::Role(noun) => noun.run(ctx),
            Self::Plan(noun) => noun.run(ctx),
            Self::History(verb) => verb.run(ctx),
            Self::Context(noun) => noun.run(ctx),
            Self::Api(noun) => noun.run(ctx),
            Self::Routes(verb) => verb.run(ctx),
            Self::Completions(verb) => verb.run(ctx),
            #[cfg(feature = "demo")]
            Self::Demo(verb) => verb.run(ctx),
        }
    }
}

/// The whole program: arguments in, exit code out.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    complete::answer();
    let surroundings = match Surroundings::of_process() {
        Ok(surroundings) => surroundings,
        Err(fault) => {
            Out::new(crate::ui::Options::default()).fault(&fault);
            return ExitCode::from(fault.exit_code());
        }
    };
    ExitCode::from(run(args, surroundings))
}

/// Parses and runs one command line in the given surroundings.
pub fn run(args: impl IntoIterator<Item = OsString>, surroundings: Surroundings) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let matches = match Cli::command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return usage(&args, error),
    };
    let verb = verb_name(&matches);
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&args, error),
    };
    let ctx = Ctx::new(cli.global, surroundings, verb, &args);
    match ctx.out.check().and_then(|()| cli.command.run(&ctx)) {
        Ok(()) => 0,
        Err(mut fault) => {
            ctx.explain(&mut fault, None);
            redact::fault(&mut fault);
            ctx.write_down(&fault);
            if ctx.around.fixed.is_some() {
                fault.hint = Some(in_the_demo(&fault.full_hint()));
            }
            ctx.out.fault(&fault);
            fault.exit_code()
        }
    }
}

/// The same commands, against the demo host.
fn in_the_demo(hint: &str) -> String {
    hint.replace("`felhom ", "`felhom demo ").replace("`felhom demo demo ", "`felhom demo ")
}

/// `guest list`: the names of the subcommands.
fn verb_name(matches: &clap::ArgMatches) -> String {
    let mut words = Vec::new();
    let mut inner = matches;
    while let Some((name, next)) = inner.subcommand() {
        words.push(name.to_owned());
        inner = next;
    }
    words.join(" ")
}

/// Help and version go to stdout; a mistake to stderr, as one JSON object where JSON was asked for.
fn usage(args: &[OsString], mut error: clap::Error) -> u8 {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if !error.use_stderr() {
        let _ = error.print();
        return 0;
    }
    let wants_json = args.windows(2).any(|pair| (pair[0] == "-o" || pair[0] == "--output") && (pair[1] == "json" || pair[1] == "jsonl"))
        || args.iter().any(|arg| arg == "-ojson" || arg == "--output=json" || arg == "--output=jsonl")
        || std::env::var("FELHOM_OUTPUT").is_ok_and(|format| format.starts_with("json"));
    let wants_json = wants_json && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let text = error.render().to_string();
    // The parser repeats what it was given: a token id with its secret behind it, say.
    let told = redact::text(&text);
    if wants_json || told != text {
        let message = told.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let mut fault = Fault::new(Kind::Usage, message);
        fault.hint = elsewhere(&error).map(str::to_owned);
        let format = wants_json.then_some(crate::ui::Format::Json);
        Out::new(crate::ui::Options { format, ..Default::default() }).fault(&fault);
        return fault.exit_code();
    }
    if let Some(tip) = elsewhere(&error) {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    let _ = error.print();
    Kind::Usage.exit()
}

/// Where a word belongs that stands in the wrong place.
fn elsewhere(error: &clap::Error) -> Option<&'static str> {
    let pveum = |value: &clap::error::ContextValue| matches!(value, clap::error::ContextValue::String(word) if word == "pveum");
    error
        .context()
        .any(|(_, value)| pveum(value))
        .then_some("--plan=pveum, with the equals sign, shows the plan as commands for root on the node")
}
