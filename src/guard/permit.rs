//! Proof that a write was approved.

use crate::api::Call;
use crate::fault::Result;
use crate::interrupt::Interrupt;
use crate::transport::Client;

/// Required by the write path of transports. Only the parent module can create one.
#[derive(Debug)]
pub struct Permit(());

impl Permit {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Stops the task of an approved change after a signal, which `stop` does not receive.
pub fn stop_task(client: &Client, call: &Call<()>, stop: &Interrupt) -> Result<()> {
    client.send_until(&call.request, &Permit::new(), stop).map(drop)
}
