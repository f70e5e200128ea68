//! Endpoints of the API: `host`, `host:port` or `https://host:port`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::transport::tls::{self, Fingerprint};

/// The port of Proxmox VE's API.
pub const PORT: u16 = 8006;

/// A host and a port, always with https.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
}

/// An endpoint of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub url: Url,
    /// The pinned leaf. It overrides a CA.
    pub fingerprint: Option<Fingerprint>,
    /// The server name to request and verify, if not the URL's host.
    pub server_name: Option<String>,
}

impl Endpoint {
    pub fn new(url: Url) -> Self {
        Self { url, fingerprint: None, server_name: None }
    }
}

impl Url {
    /// Returns `host:port`, with brackets for IPv6.
    pub fn authority(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}", self.authority())
    }
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            None => text,
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => {
                return Err("http is not spoken: the token would travel in the clear; write https://HOST:PORT".to_owned());
            }
            Some(_) => return Err("an endpoint begins with https://".to_owned()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // Checked before any message repeats the text: the part before an @ may be a password.
        if rest.contains('@') {
            return Err("an endpoint holds no user and no password: the token stands in token_id and secret".to_owned());
        }
        if let Some(odd) = rest.chars().find(|c| matches!(c, '/' | '?' | '#')) {
            return Err(format!("an endpoint is a host and a port, nothing after it (found `{odd}`)"));
        }
        let (host, port) = split(rest)?;
        let port = match port {
            None => PORT,
            Some(digits) => digits.parse().ok().filter(|port| *port != 0).ok_or_else(|| format!("`{digits}` is not a port"))?,
        };
        Ok(Self { host: check_host(host)?, port })
    }
}

/// Splits the text into the host without brackets and the digits of the port.
fn split(rest: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(inner) = rest.strip_prefix('[') {
        let (address, after) = inner.split_once(']').ok_or("the closing ] of the IPv6 address is missing")?;
        let address_ok = address.parse::<Ipv6Addr>().is_ok();
        return match (address_ok, after, after.strip_prefix(':')) {
            (false, _, _) => Err(format!("`{address}` is not an IPv6 address")),
            (true, "", _) => Ok((address, None)),
            (true, _, Some(port)) => Ok((address, Some(port))),
            (true, _, None) => Err("only :PORT may follow the ]".to_owned()),
        };
    }
    if rest.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("an IPv6 address stands in brackets: [{rest}]"));
    }
    Ok(rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))))
}

fn check_host(host: &str) -> Result<String, String> {
    if host.is_empty() {
        return Err("the host is missing".to_owned());
    }
    let fine = tls::is_host(host);
    if fine { Ok(host.to_ascii_lowercase()) } else { Err(format!("`{}` is not a host name", host.escape_default())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_people_write() {
        for (text, url) in [
            ("pve1", "https://pve1:8006"),
            ("pve1:443", "https://pve1:443"),
            ("https://192.0.2.10", "https://192.0.2.10:8006"),
            ("https://pve1.lan:8006/", "https://pve1.lan:8006"),
            ("HTTPS://PVE1", "https://pve1:8006"),
            ("[2001:db8::1]", "https://[2001:db8::1]:8006"),
            ("https://[2001:db8::1]:9000", "https://[2001:db8::1]:9000"),
        ] {
            let parsed: Url = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(parsed.to_string(), url);
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{url} comes back");
        }
    }

    #[test]
    fn refuses_the_rest_and_says_why() {
        for (text, why) in [
            ("http://pve1", "http is not spoken: the token would travel in the clear; write https://HOST:PORT"),
            ("ftp://pve1", "an endpoint begins with https://"),
            ("https://root:geheim@pve1", "an endpoint holds no user and no password: the token stands in token_id and secret"),
            ("https://pve1:8006/api2/json", "an endpoint is a host and a port, nothing after it (found `/`)"),
            ("pve1:0", "`0` is not a port"),
            ("pve1:99999", "`99999` is not a port"),
            ("2001:db8::1", "an IPv6 address stands in brackets: [2001:db8::1]"),
            ("[2001:db8::1", "the closing ] of the IPv6 address is missing"),
            ("[pve1]", "`pve1` is not an IPv6 address"),
            ("[::1]8006", "only :PORT may follow the ]"),
            ("", "the host is missing"),
            ("https://", "the host is missing"),
            ("pve 1", "`pve 1` is not a host name"),
        ] {
            assert_eq!(text.parse::<Url>(), Err(why.to_owned()), "{text}");
        }
    }
}
