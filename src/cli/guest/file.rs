//! `felhom guest file`.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use clap_complete::engine::ArgValueCompleter;
use serde_json::Map;

use crate::api::agent::MOST_WRITTEN;
use crate::cli::{Ctx, complete};
use crate::fault::{Fault, Result};
use crate::guard::Change;
use crate::ops::{agent, guests};

#[derive(Debug, Subcommand)]
pub enum File {
    Read(ReadFile),
    Write(WriteFile),
}

impl File {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::Read(verb) => verb.run(ctx),
            Self::Write(verb) => verb.run(ctx),
        }
    }
}

/// Read a file inside a VM
///
/// The bytes are printed unchanged. Large files are read in pieces of 4 MiB.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest file read 201 /etc/os-release\n  felhom guest file read 201 /etc/hostname --to hostname")]
pub struct ReadFile {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Absolute path in the guest
    #[arg(value_name = "PATH")]
    path: String,
    /// Write to this file [default: stdout]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    to: Option<PathBuf>,
}

impl ReadFile {
    fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        agent::check(&session, &guest, "guest file read")?;
        let Some(to) = &self.to else {
            let read = agent::read(&session, &guest, &self.path, |bytes| ctx.out.raw(bytes));
            return read.map(drop).map_err(|fault| agent::explain(&guest, fault));
        };
        let failed = |error: &std::io::Error| Fault::io(format!("cannot write '{}'", to.display()), error);
        let mut part = to.clone().into_os_string();
        part.push(".part");
        // Only a complete file gets its name.
        let mut file = fs::File::create(&part).map_err(|error| failed(&error))?;
        let read = agent::read(&session, &guest, &self.path, |bytes| file.write_all(bytes).map_err(|error| failed(&error)));
        let size = read.and_then(|size| fs::rename(&part, to).map(|()| size).map_err(|error| failed(&error))).map_err(|fault| {
            let _ = fs::remove_file(&part);
            agent::explain(&guest, fault)
        })?;
        ctx.out.note(format!("read {size} bytes to '{}'", to.display()));
        Ok(())
    }
}

/// Write a file inside a VM
///
/// The guest agent overwrites an existing file and accepts at most 60 KiB. Afterwards felhom reads the file and compares it, if the
/// token may read files.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom guest file write 201 /etc/motd --from motd\n  echo 'net.ipv4.ip_forward=1' | felhom guest file write 201 /etc/sysctl.conf"
)]
pub struct WriteFile {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: String,
    /// Absolute path in the guest
    #[arg(value_name = "PATH")]
    path: String,
    /// Read from this file [default: stdin]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    from: Option<PathBuf>,
}

impl WriteFile {
    fn run(self, ctx: &Ctx) -> Result<()> {
        let content = self.content()?;
        let session = ctx.session()?;
        let guest = guests::one(&session, Some(&self.guest))?;
        agent::check(&session, &guest, "guest file write")?;
        let item = agent::write(&guest, &self.path, &content)?;
        let change = Change::one(format!("write '{}' in {}", self.path, guest.label()), item);
        ctx.carry_out(&session, change, |_, _| {
            agent::verify(&session, &guest, &self.path, &content)?;
            Ok(Map::new())
        })
        .map_err(|fault| agent::explain(&guest, fault))
    }

    fn content(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let most = MOST_WRITTEN as u64 + 1;
        let read = match &self.from {
            Some(path) => fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
            None => std::io::stdin().take(most).read_to_end(&mut bytes),
        };
        let name = self.from.as_ref().map_or_else(|| "standard input".to_owned(), |path| format!("'{}'", path.display()));
        read.map_err(|error| Fault::io(format!("cannot read {name}"), &error))?;
        Ok(bytes)
    }
}
