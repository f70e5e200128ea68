//! The named formats. An error is the host's text, with its newline.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{pattern, property, table};

type Checked = Result<(), String>;

/// Splits a list as Proxmox does: by NUL if there is one, else by comma, semicolon and blanks.
pub(super) fn split_list(text: &str) -> Vec<&str> {
    if text.contains('\0') {
        return text.split('\0').collect();
    }
    text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|part| !part.is_empty()).collect()
}

/// Checks a value against a named format, also in its `-list` and `-opt` forms.
pub(super) fn check(format: &str, value: &str, path: &str) -> Checked {
    if let Some(name) = format.strip_suffix("-list") {
        return split_list(value).into_iter().try_for_each(|item| one(name, item));
    }
    if let Some(name) = format.strip_suffix("-opt") {
        return if value.is_empty() || value == "0" { Ok(()) } else { one(name, value) };
    }
    if let Some(fields) = table::named(format) {
        let found = property::parse(fields, value, path)?;
        return validator(format, &found);
    }
    one(format, value)
}

/// What a property string must fulfil as a whole.
fn validator(format: &str, found: &property::Fields) -> Checked {
    let text = |name: &str| found.get(name).and_then(|value| value.as_str()).unwrap_or("");
    let refuse = |message: &str| Err(format!("{message}\n"));
    match format {
        "prune-backups" => {
            let others = found.iter().filter(|(name, _)| *name != "keep-all").any(|(name, _)| text(name).parse::<u64>().unwrap_or(0) > 0);
            if others && text("keep-all") == "1" {
                return refuse("keep-all cannot be set together with other options.");
            }
            Ok(())
        }
        "backup-fleecing" if text("enabled") == "1" && text("storage").is_empty() => {
            refuse("'storage' parameter is required when 'enabled' is set")
        }
        "pve-vm-cpu-conf" => cpu(found),
        _ => Ok(()),
    }
}

/// CPU types a virtual machine may name, as far as they are common; a custom model starts with `custom-`.
const CPU_TYPES: &str = "486 Broadwell Broadwell-IBRS Broadwell-noTSX Broadwell-noTSX-IBRS Cascadelake-Server \
Cascadelake-Server-noTSX Cascadelake-Server-v2 Cascadelake-Server-v4 Cascadelake-Server-v5 ClearwaterForest Conroe Cooperlake Cooperlake-v2 \
EPYC EPYC-Genoa EPYC-IBPB EPYC-Milan EPYC-Milan-v2 EPYC-Rome EPYC-Rome-v2 EPYC-Rome-v3 EPYC-Rome-v4 EPYC-Turin EPYC-v3 EPYC-v4 GraniteRapids \
Haswell Haswell-IBRS Haswell-noTSX Haswell-noTSX-IBRS Icelake-Client Icelake-Client-noTSX Icelake-Server Icelake-Server-noTSX \
Icelake-Server-v3 Icelake-Server-v4 Icelake-Server-v5 Icelake-Server-v6 IvyBridge IvyBridge-IBRS KnightsMill Nehalem Nehalem-IBRS \
Opteron_G1 Opteron_G2 Opteron_G3 Opteron_G4 Opteron_G5 Penryn SandyBridge SandyBridge-IBRS SapphireRapids SapphireRapids-v2 SierraForest \
Skylake-Client Skylake-Client-IBRS Skylake-Client-noTSX-IBRS Skylake-Client-v4 Skylake-Server Skylake-Server-IBRS \
Skylake-Server-noTSX-IBRS Skylake-Server-v4 Skylake-Server-v5 Westmere Westmere-IBRS athlon core2duo coreduo host kvm32 kvm64 max pentium \
pentium2 pentium3 phenom qemu32 qemu64 x86-64-v2 x86-64-v2-AES x86-64-v3 x86-64-v4";

fn cpu(found: &property::Fields) -> Checked {
    let Some(kind) = found.get("cputype").and_then(|value| value.as_str()) else {
        return Err("CPU is missing cputype\n".to_owned());
    };
    if let Some(name) = kind.strip_prefix("custom-") {
        return Err(format!("Custom cputype '{name}' not found\n"));
    }
    if !CPU_TYPES.split_whitespace().any(|known| known == kind) {
        return Err(format!("Built-in cputype '{kind}' is not defined (missing 'custom-' prefix?)\n"));
    }
    if found.contains_key("reported-model") {
        return Err("Property 'reported-model' not allowed in VM-specific CPU config.\n".to_owned());
    }
    Ok(())
}

fn ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

fn ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

fn cidr(text: &str, address: fn(&str) -> bool, max: u32) -> bool {
    let Some((ip, bits)) = text.split_once('/') else { return false };
    address(ip) && bits.bytes().all(|b| b.is_ascii_digit()) && bits.parse().is_ok_and(|bits: u32| bits > 7 && bits <= max)
}

fn dns_name(text: &str) -> bool {
    pattern::matches("([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?\\.)*[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?", text)
}

fn netmask(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok_and(|ip| ip.to_bits().leading_ones() + ip.to_bits().trailing_zeros() >= 32)
}

const MAIL_USER: &str = r"[\w+\-~]+(\.[\w+\-~]+)*";

fn email(text: &str) -> bool {
    pattern::matches(&format!(r"{MAIL_USER}@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*"), text)
}

/// An id of at least two characters.
fn id(text: &str, what: &str) -> Checked {
    if text.len() < 2 {
        return Err(format!("{what} ID '{text}' cannot be shorter than 2 characters\n"));
    }
    must(pattern::matches("(?i:[a-z][a-z0-9._-]*[a-z0-9])", text), || format!("{what} ID '{text}' contains illegal characters"))
}

fn must(ok: bool, message: impl FnOnce() -> String) -> Checked {
    if ok { Ok(()) } else { Err(format!("{}\n", message())) }
}

fn like(ok: bool, what: &str) -> Checked {
    must(ok, || format!("value does not look like {what}"))
}

fn volume_id(text: &str) -> Checked {
    must(pattern::matches("(?i:[a-z][a-z0-9._-]*[a-z0-9]):.+", text), || format!("unable to parse volume ID '{text}'"))
}

fn user_name(text: &str) -> Checked {
    let length = text.chars().count();
    must(length >= 3, || format!("user name '{text}' is too short"))?;
    must(length <= 64, || format!("user name '{text}' is too long ({length} > 64)"))?;
    let known = pattern::matches(r"[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+", text);
    must(known, || format!("value '{text}' does not look like a valid user name"))
}

fn pool(text: &str) -> Checked {
    must(text.split('/').count() <= 3, || format!("pool name '{text}' nested too deeply (max levels = 3)"))?;
    let plain = pattern::matches("[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+){0,2}", text);
    must(plain, || format!("pool name '{text}' contains invalid characters"))
}

const CONTENT: [&str; 7] = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"];

/// A calendar event, as far as its characters and words tell.
fn calendar_event(text: &str) -> bool {
    let known = |word: &str| {
        ["minutely", "hourly", "daily", "weekly", "monthly", "yearly", "annually", "quarterly", "semiannually", "semi-annually"]
            .contains(&word)
    };
    let days = "(mon|tue|wed|thu|fri|sat|sun)[a-z]*";
    let digits = r"[0-9*/:,. -]+";
    let text = text.trim().to_ascii_lowercase();
    known(&text)
        || pattern::matches(&format!(r"({days}((\.\.|,|-){days})*)?\s*({digits}(\.\.{digits})*)?( utc)?"), &text) && !text.is_empty()
}

fn size_pair(text: &str, what: fn(&str) -> Checked) -> Checked {
    let wrap = |error: String| format!("entry '{text}' contains invalid ID - {error}\n\n");
    match text.split_once(':') {
        _ if text == "1" => Ok(()),
        Some((from, to)) if !from.is_empty() && !to.is_empty() && !to.contains(':') => what(from).and_then(|()| what(to)).map_err(wrap),
        _ => what(text).map_err(wrap),
    }
}

fn bridge(text: &str) -> Checked {
    must(pattern::matches("[-_.a-zA-Z0-9]+", text), || format!("invalid bridge ID '{text}'"))
}

fn one(format: &str, text: &str) -> Checked {
    match format {
        "pve-vmid" => like(pattern::matches("[1-9][0-9]{2,8}", text), "a valid VM ID"),
        "pve-node" => like(pattern::matches("[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?", text), "a valid node name"),
        "pve-configid" => must(pattern::matches("(?i:[a-z][a-z0-9_-]+)", text), || format!("invalid configuration ID '{text}'")),
        "pve-storage-id" => id(text, "storage"),
        "acme-plugin-id" => id(text, "ACME plugin"),
        "pve-bridge-id" => bridge(text),
        "storage-pair" => size_pair(text, |text| id(text, "storage")),
        "bridge-pair" => size_pair(text, bridge),
        "mac-addr" => like(pattern::matches("(?i:[a-f0-9][02468ace](:[a-f0-9]{2}){5})", text), "a valid unicast MAC address"),
        "ipv4" => like(ipv4(text), "a valid IPv4 address"),
        "ipv6" => like(ipv6(text), "a valid IPv6 address"),
        "ip" => like(ipv4(text) || ipv6(text), "a valid IP address"),
        "lxc-ip-with-ll-iface" => {
            let link_local = text.split_once('%').is_some_and(|(ip, iface)| ip.starts_with("fe80:") && ipv6(ip) && iface_ok(iface));
            like(link_local || ipv4(text) || ipv6(text), "a valid IP address")
        }
        "ipv4mask" => like(netmask(text), "a valid IP netmask"),
        "CIDRv4" => like(cidr(text, ipv4, 32), "a valid IPv4 CIDR network"),
        "CIDRv6" => like(cidr(text, ipv6, 128), "a valid IPv6 CIDR network"),
        "CIDR" => like(cidr(text, ipv4, 32) || cidr(text, ipv6, 128), "a valid CIDR network"),
        "pve-ipv4-config" => like(["dhcp", "manual"].contains(&text) || cidr(text, ipv4, 32), "a valid ipv4 network configuration"),
        "pve-ipv6-config" => {
            like(["auto", "dhcp", "manual"].contains(&text) || cidr(text, ipv6, 128), "a valid ipv6 network configuration")
        }
        "email" => like(email(text), "a valid email address"),
        "email-or-username" => like(email(text) || pattern::matches(MAIL_USER, text), "a valid email address or user name"),
        "dns-name" => like(dns_name(text), "a valid DNS name"),
        "address" => must(ipv4(text) || ipv6(text) || dns_name(text), || format!("value does not look like a valid address: {text}")),
        "pve-storage-server" => like(ipv4(text) || ipv6(text) || dns_name(text), "a valid server name or IP address"),
        "disk-size" => must(property::size(text).is_some(), || format!("value does not look like a valid disk size: {text}")),
        "pve-iface" => must(iface_ok(text), || format!("invalid network interface name '{text}'")),
        "pve-ct-timezone" | "timezone" => must(timezone(text), || format!("invalid time zone '{text}'")),
        "urlencoded" => must(pattern::matches("[-%a-zA-Z0-9_.!~*'()]*", text), || format!("invalid urlencoded string: {text}")),
        "pve-tag" => must(pattern::matches("(?i:[a-z0-9_][a-z0-9_+.-]*)", text), || "invalid characters in tag".to_owned()),
        "pve-startup-order" => {
            let known = |part: &str| part.trim().is_empty() || pattern::matches("(order=)?[0-9]+|up=[0-9]+|down=[0-9]+", part);
            must(!text.is_empty() && text != "0" && text.split(',').all(known), || "unable to parse startup options".to_owned())
        }
        "pve-task-status-type" => must(pattern::matches("(?i:ok|error|warning|unknown)", text), || format!("invalid status '{text}'")),
        "pve-volume-id" => volume_id(text),
        "pve-volume-id-or-absolute-path" if text.starts_with('/') => Ok(()),
        "pve-volume-id-or-qm-path" if text.starts_with('/') || text == "none" || text == "cdrom" => Ok(()),
        "pve-volume-id-or-absolute-path" | "pve-volume-id-or-qm-path" => volume_id(text),
        "pve-storage-path" | "pve-storage-path-in-property-string" => {
            like(text.len() > 1 && text.starts_with('/') && !text[1..].starts_with([';', '(', ')']), "a valid absolute path")
        }
        "pve-storage-content" => must(CONTENT.contains(&text) || text == "none", || format!("invalid content type '{text}'")),
        "pve-storage-options" => must(!text.is_empty() && !text.contains(char::is_whitespace), || format!("invalid options '{text}'")),
        "pve-storage-vgname" => {
            must(pattern::matches("(?i:[a-z0-9][a-z0-9._-]*[a-z0-9])", text), || format!("lvm name '{text}' contains illegal characters"))
        }
        "pve-storage-portal-dns" => {
            let host = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(text, |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']');
            like(ipv4(host) || ipv6(host) || dns_name(host), "a valid portal address")
        }
        "pve-lxc-mp-string" => {
            let bad =
                text.contains("/./") || text.contains("/../") || text.ends_with("/.") || text.ends_with("/..") || text.starts_with("../");
            must(!bad, || format!("{text} contains illegal character sequences"))
        }
        "pve-lxc-dev-string" => {
            let bad = text.contains("/../") || text.ends_with("/..") || text.contains("/./") || !text.starts_with("/dev/");
            must(!bad, || format!("{text} is not a valid device path"))
        }
        "pve-userid" => user_name(text),
        "pve-tokenid" => must(pattern::matches(r"[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+![A-Za-z][A-Za-z0-9._-]+", text), || {
            format!("value '{text}' does not look like a valid token ID")
        }),
        "pve-groupid" => must(pattern::matches("[A-Za-z0-9._-]+", text), || format!("group name '{text}' contains invalid characters")),
        "pve-roleid" => must(pattern::matches("[A-Za-z0-9._-]+", text), || format!("role name '{text}' contains invalid characters")),
        "pve-priv" => must(crate::api::privileges::is_privilege(text), || format!("invalid privilege '{text}'")),
        "pve-poolid" => pool(text),
        "pve-realm" => like(pattern::matches("[A-Za-z][A-Za-z0-9._-]+", text), "a valid realm"),
        "pve-replication-job-id" => replication_job(text),
        "pve-calendar-event" => must(calendar_event(text), || format!("invalid calendar event '{text}'")),
        "pve-hotplug-features" => hotplug(text),
        "pve-cpuset" => must(pattern::matches("[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*", text), || "unable to parse cpuset option".to_owned()),
        "pve-phys-bits" => must(text == "host" || text.parse::<u8>().is_ok_and(|bits| (8..=64).contains(&bits)), || {
            "value must be an integer between 8 and 64 or 'host'".to_owned()
        }),
        "pve-qm-bootdev" => {
            must(pattern::matches("(ide[0-3]|sata[0-5]|scsi[0-9]+|virtio[0-9]+|net[0-9]+|usb[0-9]+|hostpci[0-9]+)", text), || {
                format!("invalid boot device '{text}'")
            })
        }
        "pve-qm-bootdisk" => {
            must(pattern::matches("(ide[0-3]|sata[0-5]|scsi[0-9]+|virtio[0-9]+)", text), || format!("invalid boot disk '{text}'"))
        }
        "pve-vlan-id-or-range" => vlan(text),
        "ldap-simple-attr" => {
            must(pattern::matches("[a-zA-Z0-9]+", text), || format!("value '{text}' does not look like a simple ldap attribute name"))
        }
        "pve-fw-dport-spec" => port_list(text, true).map_err(|why| format!("{why}\n")),
        "pve-fw-sport-spec" => port_list(text, false).map_err(|why| format!("{why}\n")),
        "pve-ha-resource-id" => {
            must(pattern::matches(r"[a-z]+:\S+", text), || "value does not look like a valid ha resource id".to_owned())
        }
        "pve-ha-resource-or-vm-id" => {
            must(pattern::matches(r"([a-z]+:\S+|[0-9]+)", text), || "value does not look like a valid ha resource id".to_owned())
        }
        "pve-ha-node" => {
            let known = pattern::matches("[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(:[0-9]+)?", text);
            must(known, || "value does not look like a valid ha node".to_owned())
        }
        "pem-string" | "pem-certificate-chain" => must(text.contains("-----BEGIN "), || "not a valid PEM-formatted string.".to_owned()),
        "pve-sdn-subnet-id" => {
            let cidr = if text.contains('/') { text.to_owned() } else { text.splitn(3, '-').skip(1).collect::<Vec<_>>().join("/") };
            like(self::cidr(&cidr, ipv4, 32) || self::cidr(&cidr, ipv6, 128), "a valid CIDR network")
        }
        "IPorCIDR" => {
            let address = text.split_once('/').map_or(text, |(ip, _)| ip);
            like(ipv4(address) || ipv6(address), "a valid IP address or CIDR network")
        }
        "IPorCIDRorAlias" => {
            let alias = pattern::matches("(dc/|guest/)?[A-Za-z][A-Za-z0-9_-]+", text);
            let address = text.split_once('/').map_or(text, |(ip, _)| ip);
            like(alias || ipv4(address) || ipv6(address), "a valid IP address or CIDR network")
        }
        // Formats of calls that no verb sends: any value passes.
        _ => Ok(()),
    }
}

/// Service names that ports can be given as.
const SERVICES: &str =
    "ftp ssh telnet smtp domain tftp http https pop3 pop3s ntp imap2 imaps snmp ldap ldaps syslog submission mysql postgresql nfs rsync";

/// Checks ports of a firewall rule: numbers, ranges and service names; ICMP types too where they are allowed.
pub fn port_list(text: &str, icmp: bool) -> Result<(), String> {
    let port = |text: &str| match text.parse::<u16>() {
        Ok(port) => Ok(port),
        Err(_) => Err(format!("invalid port '{text}'")),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if text.ends_with(',') {
        return Err("extraneous commas in list".to_owned());
    }
    let mut count = 0;
    for item in text.split(',') {
        if let Some((from, to)) = item.split_once(':').filter(|(from, to)| digits(from) && digits(to)) {
            count += 2;
            let (low, high) = (port(from)?, port(to)?);
            if low > high {
                return Err(format!("backwards range '{from}:{to}' not allowed, did you mean '{to}:{from}'?"));
            }
        } else if digits(item) {
            count += 1;
            port(item)?;
        } else if !icmp && !SERVICES.split(' ').any(|name| name == item) {
            return Err(format!("invalid port '{item}'"));
        }
    }
    if count > 15 { Err("too many entries in port list (> 15 numbers)".to_owned()) } else { Ok(()) }
}

/// The IP version of an address, network or range.
pub fn ip_version(text: &str) -> Option<u8> {
    let address = text.split(['/', '-']).next().unwrap_or(text);
    if ipv4(address) {
        return Some(4);
    }
    ipv6(address).then_some(6)
}

/// Whether an address belongs to a network.
pub fn in_network(address: &str, network: &str) -> bool {
    let Some((base, bits)) = network.split_once('/') else { return address == network };
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (address.parse::<IpAddr>(), base.parse::<IpAddr>()) {
        (Ok(IpAddr::V4(address)), Ok(IpAddr::V4(base))) => {
            (address.to_bits() ^ base.to_bits()).checked_shr(32u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        (Ok(IpAddr::V6(address)), Ok(IpAddr::V6(base))) => {
            (address.to_bits() ^ base.to_bits()).checked_shr(128u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

fn iface_ok(text: &str) -> bool {
    pattern::matches(r"(?i:[a-z][a-z0-9_]{1,20}([:.][0-9]+)?)", text)
}

fn timezone(text: &str) -> bool {
    text == "host" || text == "UTC" || pattern::matches("[A-Z][A-Za-z_]+/[A-Za-z0-9_+-]+(/[A-Za-z_]+)?", text)
}

fn replication_job(text: &str) -> Checked {
    let parsed = text.split_once('-').and_then(|(guest, job)| Some((guest.parse::<u64>().ok()?, job.parse::<u64>().ok()?)));
    match parsed {
        Some((guest, _)) if guest < 100 => Err(format!("invalid replication job id '{text}' (guest IDs < 100 are reserved)\n")),
        Some(_) => Ok(()),
        None => Err(format!("invalid replication job id '{text}'\n")),
    }
}

fn hotplug(text: &str) -> Checked {
    if text == "0" || text == "1" {
        return Ok(());
    }
    split_list(text).into_iter().try_for_each(|feature| {
        let known = ["network", "disk", "cpu", "memory", "usb", "cloudinit"].contains(&feature);
        must(known, || format!("invalid hotplug feature '{feature}'"))
    })
}

fn vlan(text: &str) -> Checked {
    let tag = |text: &str| match text.parse::<u32>() {
        Ok(tag) if (2..=4094).contains(&tag) => Ok(tag),
        Ok(tag) => Err(format!("invalid VLAN tag '{tag}'\n")),
        Err(_) => Err(String::new()),
    };
    let bad = |_| format!("invalid VLAN configuration '{text}'\n");
    match text.split_once('-') {
        None => tag(text).map(|_| ()).map_err(|error| if error.is_empty() { bad(()) } else { error }),
        Some((from, to)) => {
            let (from, to) = (tag(from)?, tag(to)?);
            must(from < to, || format!("VLAN range must go from lower to higher tag '{text}'"))
        }
    }
}
