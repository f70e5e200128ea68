//! `felhom guest`.

mod clone;
mod config;
#[cfg(feature = "fence")]
mod create;
mod delete;
mod disk;
mod exec;
mod file;
mod ip;
mod list;
pub mod migrate;
mod next_id;
mod power;
mod restore;
mod set;
mod show;
mod tag;

pub use list::status_tone;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Guest {
    List(list::List),
    Show(show::Show),
    Config(config::Config),
    Restore(Box<restore::Restore>),
    Set(set::Set),
    /// Manage disks and mount points
    #[command(subcommand, visible_alias = "mountpoint")]
    Disk(disk::Disk),
    NextId(next_id::NextId),
    /// Create guests
    #[cfg(feature = "fence")]
    #[command(subcommand)]
    Create(create::Create),
    Clone(clone::Clone),
    Migrate(migrate::Migrate),
    Start(power::Start),
    Stop(power::Stop),
    Shutdown(power::Shutdown),
    Reboot(power::Reboot),
    Suspend(power::Suspend),
    Resume(power::Resume),
    Delete(delete::Delete),
    Ip(ip::Ip),
    Exec(exec::Exec),
    /// Read and write files inside VMs
    #[command(subcommand)]
    File(file::File),
    /// Manage tags of guests
    #[command(subcommand)]
    Tag(tag::Tag),
}

impl Guest {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Config(verb) => verb.run(ctx),
            Self::Restore(verb) => verb.run(ctx),
            Self::Set(verb) => verb.run(ctx),
            Self::Disk(noun) => noun.run(ctx),
            Self::NextId(verb) => verb.run(ctx),
            #[cfg(feature = "fence")]
            Self::Create(verb) => verb.run(ctx),
            Self::Clone(verb) => verb.run(ctx),
            Self::Migrate(verb) => verb.run(ctx),
            Self::Start(verb) => verb.run(ctx),
            Self::Stop(verb) => verb.run(ctx),
            Self::Shutdown(verb) => verb.run(ctx),
            Self::Reboot(verb) => verb.run(ctx),
            Self::Suspend(verb) => verb.run(ctx),
            Self::Resume(verb) => verb.run(ctx),
            Self::Delete(verb) => verb.run(ctx),
            Self::Ip(verb) => verb.run(ctx),
            Self::Exec(verb) => verb.run(ctx),
            Self::File(noun) => noun.run(ctx),
            Self::Tag(noun) => noun.run(ctx),
        }
    }
}
