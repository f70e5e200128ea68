//! The typed requests and replies of every word.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::disks::{MountRow, UsbRow};
use super::net::Net;
use super::policy::Policy;
use super::protocol::{Operation, Word};
use super::text::{DevicePath, Hostname, MountName, SshKey, StorageId, Tag, TemplateVolume, Uuid};
use crate::secret::Secret;

/// Who answers, and what it is allowed to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionReply {
    pub version: String,
    pub protocol: u32,
    pub words: Vec<String>,
    /// The policy in force; absent where the host has no policy file, and then only reads work.
    pub policy: Option<Policy>,
    /// Why the policy file cannot be used; then nothing but this word works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_error: Option<String>,
}

/// Reads disks with smartctl.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smart {
    /// One disk; all of them without it.
    #[serde(default)]
    pub disk: Option<DevicePath>,
    /// Everything that the disk tells, not just health, attributes and logs.
    #[serde(default)]
    pub full: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SmartReply {
    pub disks: Vec<SmartDisk>,
}

/// What smartctl said about one disk, word for word: the client reads it, so that a better reading needs no new helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SmartDisk {
    pub disk: String,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub serial: Option<String>,
    #[serde(default)]
    pub tran: Option<String>,
    /// The `-d` type that gave the answer.
    #[serde(default)]
    pub device_type: Option<String>,
    #[serde(default)]
    pub standby: bool,
    /// smartctl's JSON; null where it gave none.
    pub smartctl: Value,
    /// Why there is no JSON.
    #[serde(default)]
    pub error: Option<String>,
}

/// How a mount lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Persist {
    /// A unit file of its own.
    #[default]
    Unit,
    /// A marked line in /etc/fstab.
    Fstab,
    /// Until the next boot.
    None,
}

/// What may be added to the fixed options; nothing here can take one of them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MountOption {
    Ro,
    Sync,
    Dirsync,
    Discard,
    Lazytime,
    Flush,
}

impl MountOption {
    const ALL: [Self; 6] = [Self::Ro, Self::Sync, Self::Dirsync, Self::Discard, Self::Lazytime, Self::Flush];

    /// The options of this kind in a list of mount options.
    pub fn among<'a>(options: impl Iterator<Item = &'a str>) -> Vec<Self> {
        options.filter_map(|text| Self::ALL.into_iter().find(|option| option.as_str() == text)).collect()
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ro => "ro",
            Self::Sync => "sync",
            Self::Dirsync => "dirsync",
            Self::Discard => "discard",
            Self::Lazytime => "lazytime",
            Self::Flush => "flush",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsbMount {
    pub uuid: Uuid,
    pub name: MountName,
    #[serde(default)]
    pub persist: Persist,
    #[serde(default)]
    pub options: Vec<MountOption>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsbMountReply {
    pub mount: MountRow,
    /// False where it was so already.
    pub changed: bool,
    /// What was done, in order.
    pub done: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsbUnmount {
    pub name: MountName,
    /// Leaves the unit or fstab line, so that the disk is mounted again at the next boot.
    #[serde(default)]
    pub keep: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsbUnmountReply {
    pub name: String,
    pub changed: bool,
    pub done: Vec<String>,
}

/// Lists the disks that hang on USB.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disks {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DisksReply {
    pub disks: Vec<UsbRow>,
}

/// Lists our mounts and what became of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsbStatus {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsbStatusReply {
    pub mounts: Vec<MountRow>,
}

/// Reads the chips' sensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {}

/// What `sensors -j` said, word for word; an empty object where there are none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SensorsReply {
    pub sensors: Value,
}

/// Makes an unprivileged container with the features that no token may set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenCreate {
    pub vmid: u32,
    pub template: TemplateVolume,
    pub storage: StorageId,
    pub size_gib: u32,
    pub hostname: Hostname,
    #[serde(default)]
    pub features: Features,
    #[serde(default)]
    pub cores: Option<u32>,
    #[serde(default)]
    pub memory_mib: Option<u32>,
    #[serde(default)]
    pub swap_mib: Option<u32>,
    #[serde(default)]
    pub nets: Vec<Net>,
    #[serde(default)]
    pub nameservers: Vec<IpAddr>,
    #[serde(default)]
    pub searchdomain: Option<Hostname>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    #[serde(default)]
    pub ssh_keys: Vec<SshKey>,
    #[serde(default)]
    pub password: Option<Password>,
    #[serde(default)]
    pub onboot: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Features {
    #[serde(default)]
    pub nesting: bool,
    #[serde(default)]
    pub keyctl: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self { nesting: true, keyctl: true }
    }
}

/// A root password for the container: one line, handed to `pct` through its stdin alone.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl Password {
    pub fn new(secret: Secret) -> Result<Self, String> {
        let text = secret.reveal();
        // `pct` reads lines, and refuses what is shorter than five characters.
        if !(5..=64).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err("a password has 5 to 64 characters on one line".into());
        }
        Ok(Self(secret))
    }

    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    pub fn secret(&self) -> Secret {
        self.0.clone()
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.reveal())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(Secret::new(String::deserialize(from)?)).map_err(serde::de::Error::custom)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GoldenCreateReply {
    pub vmid: u32,
    /// What `pct` printed.
    pub log: Vec<String>,
}

macro_rules! operation {
    ($request:ident, $reply:ident, $word:ident) => {
        impl Operation for $request {
            const WORD: Word = Word::$word;
            type Reply = $reply;
        }
    };
}

operation!(Version, VersionReply, Version);
operation!(Smart, SmartReply, Smart);
operation!(UsbMount, UsbMountReply, UsbMount);
operation!(UsbUnmount, UsbUnmountReply, UsbUnmount);
operation!(GoldenCreate, GoldenCreateReply, GoldenCreate);
operation!(Disks, DisksReply, Disks);
operation!(Sensors, SensorsReply, Sensors);
operation!(UsbStatus, UsbStatusReply, UsbStatus);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::fence::net::{Ip4, Ip6};
    use crate::fence::protocol::{Asked, parse_request};
    use crate::fence::text::Bridge;

    fn golden() -> GoldenCreate {
        GoldenCreate {
            vmid: 9000,
            template: TemplateVolume::new("local:vztmpl/debian-13.tar.zst").expect("a template"),
            storage: StorageId::new("local-lvm").expect("a storage"),
            size_gib: 8,
            hostname: Hostname::new("gold").expect("a name"),
            features: Features::default(),
            cores: Some(2),
            memory_mib: None,
            swap_mib: None,
            nets: vec![Net {
                bridge: Bridge::new("vmbr0").expect("a bridge"),
                ip: Ip4::Static { address: Ipv4Addr::new(192, 0, 2, 9), prefix: 24 },
                gateway: None,
                ip6: Ip6::Auto,
                gateway6: None,
                vlan: Some(5),
                firewall: true,
            }],
            nameservers: vec![],
            searchdomain: None,
            tags: vec![],
            ssh_keys: vec![],
            password: Some(Password::new(Secret::new("correct horse")).expect("a password")),
            onboot: false,
        }
    }

    #[test]
    fn a_request_comes_through_whole_and_its_password_is_not_shown() {
        let bytes = Asked::new(golden()).bytes();
        let back: GoldenCreate = parse_request(&bytes).expect("it reads what it wrote");
        assert_eq!(back.nets, golden().nets);
        assert_eq!(back.password.as_ref().map(Password::reveal), Some("correct horse"));
        assert!(!format!("{back:?}").contains("horse"));
    }

    #[test]
    fn a_network_is_written_as_proxmox_writes_it() {
        let net: Net = "bridge=vmbr0,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto,tag=20,firewall=1".parse().expect("a network");
        assert_eq!(net.value(1), "name=eth1,bridge=vmbr0,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto,tag=20,firewall=1");
        for bad in [
            "ip=dhcp",
            "bridge=vmbr0,ip=192.0.2.9",
            "bridge=vmbr0,ip=192.0.2.9/33",
            "bridge=vmbr0,hwaddr=x",
            "bridge=vmbr0,tag=0",
            "bridge",
        ] {
            assert!(bad.parse::<Net>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_token_may_not_do_by_other_ways_has_no_field() {
        for extra in ["mp0", "dev0", "hookscript", "lxc.mount.entry", "unprivileged", "privileged", "restore", "force"] {
            let text = format!(
                r#"{{"protocol":1,"request":{{"vmid":9000,"template":"local:vztmpl/d.tar.gz","storage":"local-lvm","size_gib":4,"hostname":"g","{extra}":"1"}}}}"#
            );
            let trouble = parse_request::<GoldenCreate>(text.as_bytes()).expect_err(extra);
            assert!(trouble.message.contains("unknown field"), "{trouble}");
        }
        for password in ["a\\nb\\nc\\nd", "abc"] {
            let text = format!(
                r#"{{"protocol":1,"request":{{"vmid":9000,"template":"local:vztmpl/d.tar.gz","storage":"local-lvm","size_gib":4,"hostname":"g","password":"{password}"}}}}"#
            );
            assert!(parse_request::<GoldenCreate>(text.as_bytes()).is_err());
        }
    }
}
