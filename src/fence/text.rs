//! Strings that become arguments of programs run as root. Each type checks characters and length when it is parsed.
//!
//! None of them can start with a dash or contain a space, a quote or a control character, so none can become an option or a
//! second argument.

use serde::{Deserialize, Serialize};

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $what:literal, $ok:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Result<Self, String> {
                let text = text.into();
                let ok: fn(&str) -> bool = $ok;
                if ok(&text) { Ok(Self(text)) } else { Err(format!("`{}` is not {}", text.escape_debug(), $what)) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// A filesystem UUID: 36 lower-case characters (ext4, xfs, btrfs), `XXXX-XXXX` (FAT, exFAT) or 16 upper-case hex digits (NTFS).
    Uuid,
    "a filesystem UUID",
    is_uuid
);
checked_text!(
    /// The name of a mount. Its mount point is `/mnt/pve/NAME` and its unit `mnt-pve-NAME.mount`, without escaping.
    MountName,
    "a mount name (lower-case letters, digits and _, at most 32, starting with a letter)",
    |t| within(t, 32, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_') && t.as_bytes()[0].is_ascii_lowercase()
);
checked_text!(
    /// A whole disk by its kernel name.
    DevicePath,
    "a device such as /dev/sda",
    |t| t.strip_prefix("/dev/").is_some_and(|name| within(name, 32, |c| c.is_ascii_lowercase() || c.is_ascii_digit()))
);
checked_text!(
    /// The ID of a Proxmox VE storage.
    StorageId,
    "a storage ID",
    is_storage
);
checked_text!(
    /// A container template, `STORAGE:vztmpl/NAME`. A backup, a path or `-` is invalid: `pct` would restore it as root.
    TemplateVolume,
    "a container template (STORAGE:vztmpl/NAME)",
    is_template
);
checked_text!(
    /// A guest's hostname.
    Hostname,
    "a hostname",
    is_hostname
);
checked_text!(
    /// A network bridge of the host.
    Bridge,
    "a bridge name",
    |t| within(t, 15, |c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-' || c == b'.') && t.as_bytes()[0].is_ascii_alphabetic()
);
checked_text!(
    /// An interface inside a container.
    InterfaceName,
    "an interface name",
    |t| within(t, 15, |c| c.is_ascii_alphanumeric() || b"_-.".contains(&c)) && t.as_bytes()[0].is_ascii_alphanumeric()
);
checked_text!(
    /// A MAC address of one interface, not of a group.
    Mac,
    "a MAC address",
    is_mac
);
checked_text!(
    /// A guest's tag.
    Tag,
    "a tag",
    |t| within(t, 64, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || b"_-+.".contains(&c)) && (t.as_bytes()[0].is_ascii_alphanumeric() || t.as_bytes()[0] == b'_')
);
checked_text!(
    /// A line with a public SSH key: type, base64, comment; no options, no line break.
    SshKey,
    "a public SSH key",
    is_ssh_key
);
fn within(text: &str, most: usize, ok: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= most && text.bytes().all(ok)
}

fn is_mac(t: &str) -> bool {
    let bytes: Option<Vec<u8>> =
        t.split(':').map(|b| u8::from_str_radix(b, 16).ok().filter(|_| b.len() == 2 && !b.starts_with('+'))).collect();
    bytes.is_some_and(|bytes| bytes.len() == 6 && bytes[0] & 1 == 0)
}

fn is_uuid(t: &str) -> bool {
    let lower = |s: &str| s.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    let upper = |s: &str| s.bytes().all(|c| c.is_ascii_digit() || (b'A'..=b'F').contains(&c));
    let parts: Vec<&str> = t.split('-').collect();
    match parts.as_slice() {
        [one] => one.len() == 16 && upper(one),
        [a, b] => a.len() == 4 && b.len() == 4 && upper(a) && upper(b),
        [a, b, c, d, e] => [(a, 8), (b, 4), (c, 4), (d, 4), (e, 12)].iter().all(|(s, n)| s.len() == *n && lower(s)),
        _ => false,
    }
}

fn is_storage(t: &str) -> bool {
    within(t, 64, |c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
        && t.len() >= 2
        && t.as_bytes()[0].is_ascii_alphabetic()
        && t.as_bytes()[t.len() - 1].is_ascii_alphanumeric()
}

fn is_template(t: &str) -> bool {
    let Some((storage, volume)) = t.split_once(':') else { return false };
    let Some(name) = volume.strip_prefix("vztmpl/") else { return false };
    is_storage(storage)
        && within(name, 200, |c| c.is_ascii_alphanumeric() || b"-_.+~".contains(&c))
        && name.as_bytes()[0].is_ascii_alphanumeric()
        && !name.contains("..")
        && [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"].iter().any(|end| name.ends_with(end))
}

fn is_hostname(t: &str) -> bool {
    t.len() <= 253
        && t.split('.').all(|label| {
            within(label, 63, |c| c.is_ascii_alphanumeric() || c == b'-')
                && label.as_bytes()[0] != b'-'
                && label.as_bytes()[label.len() - 1] != b'-'
        })
}

fn is_ssh_key(t: &str) -> bool {
    const KINDS: [&str; 7] = [
        "ssh-ed25519",
        "ssh-rsa",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com",
    ];
    if t.len() > 8192 || t.chars().any(char::is_control) {
        return false;
    }
    let mut words = t.split(' ');
    let kind = words.next().unwrap_or_default();
    let key = words.next().unwrap_or_default();
    KINDS.contains(&kind) && key.len() >= 40 && key.bytes().all(|c| c.is_ascii_alphanumeric() || b"+/=".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn uuids_of_each_filesystem() {
        for good in ["3f2b1c9a-7d54-4e0b-9a51-0c1d2e3f4a5b", "A1B2-C3D4", "01D9ABCDEF012345"] {
            assert!(Uuid::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a1b2-c3d4",
            "3F2B1C9A-7D54-4E0B-9A51-0C1D2E3F4A5B",
            "k7d5C0-LjjP-CEDy-8aOL-Tfc8-cy0H-GD9RKO",
            "A1B2-C3D4\n",
            "../../etc",
            "A1B2",
        ] {
            assert!(Uuid::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn backups_paths_and_stdin_are_not_templates() {
        assert!(TemplateVolume::new("local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst").is_ok());
        for bad in [
            "-",
            "/var/lib/vz/template/cache/x.tar.zst",
            "local:backup/vzdump-lxc-101-2026_01_01-00_00_00.tar.zst",
            "local:vztmpl/../backup/x.tar.zst",
            "local:vztmpl/a/b.tar.zst",
            "local:vztmpl/.tar.zst",
            "local:vztmpl/-x.tar.zst",
            "local:vztmpl/x.tar.zst --unprivileged 0",
            "local:iso/x.iso",
            "--help:vztmpl/x.tar.gz",
        ] {
            assert!(TemplateVolume::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn mount_names_hostnames_and_keys() {
        assert!(MountName::new("usb_backup1").is_ok() && MountName::new("1usb").is_err() && MountName::new("usb-backup").is_err());
        assert!(MountName::new("a".repeat(33)).is_err() && MountName::new("").is_err());
        assert!(DevicePath::new("/dev/nvme0n1").is_ok() && DevicePath::new("/dev/../etc").is_err() && DevicePath::new("/dev/").is_err());
        assert!(Hostname::new("gold-13.example.org").is_ok() && Hostname::new("-x").is_err() && Hostname::new("a..b").is_err());
        assert!(Mac::new("BC:24:11:00:09:0a").is_ok() && Mac::new("01:24:11:00:09:00").is_err() && Mac::new("BC:24:11:00:09:+1").is_err());
        assert!(Bridge::new("vmbr0").is_ok() && Bridge::new("vmbr0,ip=1").is_err());
        let key = format!("ssh-ed25519 {} me@here", "A".repeat(68));
        assert!(SshKey::new(key.clone()).is_ok());
        assert!(SshKey::new(format!("command=\"id\" {key}")).is_err() && SshKey::new(format!("{key}\n{key}")).is_err());
    }

    proptest! {
        #[test]
        fn no_accepted_text_can_become_an_option_or_two_arguments(text in ".*") {
            for good in [
                Uuid::new(text.as_str()).is_ok(), MountName::new(text.as_str()).is_ok(), DevicePath::new(text.as_str()).is_ok(),
                StorageId::new(text.as_str()).is_ok(), TemplateVolume::new(text.as_str()).is_ok(), Hostname::new(text.as_str()).is_ok(),
                Bridge::new(text.as_str()).is_ok(), InterfaceName::new(text.as_str()).is_ok(), Mac::new(text.as_str()).is_ok(), Tag::new(text.as_str()).is_ok(),
            ] {
                if good {
                    prop_assert!(!text.starts_with('-') && !text.is_empty());
                    let hostile = |c: char| c.is_whitespace() || c.is_control() || "'\"\\$`;&|<>*?()[]{}!,=".contains(c);
                    prop_assert!(!text.contains(hostile));
                }
            }
        }
    }
}
