//! The typed request and reply of each command.

use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::disks::{MountRow, UsbRow};
use super::net::Net;
use super::policy::Policy;
use super::protocol::{Operation, Word};
use super::text::{DevicePath, Hostname, MountName, SshKey, StorageId, Tag, TemplateVolume, Uuid};
use crate::secret::Secret;

/// Returns the helper's version and policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VersionReply {
    pub version: String,
    pub protocol: u32,
    pub words: Vec<String>,
    /// The policy; absent without a policy file, and then only commands that read work.
    pub policy: Option<Policy>,
    /// Why the policy file is invalid; then only this command works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_error: Option<String>,
}

/// Reads SMART data with smartctl.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Smart {
    /// The disk [default: all].
    #[serde(default)]
    pub disk: Option<DevicePath>,
    /// Reads everything (`smartctl -x`), not just health, attributes and logs.
    #[serde(default)]
    pub full: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SmartReply {
    pub disks: Vec<SmartDisk>,
}

/// smartctl's unchanged output for one disk. The client interprets it, so better interpretation needs no new helper.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SmartDisk {
    pub disk: String,
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub serial: Option<String>,
    #[serde(default)]
    pub tran: Option<String>,
    /// The `-d` type that worked.
    #[serde(default)]
    pub device_type: Option<String>,
    #[serde(default)]
    pub standby: bool,
    /// smartctl's JSON, or null.
    pub smartctl: Value,
    /// Why there is no JSON output.
    #[serde(default)]
    pub error: Option<String>,
}

/// How a mount persists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Persist {
    /// A mount unit.
    #[default]
    Unit,
    /// A marked line in /etc/fstab.
    Fstab,
    /// Until the next boot.
    None,
}

/// Allowed additional mount options. None of them can undo a fixed option.
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

    /// Returns the additional options in a list of mount options.
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
    /// False if the disk was already mounted completely.
    pub changed: bool,
    /// Completed steps, in order.
    pub done: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsbUnmount {
    pub name: MountName,
    /// Keeps the unit or fstab line, so the disk is mounted again at the next boot.
    #[serde(default)]
    pub keep: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsbUnmountReply {
    pub name: String,
    pub changed: bool,
    pub done: Vec<String>,
}

/// Lists USB disks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disks {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DisksReply {
    pub disks: Vec<UsbRow>,
}

/// Lists felhom's mounts and their state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UsbStatus {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UsbStatusReply {
    pub mounts: Vec<MountRow>,
}

/// Reads the hardware sensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sensors {}

/// Unchanged output of `sensors -j`; an empty object if there are no sensors.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SensorsReply {
    pub sensors: Value,
}

/// Creates an unprivileged container with features that no token may set.
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

/// The container's root password: one line, passed to `pct` on stdin only.
#[derive(Debug, Clone)]
pub struct Password(Secret);

impl Password {
    pub fn new(secret: Secret) -> Result<Self, String> {
        let text = secret.reveal();
        // `pct` refuses passwords of fewer than five characters and reads one line.
        if !(5..=64).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err("the password must have 5 to 64 characters on one line".into());
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
    /// Output of `pct`.
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
    use super::*;
    use crate::fence::protocol::{Request, parse_request};

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
            nets: vec!["bridge=vmbr0,ip=192.0.2.9/24,ip6=auto,tag=5,firewall=1".parse().expect("a network")],
            nameservers: vec![],
            searchdomain: None,
            tags: vec![],
            ssh_keys: vec![],
            password: Some(Password::new(Secret::new("correct horse")).expect("a password")),
            onboot: false,
        }
    }

    #[test]
    fn a_request_survives_a_round_trip_and_its_password_is_not_printed() {
        let bytes = Request::new(golden()).bytes();
        let back: GoldenCreate = parse_request(&bytes).expect("the serialized request parses");
        assert_eq!(back.nets, golden().nets);
        assert_eq!(back.password.as_ref().map(Password::reveal), Some("correct horse"));
        assert!(!format!("{back:?}").contains("horse"));
    }

    #[test]
    fn a_network_is_written_in_proxmox_syntax() {
        let net: Net = "bridge=vmbr0,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto,tag=20,firewall=1".parse().expect("a network");
        assert_eq!(net.value(1), "name=eth1,bridge=vmbr0,ip=192.0.2.9/24,gw=192.0.2.1,ip6=auto,tag=20,firewall=1");
        let text = "name=lan,bridge=vmbr0,hwaddr=BC:24:11:00:09:0A,ip=dhcp,trunks=2;3,mtu=1400,rate=12.5,link_down=1,host-managed=1";
        assert_eq!(text.parse::<Net>().expect("a network").value(0), text);
        for bad in [
            "bridge=vmbr0,mtu=1",
            "bridge=vmbr0,rate=inf",
            "bridge=vmbr0,trunks=2;x",
            "bridge=vmbr0,type=macvlan",
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
    fn requests_have_no_field_for_other_privileged_settings() {
        for extra in ["mp0", "dev0", "hookscript", "lxc.mount.entry", "unprivileged", "privileged", "restore", "force"] {
            let text = format!(
                r#"{{"protocol":1,"request":{{"vmid":9000,"template":"local:vztmpl/d.tar.gz","storage":"local-lvm","size_gib":4,"hostname":"g","{extra}":"1"}}}}"#
            );
            let error = parse_request::<GoldenCreate>(text.as_bytes()).expect_err(extra);
            assert!(error.message.contains("unknown field"), "{error}");
        }
        for password in ["a\\nb\\nc\\nd", "abc"] {
            let text = format!(
                r#"{{"protocol":1,"request":{{"vmid":9000,"template":"local:vztmpl/d.tar.gz","storage":"local-lvm","size_gib":4,"hostname":"g","password":"{password}"}}}}"#
            );
            assert!(parse_request::<GoldenCreate>(text.as_bytes()).is_err());
        }
    }
}
