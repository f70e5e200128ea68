//! `felhom context trust`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::first_contact::accept;
use crate::cli::{Ctx, complete};
use crate::config::{Context, Editor, Endpoint, Transport};
use crate::fault::{Fault, Result};
use crate::ops::context::peer_certificate;
use crate::transport::tls::{self, PeerCert, Trust as Held};

use super::add::{planned_trust, trust_words};
use super::change::{Action, Changed, Status};
use super::trusting::{Pinned, TrustFlags, compare, widen};
use super::view::View;

/// Show a host's certificate and pin it or the cluster's CA
///
/// Shows each certificate that is not trusted yet and asks. If the cluster's CA signed it and the token can read the CA, the CA is pinned instead.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom context trust home\n  felhom context trust home --ca-file pve-root-ca.pem")]
pub struct Trust {
    /// Context [default: the current one]
    #[arg(value_name = "NAME", add = ArgValueCompleter::new(complete::contexts))]
    name: Option<String>,
    /// Name to check in the certificates [default: the endpoint's]
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    #[command(flatten)]
    flags: TrustFlags,
}

impl Trust {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let planned = ctx.planned_here()?;
        let named = super::named(ctx, self.name.as_deref())?;
        let config = ctx.config()?;
        let before = config.context(&named.name)?.clone();
        if before.transport != Transport::Https {
            return Err(Fault::usage(format!("the context {} does not go over https: there is no certificate to trust", before.name)));
        }
        let mut context = before.clone();
        if let Some(name) = &self.server_name {
            context.endpoints.iter_mut().for_each(|endpoint| endpoint.server_name = Some(name.clone()));
        }
        let mut pinned = self.flags.apply(&mut context)?;
        if !self.flags.offline {
            ctx.within_reach(&context.endpoints)?;
            if self.flags.settles() {
                context.endpoints.iter().try_for_each(|endpoint| compare(&context, endpoint, &ctx.around.interrupt))?;
            } else {
                self.meet(ctx, &mut context)?;
            }
            let by_leaf = context.ca_file.is_none() && !context.insecure && !context.system_roots;
            if by_leaf && !self.flags.leaf && !planned && pinned == Pinned::InPlace {
                pinned = ask_for_ca(ctx, &mut context);
            }
        }
        self.write(ctx, &before, &context, &pinned)
    }

    /// Shows and asks about each endpoint's untrusted certificate.
    fn meet(&self, ctx: &Ctx, context: &mut Context) -> Result<()> {
        for at in 0..context.endpoints.len() {
            let endpoint = context.endpoints[at].clone();
            let cert = peer_certificate(&endpoint, &ctx.around.interrupt)?;
            if !self.flags.leaf && holds(context, &endpoint, &cert)? {
                ctx.out.note(format!("{} shows a certificate that is trusted already", endpoint.url.authority()));
                continue;
            }
            accept(&endpoint, &cert, &ctx.out)?;
            context.endpoints[at].fingerprint = Some(cert.sha256);
            context.insecure = false;
        }
        Ok(())
    }

    fn write(&self, ctx: &Ctx, before: &Context, context: &Context, pinned: &Pinned) -> Result<()> {
        let mut changed = Changed::new(Action::Trust, Some(&before.name));
        let same_ca = match (pinned, &before.ca_file) {
            (Pinned::Ca(pem), Some(file)) => std::fs::read_to_string(file).is_ok_and(|held| same_certificates(&held, pem)),
            (Pinned::Ca(_), None) => false,
            (Pinned::InPlace, _) => true,
        };
        let apart_from_the_ca = Context { ca_file: before.ca_file.clone(), ..context.clone() };
        if same_ca && apart_from_the_ca == *before {
            changed.settings = Some(View::of(before, ctx.config()?.current.as_ref() == Some(&before.name)));
            return changed.show(ctx);
        }
        let planned = ctx.global.plan.is_some();
        changed.and(if planned && !self.flags.leaf { planned_trust(context, pinned) } else { trust_words(context, pinned) });
        if planned {
            changed.status = Status::Planned;
            return changed.show(ctx);
        }
        let mut editor = Editor::open(&ctx.around.paths, &ctx.around.interrupt)?;
        match pinned {
            Pinned::Ca(pem) => {
                editor.set(&Context { ca_file: None, ..context.clone() })?;
                editor.pin_ca(&before.name, pem)?;
            }
            Pinned::InPlace => editor.set(context)?,
        }
        let config = editor.config()?;
        editor.save()?;
        let current = config.current.as_ref() == Some(&before.name);
        changed.settings = config.contexts.get(&before.name).map(|context| View::of(context, current));
        changed.show(ctx)
    }
}

/// Whether the context already trusts this certificate.
fn holds(context: &Context, endpoint: &Endpoint, cert: &PeerCert) -> Result<bool> {
    Ok(match context.trust(endpoint)? {
        Some(Held::Pinned(fingerprint)) => fingerprint == cert.sha256,
        Some(Held::Ca { pem, server_name }) => {
            let asked = server_name.as_ref().unwrap_or(&endpoint.url.host);
            tls::chains_to(&cert.leaf_der, &pem) && tls::covers(&cert.leaf_der, asked)
        }
        Some(Held::System { .. }) => true,
        Some(Held::Insecure) | None => false,
    })
}

/// Returns the cluster's CA if the token may read it; otherwise the certificates are pinned.
fn ask_for_ca(ctx: &Ctx, context: &mut Context) -> Pinned {
    let session = ctx.open(context.clone());
    match session.client().and_then(|client| widen(client, context, &ctx.around.interrupt)) {
        Ok(pinned) => pinned,
        Err(fault) => {
            ctx.out.note(format!("the cluster's CA could not be asked for: {fault}"));
            Pinned::InPlace
        }
    }
}

fn same_certificates(a: &str, b: &str) -> bool {
    matches!((tls::certificates(a.as_bytes()), tls::certificates(b.as_bytes())), (Ok(a), Ok(b)) if a == b)
}
