//! The command line: a folder per noun, a file per verb. A command is its arguments and a `run`.

mod api;
mod backup;
pub mod complete;
mod context;
pub mod ctx;
mod declared;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod empty;
#[cfg(feature = "fence")]
mod fence;
mod first_contact;
mod global;
mod guest;
pub mod help;
mod history;
mod later;
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

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::fault::{Fault, Kind, Result};
use crate::guard::redact;
use crate::nouns::{self, Noun, Verb};
use crate::ui::Out;
use later::Later;

pub use ctx::{Ctx, Surroundings};
pub use global::{Global, PlanForm};

/// Command line for operators of Proxmox VE 9
#[derive(Debug, Parser)]
#[command(
    name = "felhom",
    version,
    about,
    after_help = "Examples:\n  felhom demo tour                         try it without a host\n  felhom role bootstrap --host 192.0.2.10  set up access to a host\n  felhom guest list",
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
    /// Manage containers and VMs
    #[command(subcommand, visible_alias = "guests")]
    Guest(Later<guest::Guest>),
    /// Create, list, roll back and delete snapshots
    #[command(subcommand, visible_alias = "snapshots")]
    Snapshot(Later<snapshot::Snapshot>),
    /// Create, list, check and prune backups
    #[command(subcommand, visible_alias = "backups")]
    Backup(Later<backup::Backup>),
    /// Manage nodes
    #[command(subcommand)]
    Node(Later<node::Node>),
    /// Manage software-defined networks (SDN)
    #[command(subcommand)]
    Sdn(Later<sdn::Sdn>),
    /// Mount and unmount USB disks
    #[cfg(feature = "fence")]
    #[command(subcommand)]
    Usb(Later<usb::Usb>),
    /// Install and check the root helper
    #[cfg(feature = "fence")]
    #[command(subcommand)]
    Fence(Later<fence::Fence>),
    /// Manage storages and their content
    #[command(subcommand)]
    Storage(Later<storage::Storage>),
    /// Show, follow, wait for and stop tasks
    #[command(subcommand)]
    Task(Later<task::Task>),
    Doctor(doctor::Doctor),
    /// Manage felhom's own role, user and token
    #[command(subcommand)]
    Role(Later<role::Role>),
    /// Show, apply and discard staged changes
    #[command(subcommand)]
    Plan(Later<plan::Plan>),
    /// Show changes made from this machine
    History(history::History),
    /// Manage contexts (hosts and clusters)
    #[command(subcommand, visible_alias = "contexts")]
    Context(Later<context::Context>),
    /// Call the API directly
    #[command(subcommand)]
    Api(Later<api::Api>),
    /// Show the API calls, privileges and risk of each command
    Routes(routes::Routes),
    /// Print a shell completion script
    Completions(complete::Completions),
    /// Run any command against a simulated Proxmox host
    #[cfg(feature = "demo")]
    Demo(demo::Demo),
    Help(help::Help),
}

impl Command {
    fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Guest(Later(noun)) => noun.run(ctx),
            Self::Snapshot(Later(noun)) => noun.run(ctx),
            Self::Backup(Later(noun)) => noun.run(ctx),
            Self::Node(Later(noun)) => noun.run(ctx),
            Self::Sdn(Later(noun)) => noun.run(ctx),
            Self::Storage(Later(noun)) => noun.run(ctx),
            #[cfg(feature = "fence")]
            Self::Usb(Later(noun)) => noun.run(ctx),
            #[cfg(feature = "fence")]
            Self::Fence(Later(noun)) => noun.run(ctx),
            Self::Task(Later(noun)) => noun.run(ctx),
            Self::Doctor(verb) => verb.run(ctx),
            Self::Role(Later(noun)) => noun.run(ctx),
            Self::Plan(Later(noun)) => noun.run(ctx),
            Self::History(verb) => verb.run(ctx),
            Self::Context(Later(noun)) => noun.run(ctx),
            Self::Api(Later(noun)) => noun.run(ctx),
            Self::Routes(verb) => verb.run(ctx),
            Self::Completions(verb) => verb.run(ctx),
            #[cfg(feature = "demo")]
            Self::Demo(verb) => verb.run(ctx),
            Self::Help(verb) => verb.run(ctx),
        }
    }
}

/// The command line: the hand-written commands and the declared ones. Of a noun only what is invoked is built.
pub fn command() -> clap::Command {
    declared::graft_beside(Cli::command())
}

/// The same with every command built: for completion, manuals and tests.
pub fn command_built() -> clap::Command {
    declared::graft_built(later::whole(Cli::command))
}

/// The whole program: arguments in, exit code out.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    #[cfg(feature = "exec")]
    {
        use crate::ui::jq;
        if args.get(1).is_some_and(|arg| arg == jq::WORKER_ARGUMENT) {
            return ExitCode::from(jq::serve());
        }
        jq::isolate();
    }
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
    let matches = match command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return usage(&args, error),
    };
    let verb = verb_name(&matches);
    if let Some(error) = empty::find(&matches) {
        return usage(&args, error);
    }
    let (global, job) = match parsed(&verb, &matches) {
        Ok(parsed) => parsed,
        Err(error) => return usage(&args, error),
    };
    let ctx = Ctx::new(global, surroundings, verb, &args);
    match ctx.out.check().and_then(|()| job.run(&ctx)) {
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

/// What a command line runs.
enum Job<'a> {
    Written(Box<Command>),
    Declared(&'static Noun, &'static Verb, &'a ArgMatches),
}

impl Job<'_> {
    fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Written(command) => command.run(ctx),
            Self::Declared(noun, verb, matches) => declared::run(ctx, noun, verb, matches),
        }
    }
}

fn parsed<'a>(verb: &str, matches: &'a ArgMatches) -> std::result::Result<(Global, Job<'a>), clap::Error> {
    if let Some((noun, verb)) = nouns::find(verb) {
        let mut inner = matches;
        while let Some((_, next)) = inner.subcommand() {
            inner = next;
        }
        return Ok((Global::from_arg_matches(matches)?, Job::Declared(noun, verb, inner)));
    }
    let cli = Cli::from_arg_matches(matches)?;
    Ok((cli.global, Job::Written(Box::new(cli.command))))
}

/// The same commands, against the demo host.
fn in_the_demo(hint: &str) -> String {
    hint.replace("`felhom ", "`felhom demo ").replace("`felhom demo demo ", "`felhom demo ")
}

/// `guest list`: the names of the subcommands.
fn verb_name(matches: &ArgMatches) -> String {
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
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand)
        && let Some(code) = help_page(args, error.kind())
    {
        return code;
    }
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

/// Shows the help page that the arguments ask for: on stdout for a help flag, on stderr where a command is missing.
fn help_page(args: &[OsString], kind: clap::error::ErrorKind) -> Option<u8> {
    let asked = kind == clap::error::ErrorKind::DisplayHelp;
    let out = Out::new(crate::ui::Options::default());
    let names = help::names(args);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let long = args.iter().any(|arg| arg == "--help");
    let width = out.screen().width.unwrap_or(out.screen().stderr_width);
    let page = help::text(&names, long, width)?;
    if asked {
        let _ = out.help(&page);
        return Some(0);
    }
    out.usage(&page);
    Some(Kind::Usage.exit())
}

/// Where a word belongs that stands in the wrong place.
fn elsewhere(error: &clap::Error) -> Option<&'static str> {
    let pveum = |value: &clap::error::ContextValue| matches!(value, clap::error::ContextValue::String(word) if word == "pveum");
    error
        .context()
        .any(|(_, value)| pveum(value))
        .then_some("--plan=pveum, with the equals sign, shows the plan as commands for root on the node")
}
