//! Network interfaces in a golden container request.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::text::Bridge;

/// A network interface. Proxmox VE always generates its MAC address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Net {
    pub bridge: Bridge,
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
    #[serde(default)]
    pub firewall: bool,
}

impl Net {
    /// Returns the value of `netN`.
    pub fn value(&self, number: usize) -> String {
        let mut value = format!("name=eth{number},bridge={}", self.bridge);
        match self.ip {
            Ip4::Manual => value.push_str(",ip=manual"),
            Ip4::Dhcp => value.push_str(",ip=dhcp"),
            Ip4::Static { address, prefix } => value.push_str(&format!(",ip={address}/{prefix}")),
        }
        if let Some(gateway) = self.gateway {
            value.push_str(&format!(",gw={gateway}"));
        }
        match self.ip6 {
            Ip6::Manual => {}
            Ip6::Dhcp => value.push_str(",ip6=dhcp"),
            Ip6::Auto => value.push_str(",ip6=auto"),
            Ip6::Static { address, prefix } => value.push_str(&format!(",ip6={address}/{prefix}")),
        }
        if let Some(gateway) = self.gateway6 {
            value.push_str(&format!(",gw6={gateway}"));
        }
        if let Some(vlan) = self.vlan {
            value.push_str(&format!(",tag={vlan}"));
        }
        if self.firewall {
            value.push_str(",firewall=1");
        }
        value
    }
}

impl std::str::FromStr for Net {
    type Err = String;

    /// Parses `bridge=vmbr0,ip=dhcp,ip6=auto,tag=20,firewall=1`, with Proxmox VE's keys.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut net = None;
        let pairs: Vec<(&str, &str)> = text
            .split(',')
            .map(|part| part.split_once('=').ok_or_else(|| format!("'{part}' is not KEY=VALUE")))
            .collect::<Result<_, _>>()?;
        for (key, value) in &pairs {
            if *key == "bridge" {
                net = Some(Self {
                    bridge: Bridge::new(*value)?,
                    ip: Ip4::Manual,
                    gateway: None,
                    ip6: Ip6::Manual,
                    gateway6: None,
                    vlan: None,
                    firewall: false,
                });
            }
        }
        let mut net = net.ok_or("missing bridge=BRIDGE")?;
        for (key, value) in pairs {
            let wrong = || format!("invalid value in {key}={value}");
            match key {
                "bridge" => {}
                "ip" => net.ip = ip4(value).ok_or_else(wrong)?,
                "ip6" => net.ip6 = ip6(value).ok_or_else(wrong)?,
                "gw" => net.gateway = Some(value.parse().map_err(|_| wrong())?),
                "gw6" => net.gateway6 = Some(value.parse().map_err(|_| wrong())?),
                "tag" => net.vlan = Some(value.parse().ok().filter(|v| (1..=4094).contains(v)).ok_or_else(wrong)?),
                "firewall" => {
                    net.firewall = match value {
                        "1" => true,
                        "0" => false,
                        _ => return Err(wrong()),
                    }
                }
                _ => return Err(format!("unknown key '{key}': use bridge, ip, gw, ip6, gw6, tag or firewall")),
            }
        }
        Ok(net)
    }
}

fn ip4(text: &str) -> Option<Ip4> {
    Some(match text {
        "manual" => Ip4::Manual,
        "dhcp" => Ip4::Dhcp,
        _ => {
            let (address, prefix) = text.split_once('/')?;
            Ip4::Static { address: address.parse().ok()?, prefix: prefix.parse().ok().filter(|p| *p <= 32)? }
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
            Ip6::Static { address: address.parse().ok()?, prefix: prefix.parse().ok().filter(|p| *p <= 128)? }
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
