//! `felhom backup`.

mod age;
mod change;
mod job;
mod list;
mod prune;
mod run;
mod scope;
mod show;
mod shown;
mod verify;

use clap::Subcommand;

use crate::cli::Ctx;
use crate::fault::Result;

#[derive(Debug, Subcommand)]
pub enum Backup {
    Run(Box<run::Run>),
    List(list::List),
    Show(show::Show),
    Verify(verify::Verify),
    Delete(change::Delete),
    Protect(change::Protect),
    Unprotect(change::Unprotect),
    Notes(change::Notes),
    Prune(prune::Prune),
    Age(age::Age),
    Scope(scope::Scope),
    /// Manage scheduled backup jobs
    #[command(subcommand)]
    Job(job::Job),
}

impl Backup {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Run(verb) => verb.run(ctx),
            Self::List(verb) => verb.run(ctx),
            Self::Show(verb) => verb.run(ctx),
            Self::Verify(verb) => verb.run(ctx),
            Self::Delete(verb) => verb.run(ctx),
            Self::Protect(verb) => verb.run(ctx),
            Self::Unprotect(verb) => verb.run(ctx),
            Self::Notes(verb) => verb.run(ctx),
            Self::Prune(verb) => verb.run(ctx),
            Self::Age(verb) => verb.run(ctx),
            Self::Scope(verb) => verb.run(ctx),
            Self::Job(noun) => noun.run(ctx),
        }
    }
}
