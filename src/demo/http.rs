//! HTTP/1.1 as the host's front door speaks it: one request from the wire, one answer to it.

use std::io::{self, Read, Write};

use crate::demo::api::{Params, Upload};
use crate::demo::auth::Credentials;

mod body;
mod decode;

pub use decode::percent_decode;

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 256 * 1024 * 1024;

/// A request as it came.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    /// Decoded, without the query.
    pub path: String,
    pub params: Params,
    pub credentials: Credentials,
    pub upload: Option<Upload>,
    /// The client wants the connection closed.
    pub close: bool,
}

/// What came instead of a good request.
#[derive(Debug)]
pub enum Bad {
    /// The other side is gone, or was silent for too long.
    Gone,
    /// Answered with this status and reason, without a body.
    Refused(u16, String),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads one request; `left` keeps what was read beyond it.
pub fn read_request(stream: &mut (impl Read + Write), left: &mut Vec<u8>) -> Result<Request, Bad> {
    let head_len = fill_head(stream, left)?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&left[..head_len]).map_err(|_| Bad::Refused(400, "bad request".into()))?;
    let (method, target) = (parsed.method.unwrap_or("").to_owned(), parsed.path.unwrap_or("/").to_owned());
    let header = |name: &str| {
        let found = parsed.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(found.value).trim().to_owned())
    };
    let mut request = Request { method, ..Request::default() };
    request.close = header("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    request.credentials = credentials(header("cookie"), header("authorization"), header("csrfpreventiontoken"));
    let (content_type, length) = (header("content-type").unwrap_or_default(), header("content-length"));
    if header("transfer-encoding").is_some() {
        return Err(Bad::Refused(501, "chunked transfer encoding not supported".into()));
    }
    if !matches!(request.method.as_str(), "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS") {
        return Err(Bad::Refused(501, format!("method '{}' not available", request.method)));
    }
    let expects = header("expect").is_some();
    left.drain(..head_len);

    let length: usize = length.and_then(|l| l.parse().ok()).unwrap_or(0);
    if length > MAX_BODY {
        return Err(Bad::Refused(501, "for data too large".into()));
    }
    if expects && left.len() < length {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.flush()?;
    }
    while left.len() < length {
        fill(stream, left)?;
    }
    let body: Vec<u8> = left.drain(..length).collect();

    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    request.path = percent_decode(path, false);
    decode::form(query, &mut request.params);
    body::read(&content_type, &body, &mut request)?;
    request.params.remove("_dc");
    Ok(request)
}

fn credentials(cookie: Option<String>, authorization: Option<String>, csrf: Option<String>) -> Credentials {
    let cookie = cookie.and_then(|all| {
        let found = all.split(';').find_map(|c| c.trim().strip_prefix("PVEAuthCookie=").map(str::to_owned))?;
        Some(percent_decode(&found, false))
    });
    let api_token = authorization.and_then(|a| a.strip_prefix("PVEAPIToken=").map(|t| percent_decode(t, false)));
    Credentials { cookie, api_token, csrf }
}

/// Reads until the head is complete and tells its length.
fn fill_head(stream: &mut impl Read, left: &mut Vec<u8>) -> Result<usize, Bad> {
    loop {
        if let Some(at) = left.windows(4).position(|w| w == b"\r\n\r\n") {
            return Ok(at + 4);
        }
        if left.len() > MAX_HEAD {
            return Err(Bad::Refused(400, "header too large".into()));
        }
        fill(stream, left)?;
    }
}

fn fill(stream: &mut impl Read, left: &mut Vec<u8>) -> Result<(), Bad> {
    let mut buffer = [0u8; 16 * 1024];
    match stream.read(&mut buffer)? {
        0 => Err(Bad::Gone),
        n => {
            left.extend_from_slice(&buffer[..n]);
            Ok(())
        }
    }
}

/// An answer ready for the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub status: u16,
    pub reason: String,
    /// JSON, or nothing.
    pub body: Option<String>,
    /// Where a redirect leads.
    pub location: Option<String>,
}

impl Response {
    /// A status without a body.
    pub fn bare(status: u16, reason: String) -> Self {
        Self { status, reason, body: None, location: None }
    }

    /// From status 300 on the connection ends, as with Proxmox.
    pub fn closes(&self) -> bool {
        self.status >= 300
    }

    /// Head and body, at this time of the host; `cut` leaves out the second half of the body.
    pub fn bytes(&self, close: bool, cut: bool, now: i64) -> Vec<u8> {
        let body = self.body.as_deref().unwrap_or("");
        let connection = if close { "close" } else { "Keep-Alive" };
        let kind = if self.body.is_some() { "Content-Type: application/json;charset=UTF-8\r\n" } else { "" };
        let reason: String = self.reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let date = jiff::Timestamp::from_second(now).unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let location = self.location.as_ref().map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
        let mut bytes = format!(
            "HTTP/1.1 {} {reason}\r\nCache-Control: max-age=0\r\nConnection: {connection}\r\nDate: {date}\r\nPragma: no-cache\r\nServer: pve-api-daemon/3.0\r\nExpires: {date}\r\n{location}{kind}Content-Length: {}\r\n\r\n",
            self.status,
            body.len()
        )
        .into_bytes();
        let shown = if cut { &body.as_bytes()[..body.len() / 2] } else { body.as_bytes() };
        bytes.extend_from_slice(shown);
        bytes
    }
}
