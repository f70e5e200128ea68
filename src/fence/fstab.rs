//! `/etc/fstab`: felhom's marked lines, and a parser. `findmnt --verify` can crash on a malformed line.

use super::disks::Filesystem;
use super::request::MountOption;
use super::text::{MountName, Uuid};
use super::unit;

/// The option that marks a line as felhom's. The kernel never sees `x-` options.
const MARK: &str = "x-felhom=";

/// An fstab line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub source: String,
    pub mount_point: String,
    pub options: Vec<String>,
    /// The name in felhom's mark.
    pub ours: Option<String>,
}

impl Entry {
    pub fn uuid(&self) -> Option<&str> {
        let source = self.source.trim_matches('"');
        let uuid = source.strip_prefix("UUID=").or_else(|| source.strip_prefix("/dev/disk/by-uuid/"))?;
        Some(uuid.trim_matches('"'))
    }
}

/// Parses all lines. An error names the malformed line; the file is then left unchanged.
pub fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(entry) = entry(line).map_err(|e| format!("/etc/fstab line {}: {e}", index + 1))? {
            found.push(entry);
        }
    }
    Ok(found)
}

fn entry(line: &str) -> Result<Option<Entry>, String> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [source, mount_point, _, rest @ ..] = fields.as_slice() else {
        return Err("fewer than three fields".into());
    };
    if rest.iter().skip(1).take(2).take_while(|f| !f.starts_with('#')).any(|f| f.parse::<u8>().is_err()) {
        return Err("the fifth and sixth fields are not numbers".into());
    }
    let options: Vec<String> = rest.first().map(|o| o.split(',').map(ToOwned::to_owned).collect()).unwrap_or_default();
    let ours = options.iter().find_map(|o| o.strip_prefix(MARK)).map(ToOwned::to_owned);
    Ok(Some(Entry { source: (*source).to_owned(), mount_point: unescape(mount_point), options, ours }))
}

/// Decodes octal escapes: fstab and mountinfo write a space as `\040`.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let octal = bytes.get(at + 1..at + 4).filter(|d| bytes[at] == b'\\' && d.iter().all(|c| (b'0'..=b'7').contains(c)));
        if let Some(digits) = octal {
            let value = digits.iter().fold(0_u32, |n, d| n * 8 + u32::from(d - b'0'));
            plain.push(u8::try_from(value).unwrap_or(b'?'));
            at += 4;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Returns felhom's line for a mount.
pub fn line(name: &MountName, uuid: &Uuid, fs: Filesystem, extra: &[MountOption]) -> String {
    let pass = if fs.has_fsck() { 2 } else { 0 };
    format!(
        "UUID={uuid} {} {} {},x-systemd.device-timeout=60s,{MARK}{name} 0 {pass}",
        unit::mount_point(name.as_str()),
        fs.mount_type(),
        unit::options(extra)
    )
}

/// Returns the text with this line added, replacing an older line of the same name.
pub fn with(text: &str, name: &MountName, line: &str) -> Result<String, String> {
    let mut kept = without(text, name)?;
    if !kept.is_empty() && !kept.ends_with('\n') {
        kept.push('\n');
    }
    kept.push_str(line);
    kept.push('\n');
    parse(&kept)?;
    Ok(kept)
}

/// Returns the text without felhom's line of this name, otherwise unchanged.
pub fn without(text: &str, name: &MountName) -> Result<String, String> {
    parse(text)?;
    Ok(text.split_inclusive('\n').filter(|l| !matches!(entry(l), Ok(Some(e)) if e.ours.as_deref() == Some(name.as_str()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# <file system> <mount point>\n/dev/pve/root / ext4 errors=remount-ro 0 1\nUUID=A1B2-C3D4 /boot/efi vfat defaults 0 1\nproc /proc proc defaults 0 0";

    fn name() -> MountName {
        MountName::new("backup").expect("a name")
    }

    fn ours() -> String {
        line(&name(), &Uuid::new("3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b").expect("a uuid"), Filesystem::Ext4, &[])
    }

    #[test]
    fn adding_twice_changes_nothing_and_removing_restores_every_byte() {
        let once = with(TEXT, &name(), &ours()).expect("added");
        assert_eq!(with(&once, &name(), &ours()).as_ref(), Ok(&once));
        assert_eq!(without(&once, &name()), Ok(format!("{TEXT}\n")));
        let entry = parse(&once).expect("it parses").pop().expect("our line");
        assert_eq!(
            (entry.ours.as_deref(), entry.uuid(), entry.mount_point.as_str()),
            (Some("backup"), Some("3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b"), "/mnt/pve/backup")
        );
        assert!(once.ends_with("nofail,nosuid,nodev,noexec,noatime,x-systemd.device-timeout=60s,x-felhom=backup 0 2\n"));
    }

    #[test]
    fn a_malformed_file_is_not_changed() {
        for bad in ["/dev/sda1 /mnt\n", "/dev/sda1 /mnt ext4 defaults x y\n", "nonsense\n"] {
            assert!(with(&format!("{TEXT}\n{bad}"), &name(), &ours()).is_err(), "{bad:?}");
        }
        assert_eq!(unescape("/mnt/a\\040b\\134c\\0"), "/mnt/a b\\c\\0");
    }

    proptest! {
        #[test]
        fn other_lines_are_never_lost(text in "([ -~]{0,40}\n){0,6}") {
            if let Ok(added) = with(&text, &name(), &ours()) {
                for line in text.lines().filter(|l| !l.contains("x-felhom=backup")) {
                    prop_assert!(added.lines().any(|l| l == line));
                }
            }
        }
    }
}
