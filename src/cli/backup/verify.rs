//! `felhom backup verify`.

use clap::Args;
use serde::Serialize;

use crate::api::backup;
use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::ops::backup::archive::{self, Archive, Filter};
use crate::ops::restore::config;
use crate::session::Session;
use crate::ui::{Cell, Column, Row, Tone};

/// Check that a backup is complete and readable
#[derive(Debug, Args)]
#[command(
    long_about = "Check that a backup is complete and readable\n\nChecks that the backup is listed, is not empty and contains the guest's configuration, and on Proxmox Backup Server that its own verification succeeded. Only a restore proves the content: `felhom guest restore BACKUP` restores it next to the guest.",
    after_help = "Examples:\n  felhom backup verify vzdump-lxc-101-2026_11_20-12_01_44.tar.zst\n  felhom backup verify pbs:backup/ct/101/2026-11-20T12:01:44Z -o json"
)]
pub struct Verify {
    /// Backup, as shown by `felhom backup list`
    #[arg(value_name = "BACKUP")]
    archive: Option<String>,
    /// Node to ask [default: any that has the storage]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
}

/// A smaller backup is empty.
const LEAST: u64 = 512;

/// One check with its result.
#[derive(Debug, Serialize)]
struct Check {
    archive: String,
    check: &'static str,
    ok: bool,
    detail: String,
}

impl Verify {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let filter = Filter { node: self.node, ..Filter::default() };
        let archive = archive::one(&session, self.archive.as_deref(), &filter)?;
        let checks = checks(&session, &archive)?;
        ctx.out.list(&checks)?;
        let bad: Vec<&str> = checks.iter().filter(|check| !check.ok).map(|check| check.detail.as_str()).collect();
        if bad.is_empty() {
            return Ok(());
        }
        Err(Fault::other(format!("{} is not good: {}", archive.name(), bad.join("; ")))
            .with_hint("create another backup with `felhom backup run`; Proxmox Backup Server has its own verify jobs"))
    }
}

fn checks(session: &Session, archive: &Archive) -> Result<Vec<Check>> {
    let client = session.client()?;
    let check = |check: &'static str, ok: bool, detail: String| Check { archive: archive.archive.clone(), check, ok, detail };
    let size = client.get(&backup::attributes(&archive.node, &archive.archive))?.size.or(archive.size_bytes);
    let mut checks = vec![match size {
        Some(size) if size >= LEAST => check("size", true, crate::units::bytes(size)),
        Some(size) => check("size", false, format!("it has {size} bytes, which holds nothing")),
        None => check("size", false, "its size is not known".into()),
    }];
    checks.push(match client.get(&backup::extract_config(&archive.node, &archive.archive)) {
        Ok(text) => {
            let config = config::read(&text).values;
            let whole =
                config.contains_key("rootfs") || config.keys().any(|key| key == "memory" || key == "boot" || key.starts_with("net"));
            check(
                "config",
                whole,
                if whole { format!("{} settings", config.len()) } else { "the configuration in it is not a guest's".into() },
            )
        }
        Err(fault) if fault.kind == crate::fault::Kind::Denied => return Err(fault),
        Err(fault) => check("config", false, format!("the configuration in it cannot be read: {}", fault.message)),
    });
    if archive.on_backup_server() {
        checks.push(match archive.verification.as_deref() {
            Some("ok") => check("verification", true, "the backup server found it good".into()),
            Some(state) => check("verification", false, format!("the backup server's verification says: {state}")),
            None => check("verification", false, "the backup server has not verified it yet".into()),
        });
    }
    Ok(checks)
}

impl Row for Check {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("archive", |c: &Self| Cell::text(&c.archive)).title("BACKUP").hidden(),
            Column::new("check", |c: &Self| Cell::text(c.check)),
            Column::new("ok", |c: &Self| if c.ok { Cell::state("yes", Tone::Good) } else { Cell::state("no", Tone::Bad) }),
            Column::new("detail", |c: &Self| Cell::text(&c.detail)).flex(),
        ]
    }

    fn id(&self) -> String {
        self.check.to_owned()
    }

    fn noun() -> &'static str {
        "checks"
    }
}
