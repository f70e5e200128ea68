//! The process environment that a command runs in.

use std::sync::Arc;

use crate::config::{Context, Env, Paths};
use crate::fault::{Fault, Result};
use crate::guard::Applying;
use crate::interrupt::Interrupt;

/// Everything a command depends on that is not on its command line.
#[derive(Clone)]
pub struct Surroundings {
    pub env: Env,
    pub paths: Paths,
    pub interrupt: Interrupt,
    /// Context that overrides the configuration, secret included: the demo host's.
    pub fixed: Option<Context>,
    /// Staged change that this run applies.
    pub applying: Option<Arc<Applying>>,
}

impl Surroundings {
    pub fn of_process() -> Result<Self> {
        let env = Env::system();
        let paths = Paths::from_env(&env)?;
        let interrupt = Interrupt::install().map_err(|error| Fault::io("listen for signals", &error))?;
        Ok(Self { env, paths, interrupt, fixed: None, applying: None })
    }
}
