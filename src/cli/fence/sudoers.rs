//! `felhom fence sudoers`.

use clap::Args;

use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::fence::sudoers;

/// Print the sudoers rule for a manual installation
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom fence sudoers\n  felhom fence sudoers --user operator > felhom && visudo -scPOf felhom\n\nIt belongs to /etc/sudoers.d/felhom, root:root, mode 0440."
)]
pub struct Sudoers {
    /// User that may run the helper
    #[arg(long, value_name = "USER", default_value = sudoers::USER)]
    user: String,
}

impl Sudoers {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        sudoers::check_user(&self.user).map_err(Fault::usage)?;
        ctx.out.text(&sudoers::text(&self.user))
    }
}
