//! The macros that firewall rules can use.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Req};

/// Names of all macros.
const NAMES: &str = "Amanda Auth BGP BitTorrent BitTorrent32 Ceph Citrix CVS DAAP DCC DHCPfwd Distcc DNS Finger FTP Git GNUnet GRE HKP HTTP \
    HTTPS ICPV2 ICQ IMAP IMAPS IPIP IPsec IPsecah IPsecnat IRC Jetdirect L2TP LDAP LDAPS Mail MDNS MSNP MSSQL Munin MySQL \
    NNTP NNTPS NTP OpenVPN OSPF PCA Ping PMG POP3 POP3S PostgreSQL PPtP Printer Razor Rdate RDP RIP RNDC Rsync SANE SixXS \
    SMB SMBswat SMTP SMTPS SNMP SPAMD SPICEproxy Squid SSH Submission SVN Syslog Telnet Telnets TFTP Time Trcrt VNC VNCL Web \
    Webcache Webmin Whois";

/// Descriptions of common macros.
const TEXTS: &[(&str, &str)] = &[
    ("DNS", "Domain Name System traffic (upd and tcp)"),
    ("HTTP", "Hypertext Transfer Protocol (WWW)"),
    ("HTTPS", "Hypertext Transfer Protocol (WWW) over SSL"),
    ("MySQL", "MySQL server"),
    ("NTP", "Network Time Protocol (ntpd)"),
    ("Ping", "ICMP echo request"),
    ("PostgreSQL", "PostgreSQL server"),
    ("SMB", "Microsoft SMB traffic"),
    ("SMTP", "Simple Mail Transfer Protocol"),
    ("SSH", "Secure shell traffic"),
    ("VNC", "VNC traffic for VNC display's 0 - 99"),
    ("Web", "WWW traffic (HTTP and HTTPS)"),
];

/// Returns the macro's name as the host spells it.
pub(super) fn known(name: &str) -> Option<&'static str> {
    NAMES.split_whitespace().find(|known| known.eq_ignore_ascii_case(name))
}

pub(super) fn list(_: &mut Req<'_>) -> Answer {
    let text = |name: &str| {
        TEXTS.iter().find(|(known, _)| *known == name).map_or_else(|| format!("{name} traffic"), |(_, text)| (*text).to_owned())
    };
    Ok(NAMES.split_whitespace().map(|name| json!({ "macro": name, "descr": text(name) })).collect::<Value>().into())
}
