//! `felhom storage upload`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use clap_complete::engine::ArgValueCompleter;

use crate::api::Attachment;
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::guard::{Change, Item, Target};
use crate::ops::upload::{self, Options};

/// Upload files to a storage
///
/// ISO images, container templates and disk images are streamed from disk. Name, content type, free space and existing files are
/// checked before the first byte. An upload that breaks off leaves nothing on the storage. Afterwards felhom checks that the volume exists.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom storage upload nas debian-13.iso --verify\n  felhom storage upload local debian-13.qcow2 --node pve1 --content import"
)]
pub struct Upload {
    /// Storage
    #[arg(value_name = "STORAGE", add = ArgValueCompleter::new(complete::storages))]
    storage: String,
    /// Files
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Node that receives the files [default: any that has the storage]
    #[arg(long, value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
    /// Content type: iso, vztmpl, import [default: by the extension]
    #[arg(long, value_name = "CONTENT")]
    content: Option<String>,
    /// Name on the storage [default: the file's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Checksum that the host verifies (sha256:HEX)
    #[arg(long, value_name = "ALGORITHM:HEX", value_parser = upload::checksum, conflicts_with = "verify")]
    checksum: Option<(String, String)>,
    /// Compute the checksum here and let the host verify it
    #[arg(long)]
    verify: bool,
    /// Replace a file with the same name
    #[arg(long)]
    overwrite: bool,
}

impl Upload {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let options =
            Options { content: self.content, name: self.name, checksum: self.checksum, verify: self.verify, overwrite: self.overwrite };
        upload::distinct(&self.files, &options)?;
        let session = ctx.session()?;
        let place = upload::place(&session, &self.storage, self.node.as_deref())?;
        let mut change = Change::new(match &self.files[..] {
            [file] => format!("upload '{}' to '{}'", file.display(), self.storage),
            files => format!("upload {} files to '{}'", files.len(), self.storage),
        });
        // More connections at a time would only share the same line.
        change.jobs = 2;
        let mut attachments: Vec<Attachment> = Vec::new();
        for file in &self.files {
            match upload::prepare(&session, &place, file, &options) {
                Ok((item, attachment)) => {
                    change.items.push(item);
                    attachments.push(attachment);
                }
                Err(fault) => {
                    let target = Target { node: Some(place.node.clone()), name: Some(file.display().to_string()), ..Target::default() };
                    change.items.push(Item::new("upload", target).refused(fault));
                }
            }
        }
        let transfers = ctx.out.transfers(&attachments);
        let done = ctx.carry_out(&session, change, |item, _| upload::verify(&session, &place, item));
        drop(transfers);
        done
    }
}
