//! systemd's view of a mount unit: masks, drop-ins, overriding files, and whether the unit is loaded and enabled.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::record::unit_path;
use crate::fence::host::system::{Host, Tool};
use crate::fence::protocol::HelperError;
use crate::fence::request::Persist;
use crate::fence::text::{MountName, Uuid};
use crate::fence::unit::{self, UNIT_DIR};

/// systemd's unit directories, highest priority first (systemd.unit(5)).
const DIRS: [&str; 12] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    UNIT_DIR,
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    GENERATED,
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Directory of the units that systemd generates from fstab.
const GENERATED: &str = "/run/systemd/generator";

/// Returns why a unit of this mount would not behave as written.
pub(super) fn obstacle(host: &Host<'_>, name: &MountName, uuid: &Uuid, persist: Persist) -> Option<HelperError> {
    let mount = unit::unit_name(name.as_str());
    let fsck = unit::fsck_unit(uuid.as_str());
    let ours = match persist {
        Persist::Unit => UNIT_DIR,
        Persist::Fstab | Persist::None => GENERATED,
    };
    for (unit, names) in [(&mount, vec![mount.clone()]), (&fsck, vec![fsck.clone(), "systemd-fsck@.service".to_owned()])] {
        if let Some(path) = names.iter().find_map(|name| first(host, name)).filter(|path| is_null(&host.path(path))) {
            return Some(
                HelperError::refused(format!("{unit} is masked by {path}"))
                    .with_hint(format!("run `systemctl unmask '{unit}'` on the host")),
            );
        }
    }
    let overriding = DIRS.iter().take_while(|dir| **dir != ours).map(|dir| format!("{dir}/{mount}"));
    let automount = DIRS.iter().map(|dir| format!("{dir}/{}", mount.replace(".mount", ".automount")));
    let other = drop_ins(host, &mount).or_else(|| overriding.chain(automount).find(|path| exists(host, path)))?;
    Some(
        HelperError::refused(format!("{other} would change the behavior of {mount}"))
            .with_hint("remove it on the host, or choose another name"),
    )
}

/// Returns the file that systemd reads for a unit.
fn first(host: &Host<'_>, unit: &str) -> Option<String> {
    DIRS.iter().map(|dir| format!("{dir}/{unit}")).find(|path| exists(host, path))
}

fn exists(host: &Host<'_>, path: &str) -> bool {
    host.path(path).symlink_metadata().is_ok()
}

/// Whether systemd treats the file as a mask: a link to /dev/null, or an empty file.
fn is_null(path: &Path) -> bool {
    match fs::read_link(path) {
        Ok(target) => target == Path::new("/dev/null"),
        Err(_) => fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == 0),
    }
}

/// Returns the first drop-in of a mount unit: of the unit, of its name's prefixes (`mnt-pve-.mount.d`), or of all mounts.
fn drop_ins(host: &Host<'_>, mount: &str) -> Option<String> {
    let stem = mount.strip_suffix(".mount").unwrap_or(mount);
    let prefixes = stem.match_indices('-').map(|(at, _)| format!("{}-.mount.d", &stem[..at]));
    let folders: Vec<String> = [format!("{mount}.d"), "mount.d".to_owned()].into_iter().chain(prefixes).collect();
    for folder in folders {
        let mut seen = BTreeSet::new();
        for dir in DIRS {
            let path = format!("{dir}/{folder}");
            let mut files: Vec<String> = fs::read_dir(host.path(&path))
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|file| file.ends_with(".conf"))
                .collect();
            files.sort();
            for file in files {
                // A file hides those of the same name with a lower priority; an empty file has no other effect.
                let full = format!("{path}/{file}");
                if seen.insert(file) && !is_null(&host.path(&full)) {
                    return Some(full);
                }
            }
        }
    }
    None
}

/// Whether the unit starts at boot.
pub(super) fn is_enabled(host: &Host<'_>, name: &MountName) -> bool {
    let unit = unit::unit_name(name.as_str());
    let link = fs::read_link(host.path(&format!("{UNIT_DIR}/multi-user.target.wants/{unit}")));
    link.is_ok_and(|target| target == Path::new(&unit_path(name)) || target == Path::new("..").join(&unit))
}

/// Whether systemd has not loaded the unit's current text. False if systemd does not answer.
pub(super) fn is_stale(host: &Host<'_>, name: &MountName) -> bool {
    let unit = unit::unit_name(name.as_str());
    let shown = host.run(Tool::Systemctl, &["show", "--property=LoadState,NeedDaemonReload", &unit]);
    let text = shown.map(|done| done.stdout_text()).unwrap_or_default();
    text.lines().any(|line| matches!(line.trim(), "LoadState=not-found" | "NeedDaemonReload=yes"))
}
