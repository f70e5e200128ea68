//! The first time that a host is spoken to: its certificate is shown, and pinned where the person says so.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Context;
use crate::fault::Result;
use crate::transport::tls::{self, PeerCert};
use crate::ui::{Out, prompt, units};

use super::Surroundings;

/// How long a look at a certificate may take.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// The context with every endpoint trusted. On a terminal an unknown certificate is shown and asked about; elsewhere it stays a
/// fault of the connection.
pub fn settle(context: &Context, _around: &Surroundings, out: &Arc<Out>) -> Result<Context> {
    let mut settled = context.clone();
    for endpoint in &mut settled.endpoints {
        if context.trust(endpoint)?.is_some() || !prompt::present() {
            continue;
        }
        let cert = tls::probe(&endpoint.url.host, endpoint.url.port, endpoint.server_name.as_deref(), PATIENCE)?;
        for line in lines(&cert, &endpoint.url.authority()) {
            out.note(line);
        }
        if prompt::confirm("Is this the right host?", false)? {
            endpoint.fingerprint = Some(cert.sha256);
        }
    }
    Ok(settled)
}

/// What a person needs to tell the right certificate from a wrong one.
pub fn lines(cert: &PeerCert, authority: &str) -> Vec<String> {
    let days = cert.days_left(units::now());
    vec![
        format!("{authority} is not known yet. Its certificate:"),
        format!("  subject      {}", cert.subject),
        format!("  issuer       {}", cert.issuer),
        format!("  valid        {} to {} ({days} days left)", units::local_time(cert.not_before), units::local_time(cert.not_after)),
        format!("  fingerprint  {}", cert.sha256),
        "On the host this prints the right one:".into(),
        "  openssl x509 -noout -fingerprint -sha256 -in /etc/pve/local/pve-ssl.pem".into(),
    ]
}
