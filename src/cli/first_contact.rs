//! The first time that a host is spoken to: its certificate is shown, and pinned where the person says so.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Context;
use crate::fault::Result;
use crate::transport::tls;
use crate::ui::{Out, prompt};

use super::Surroundings;

/// The context with every endpoint trusted. On a terminal an unknown certificate is shown and asked about; elsewhere it stays a
/// fault of the connection.
pub fn settle(context: &Context, _around: &Surroundings, out: &Arc<Out>) -> Result<Context> {
    let mut settled = context.clone();
    for endpoint in &mut settled.endpoints {
        if context.trust(endpoint)?.is_some() || !prompt::possible() {
            continue;
        }
        let cert = tls::probe(&endpoint.url.host, endpoint.url.port, endpoint.server_name.as_deref(), Duration::from_secs(5))?;
        for line in cert.first_contact(&endpoint.url.authority()) {
            out.note(line);
        }
        if prompt::confirm("Is this the right host?", false)? {
            endpoint.fingerprint = Some(cert.sha256);
        }
    }
    Ok(settled)
}
