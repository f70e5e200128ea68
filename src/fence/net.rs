//! The network interfaces of a new container: the keys of `netN`, checked one by one.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::text::{Bridge, InterfaceName, Mac};

/// One network interface. A key that an older root helper does not know is sent only if it is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Net {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<InterfaceName>,
    pub bridge: Bridge,
    /// The MAC address; chosen by Proxmox by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hwaddr: Option<Mac>,
    #[serde(default)]
    pub ip: Ip4,
    #[serde(default)]
    pub gateway: Option<Ipv4Addr>,
    #[serde(default)]
    pub ip6: Ip6,
    #[serde(default)]
    pub gateway6: Option<Ipv6Addr>,
    #[serde(default)]
    pub vlan: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trunks: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u16>,
    /// Limit in MB/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    #[serde(default)]
    pub firewall: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub link_down: bool,
    /// The host configures the interface's address, not the container.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host_managed: bool,
}

const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;
const MTUS: std::ops::RangeInclusive<u16> = 64..=65535;

impl Net {
    /// The value of `net{number}`.
    pub fn value(&self, number: usize) -> String {
        let name = self.name.as_ref().map_or_else(|| format!("eth{number}"), ToString::to_string);
        let mut parts = vec![format!("name={name}"), format!("bridge={}", self.bridge)];
        let mut add = |key: &str, value: Option<String>| parts.extend(value.map(|value| format!("{key}={value}")));
        add("hwaddr", self.hwaddr.as_ref().map(ToString::to_string));
        add("ip", Some(self.ip.text()));
        add("gw", self.gateway.map(|gateway| gateway.to_string()));
        add("ip6", self.ip6.text());
        add("gw6", self.gateway6.map(|gateway| gateway.to_string()));
        add("tag", self.vlan.map(|vlan| vlan.to_string()));
        let trunks: Vec<String> = self.trunks.iter().map(u16::to_string).collect();
        add("trunks", Some(trunks.join(";")).filter(|list| !list.is_empty()));
        add("mtu", self.mtu.map(|mtu| mtu.to_string()));
        add("rate", self.rate.map(|rate| rate.to_string()));
        for (key, on) in [("firewall", self.firewall), ("link_down", self.link_down), ("host-managed", self.host_managed)] {
            add(key, on.then(|| "1".to_owned()));
        }
        parts.join(",")
    }

    /// Whether every number is in its range: a request may come from any client.
    pub fn in_range(&self) -> bool {
        let prefix4 = !matches!(self.ip, Ip4::Static { prefix, .. } if prefix > 32);
        let prefix6 = !matches!(self.ip6, Ip6::Static { prefix, .. } if prefix > 128);
        let vlans = self.vlan.iter().chain(&self.trunks).all(|vlan| VLANS.contains(vlan));
        let rate = self.rate.is_none_or(|rate| rate.is_finite() && rate >= 0.0);
        prefix4 && prefix6 && vlans && rate && self.mtu.is_none_or(|mtu| MTUS.contains(&mtu))
    }
}

impl std::str::FromStr for Net {
    type Err = String;

    /// `bridge=vmbr0,ip=dhcp,tag=20,firewall=1`, with the keys of Proxmox.
    fn from_str(text: &str) -> Result<Self, String> {
        let pairs: Vec<(&str, &str)> = text
            .split(',')
            .map(|part| part.split_once('=').ok_or_else(|| format!("'{part}' is not KEY=VALUE")))
            .collect::<Result<_, _>>()?;
        let bridge = pairs.iter().find(|(key, _)| *key == "bridge").ok_or("missing bridge=BRIDGE")?;
        let mut net = Self {
            name: None,
            bridge: Bridge::new(bridge.1)?,
            hwaddr: None,
            ip: Ip4::Manual,
            gateway: None,
            ip6: Ip6::Manual,
            gateway6: None,
            vlan: None,
            trunks: Vec::new(),
            mtu: None,
            rate: None,
            firewall: false,
            link_down: false,
            host_managed: false,
        };
        for (key, value) in pairs {
            let wrong = || format!("invalid value in {key}={value}");
            match key {
                "bridge" => {}
                "name" => net.name = Some(value.parse()?),
                "hwaddr" => net.hwaddr = Some(value.parse()?),
                "ip" => net.ip = ip4(value).ok_or_else(wrong)?,
                "ip6" => net.ip6 = ip6(value).ok_or_else(wrong)?,
                "gw" => net.gateway = Some(value.parse().map_err(|_| wrong())?),
                "gw6" => net.gateway6 = Some(value.parse().map_err(|_| wrong())?),
                "tag" => net.vlan = Some(value.parse().map_err(|_| wrong())?),
                "trunks" => net.trunks = value.split(';').map(|vlan| vlan.parse().map_err(|_| wrong())).collect::<Result<_, _>>()?,
                "mtu" => net.mtu = Some(value.parse().map_err(|_| wrong())?),
                "rate" => net.rate = Some(value.parse().map_err(|_| wrong())?),
                "firewall" => net.firewall = flag(value).ok_or_else(wrong)?,
                "link_down" => net.link_down = flag(value).ok_or_else(wrong)?,
                "host-managed" => net.host_managed = flag(value).ok_or_else(wrong)?,
                // The only type, and the default.
                "type" if value == "veth" => {}
                "type" => return Err(wrong()),
                _ => return Err(format!("unknown key '{key}': use {}", KEYS.join(", "))),
            }
            if !net.in_range() {
                return Err(wrong());
            }
        }
        Ok(net)
    }
}

/// The keys of `netN`.
const KEYS: [&str; 15] =
    ["bridge", "name", "hwaddr", "ip", "gw", "ip6", "gw6", "tag", "trunks", "mtu", "rate", "firewall", "link_down", "host-managed", "type"];

fn flag(value: &str) -> Option<bool> {
    match value {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

fn ip4(text: &str) -> Option<Ip4> {
    Some(match text {
        "manual" => Ip4::Manual,
        "dhcp" => Ip4::Dhcp,
        _ => {
            let (address, prefix) = text.split_once('/')?;
            Ip4::Static { address: address.parse().ok()?, prefix: prefix.parse().ok()? }
        }
    })
}

fn ip6(text: &str) -> Option<Ip6> {
    Some(match text {
        "manual" => Ip6::Manual,
        "dhcp" => Ip6::Dhcp,
        "auto" => Ip6::Auto,
        _ => {
            let (address, prefix) = text.split_once('/')?;
            Ip6::Static { address: address.parse().ok()?, prefix: prefix.parse().ok()? }
        }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ip4 {
    #[default]
    Manual,
    Dhcp,
    Static {
        address: Ipv4Addr,
        prefix: u8,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ip6 {
    #[default]
    Manual,
    Dhcp,
    Auto,
    Static {
        address: Ipv6Addr,
        prefix: u8,
    },
}

impl Ip4 {
    fn text(self) -> String {
        match self {
            Self::Manual => "manual".into(),
            Self::Dhcp => "dhcp".into(),
            Self::Static { address, prefix } => format!("{address}/{prefix}"),
        }
    }
}

impl Ip6 {
    fn text(self) -> Option<String> {
        match self {
            Self::Manual => None,
            Self::Dhcp => Some("dhcp".into()),
            Self::Auto => Some("auto".into()),
            Self::Static { address, prefix } => Some(format!("{address}/{prefix}")),
        }
    }
}
