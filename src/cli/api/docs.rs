//! The host's description of its API, cached by host and version.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::api::docs::{Docs, Node, PATH};
use crate::api::{cluster, schema};
use crate::cli::{Ctx, first_contact};
use crate::config::{Context, Transport, files};
use crate::fault::{Fault, Kind, Result};
use crate::guard::redact;
use crate::transport::https::{Https, Login};

/// How long a description of unknown version is cached.
const UNVERSIONED: Duration = Duration::from_secs(24 * 3600);

/// Returns the description from the cache if it has the host's version, else from the host, else the embedded schema. Only the host's
/// version requires a login.
pub fn load(ctx: &Ctx) -> Result<Docs> {
    let context = match ctx.context() {
        Err(fault) if fault.kind == Kind::Config && ctx.config().is_ok_and(|config| config.contexts.is_empty()) => {
            ctx.out.note("no host is configured: showing the API of Proxmox VE 9.2, without prose");
            return Docs::parse(&schema::apidoc());
        }
        found => found?,
    };
    if context.transport != Transport::Https {
        return embedded(ctx);
    }
    let context = first_contact::settle(&context, &ctx.around, &ctx.out)?;
    let version = version(ctx, &context);
    let file = file(ctx, &context, version.as_deref());
    if let Some(docs) = cached(&file, version.is_some()) {
        return Ok(docs);
    }
    let log = Arc::clone(&ctx.out);
    let interrupt = ctx.around.interrupt.clone();
    let https = Https::new(&context, &ctx.around.env, interrupt, Login::Nobody, Box::new(move |line| log.debug(2, redact::text(line))))?;
    // A node without the documentation package, or a proxy, returns something else.
    let served = https.fetch_text(PATH).and_then(|script| Ok((Docs::parse(&script)?, script)));
    let (docs, script) = match served {
        Ok(served) => served,
        Err(fault) if matches!(fault.kind, Kind::NotFound | Kind::Host) => return embedded(ctx),
        Err(fault) => return Err(fault),
    };
    let kept = file.parent().map_or(Ok(()), files::private_dir).and_then(|()| files::replace(&file, script.as_bytes()));
    if let Err(fault) = kept {
        ctx.out.debug(1, format!("not cached: {fault}"));
    }
    Ok(docs)
}

/// The embedded schema of Proxmox VE 9.2.
fn embedded(ctx: &Ctx) -> Result<Docs> {
    ctx.out.note("the host does not serve its API description: showing the one of Proxmox VE 9.2, without prose");
    Docs::parse(&schema::apidoc())
}

fn version(ctx: &Ctx, context: &Context) -> Option<String> {
    context.token_id.as_ref()?;
    let session = ctx.open(context.clone());
    let version = session.client().and_then(|client| client.get_once(&cluster::version()));
    match version {
        Ok(version) => Some(format!("{}-{}", version.version, version.repoid)),
        Err(fault) => {
            ctx.out.debug(1, format!("the host's version is not known: {fault}"));
            None
        }
    }
}

/// `apidoc/pve1.lan_8006-9.2.11-14a22df35955d97d.js`
fn file(ctx: &Ctx, context: &Context, version: Option<&str>) -> PathBuf {
    let host = context.endpoints.first().map(|endpoint| endpoint.url.authority()).unwrap_or_default();
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    let name: String = format!("{host}-{}", version.unwrap_or("unknown")).chars().map(safe).take(200).collect();
    ctx.around.paths.cache.join("apidoc").join(name + ".js")
}

/// Reads a cached file. An invalid file is fetched again.
fn cached(file: &std::path::Path, versioned: bool) -> Option<Docs> {
    let age = std::fs::metadata(file).ok()?.modified().ok().and_then(|then| SystemTime::now().duration_since(then).ok());
    if !versioned && age.is_none_or(|age| age > UNVERSIONED) {
        return None;
    }
    Docs::parse(&std::fs::read_to_string(file).ok()?).ok()
}

/// Finds the node of a path, or suggests similar paths.
pub fn find<'d>(docs: &'d Docs, path: &str) -> Result<&'d Node> {
    let segments = segments(path)?;
    docs.find(&segments).ok_or_else(|| {
        let above = (1..segments.len()).rev().find_map(|upto| docs.find(&segments[..upto]));
        Fault::not_found(format!("the API has no path {path}")).with_hint(match above {
            Some(node) => format!("list the paths with `felhom api ls {}`", node.path),
            None => "list the paths with `felhom api ls /`".to_owned(),
        })
    })
}

pub fn segments(path: &str) -> Result<Vec<String>> {
    let path = path.strip_prefix("/api2/json").unwrap_or(path);
    if !path.starts_with('/') {
        return Err(Fault::usage(format!("'{path}' is no path")).with_hint("start the path with a slash: /nodes/{node}/lxc"));
    }
    Ok(super::send::segments(path))
}
