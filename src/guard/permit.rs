//! The proof that a write passed the guard.

use crate::api::Call;
use crate::fault::Result;
use crate::transport::Client;

/// Only this module's parent can make one; a transport's write path takes nothing without it.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Stops the task of a change that has passed already, when the person who waits for it gives up.
pub fn stop_task(client: &Client, call: &Call<()>) -> Result<()> {
    client.send(&call.request, &Permit::new()).map(drop)
}
