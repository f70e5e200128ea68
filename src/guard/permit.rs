//! The proof that a write passed the guard.

use crate::api::Call;
use crate::fault::Result;
use crate::interrupt::Interrupt;
use crate::transport::Client;

/// Only this module's parent can make one; a transport's write path takes nothing without it.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Stops the task of a change that passed, after the signal that `stop` does not hear.
pub fn stop_task(client: &Client, call: &Call<()>, stop: &Interrupt) -> Result<()> {
    client.send_until(&call.request, &Permit::new(), stop).map(drop)
}
