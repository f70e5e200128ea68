//! `felhom usb mount`.

use clap::{Args, ValueEnum};

use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::fence::request::{MountOption, Persist};
use crate::fence::text::{MountName, StorageId, Uuid};
use crate::ops::usb;

/// Mount a USB disk by UUID, now and at every boot
///
/// The fence checks everything again as root: a disk of the running system, of a volume group or pool, with a twin of the same
/// UUID, or mounted elsewhere is refused. The place is an empty directory that nothing can be written into while the disk is away.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom usb mount 3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b --name backup\n  felhom usb mount 3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b --name backup --as-storage --content backup\n  felhom usb mount A1B2-C3D4 --name stick --persist none --options ro"
)]
pub struct Mount {
    /// Filesystem UUID, as shown by `felhom usb list`
    #[arg(value_name = "UUID")]
    uuid: Uuid,
    /// Name of the mount; it is mounted at /mnt/pve/NAME
    #[arg(long, value_name = "NAME")]
    name: MountName,
    /// Extra mount options
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    options: Vec<Extra>,
    /// How the mount is made persistent
    #[arg(long, value_name = "METHOD", default_value = "unit")]
    persist: Lasting,
    /// Add it to Proxmox as a storage [default ID: NAME]
    #[arg(long, value_name = "ID", num_args = 0..=1)]
    as_storage: Option<Option<StorageId>>,
    /// Content types of the storage
    #[arg(long, value_name = "A,B", value_delimiter = ',', default_value = "backup", requires = "as_storage")]
    content: Vec<Content>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lasting {
    /// A systemd mount unit
    Unit,
    /// A marked line in /etc/fstab
    Fstab,
    /// Not at all: until the next boot
    None,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Extra {
    Ro,
    Sync,
    Dirsync,
    Discard,
    Lazytime,
    Flush,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Content {
    Backup,
    Iso,
    Vztmpl,
    Snippets,
    Images,
    Rootdir,
}

impl Content {
    fn word(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Iso => "iso",
            Self::Vztmpl => "vztmpl",
            Self::Snippets => "snippets",
            Self::Images => "images",
            Self::Rootdir => "rootdir",
        }
    }
}

impl Mount {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let storage = match self.as_storage {
            None => None,
            Some(id) => {
                let id = match id {
                    Some(id) => id,
                    None => StorageId::new(self.name.as_str())
                        .map_err(|why| Fault::usage(why).with_hint("choose a name with --as-storage ID"))?,
                };
                Some((id, self.content.iter().map(|c| c.word().to_owned()).collect()))
            }
        };
        let ask = usb::Mount {
            uuid: self.uuid,
            name: self.name,
            persist: match self.persist {
                Lasting::Unit => Persist::Unit,
                Lasting::Fstab => Persist::Fstab,
                Lasting::None => Persist::None,
            },
            options: self.options.iter().map(|o| option(*o)).collect(),
            storage,
        };
        let session = ctx.session()?;
        let change = usb::mount(&session, &ctx.fence()?, &ask)?;
        ctx.carry_out(&session, change, |_, done| Ok(usb::mounted(&done.outputs)))
    }
}

fn option(extra: Extra) -> MountOption {
    match extra {
        Extra::Ro => MountOption::Ro,
        Extra::Sync => MountOption::Sync,
        Extra::Dirsync => MountOption::Dirsync,
        Extra::Discard => MountOption::Discard,
        Extra::Lazytime => MountOption::Lazytime,
        Extra::Flush => MountOption::Flush,
    }
}
