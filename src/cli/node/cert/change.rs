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

/// Install a custom certificate on a node
///
/// Before it asks it says who is cut off: whether this context still trusts the node with it, above all.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom node cert upload pve1 --certificate pve1.pem --key pve1.key --restart --plan\n  felhom node cert upload pve1 --certificate renewed.pem --replace --restart --yes"
)]
pub struct Upload {
    /// Node [default: the only one]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Certificate and its chain (PEM)
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Private key (PEM) [default: the installed one]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Replace an installed custom certificate
    #[arg(long)]
    replace: bool,
    /// Restart the API service to use it at once
    #[arg(long)]
    restart: bool,
}

/// Delete a node's custom certificate
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  felhom node cert delete pve1 --restart --yes")]
pub struct Delete {
    /// Node [default: the only one]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Restart the API service to use it at once
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
        let item = certificates::upload(&context, &node, new);
        ctx.carry_out(&session, Change::one(format!("give {node} the certificate {}", cert.sha256), item), |_, _| {
            certificates::verify(&session, &node, Some(&cert))
        })
    }
}

impl Delete {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let node = pick(&session, self.node.as_deref())?;
        let item = certificates::delete(&session, &node, self.restart)?;
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
