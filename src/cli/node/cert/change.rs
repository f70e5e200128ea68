//! `felhom node cert upload`, `delete`.

use std::path::{Path, PathBuf};

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::Change;
use crate::ops::certificates::{self, New};
use crate::ops::nodes::pick;
use crate::secret::Secret;

/// Give a node a certificate of your own
///
/// Before it asks it says who is cut off: whether this context still trusts the node with it, above all.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom node cert upload pve1 --certificate pve1.pem --key pve1.key --restart --plan\n  felhom node cert upload pve1 --certificate renewed.pem --replace --restart --yes"
)]
pub struct Upload {
    /// The node; may be left out when there is only one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// The certificate, and what else belongs to its chain, as PEM
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key as PEM; without it the one of the last upload
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Put it in the place of one that was given before
    #[arg(long)]
    replace: bool,
    /// Load the API anew, so that it is shown at once
    #[arg(long)]
    restart: bool,
}

/// Take a given certificate from a node, which shows the cluster's own again
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom node cert delete pve1 --restart --yes")]
pub struct Delete {
    /// The node; may be left out when there is only one
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Load the API anew, so that it is shown at once
    #[arg(long)]
    restart: bool,
}

impl Upload {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let pem = read(&self.certificate)?;
        let cert = certificates::parse(&pem).map_err(|why| Fault::usage(format!("{}: {why}", self.certificate.display())))?;
        let key = self.key.as_deref().map(key).transpose()?;
        let context = ctx.context()?;
        let session = ctx.session()?;
        let node = pick(&session, self.node.as_deref())?;
        let new = New { pem, cert: cert.clone(), key, replace: self.replace, restart: self.restart };
        let item = certificates::give(&context, &node, new);
        ctx.carry_out(&session, Change::one(format!("give {node} the certificate {}", cert.sha256), item), |_, _| {
            certificates::verify(&session, &node, Some(&cert))
        })
    }
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let node = pick(&session, self.node.as_deref())?;
        let item = certificates::take(&session, &node, self.restart)?;
        ctx.carry_out(&session, Change::one(format!("take the given certificate from {node}"), item), |_, _| {
            certificates::verify(&session, &node, None)
        })
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| Fault::io(format!("read {}", file.display()), &error))
}

fn key(file: &Path) -> Result<Secret> {
    let text = zeroize::Zeroizing::new(read(file)?);
    if text.contains("PRIVATE KEY-----") {
        return Ok(Secret::new(text.as_str()));
    }
    Err(Fault::usage(format!("{} holds no private key (-----BEGIN PRIVATE KEY-----)", file.display())))
}
