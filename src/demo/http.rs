//! HTTP/1.1 as pveproxy speaks it: reading a request, writing its answer.

use std::io::{self, Read, Write};

use crate::demo::api::{Params, Upload};
use crate::demo::auth::Credentials;

mod body;
mod decode;
mod multipart;

pub use decode::percent_decode;

const MAX_HEAD: usize = 64 * 1024;
const MAX_POST: usize = 512 * 1024;

/// A parsed request.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    /// The decoded path, without the query.
    pub path: String,
    pub params: Params,
    pub credentials: Credentials,
    pub upload: Option<Upload>,
    /// Whether the client asked to close the connection.
    pub close: bool,
}

/// An invalid request.
#[derive(Debug)]
pub enum Bad {
    /// The client closed the connection or timed out.
    Gone,
    /// Answered with this status and reason, without a body.
    Refused(u16, String),
    /// As `Status`, with the reason in the body.
    Explained(u16, String),
}

impl From<io::Error> for Bad {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// Reads one request. `left` keeps bytes that were read beyond it.
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
    request.credentials = credentials(header("cookie").as_deref(), header("authorization").as_deref(), header("csrfpreventiontoken"));
    let (content_type, length) = (header("content-type").unwrap_or_default(), header("content-length"));
    if !matches!(request.method.as_str(), "GET" | "POST" | "PUT" | "DELETE") {
        return Err(Bad::Refused(501, format!("method '{}' not available", request.method)));
    }
    if header("transfer-encoding").is_some() {
        return Err(Bad::Explained(501, "chunked transfer encoding not supported".into()));
    }
    let expects = header("expect").is_some();
    left.drain(..head_len);

    let length: usize = length.and_then(|l| l.parse().ok()).unwrap_or(0);
    if length > 0 && !matches!(request.method.as_str(), "PUT" | "POST") {
        return Err(Bad::Explained(501, format!("Unexpected content for method '{}'", request.method)));
    }
    let multipart = request.method == "POST" && target.split('?').next().is_some_and(|path| path.ends_with("/upload"));
    let multipart = multipart && content_type.to_ascii_lowercase().starts_with("multipart/form-data");
    if !multipart && length > MAX_POST {
        return Err(Bad::Explained(501, "for data too large".into()));
    }
    if expects && left.len() < length {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        stream.flush()?;
    }
    let body: Vec<u8> = if multipart {
        multipart::read(stream, left, length, &content_type, &mut request)?;
        Vec::new()
    } else {
        while left.len() < length {
            fill(stream, left)?;
        }
        left.drain(..length).collect()
    };

    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    request.path = percent_decode(path, false);
    body::read(&content_type, &body, &mut request)?;
    // Parameters of the query override those of the body.
    let mut in_query = Params::default();
    decode::form(query, &mut in_query);
    for (key, value) in in_query.0 {
        request.params.set(&key, value);
    }
    request.params.remove("_dc");
    Ok(request)
}

fn credentials(cookie: Option<&str>, authorization: Option<&str>, csrf: Option<String>) -> Credentials {
    // A ticket in the Authorization header overrides a token.
    let ticket = auth_value(cookie, "PVEAuthCookie").or_else(|| auth_value(authorization, "PVEAuthCookie"));
    Credentials { cookie: ticket, api_token: auth_value(authorization, "PVEAPIToken"), csrf }
}

/// Returns the value of `KEY=value` or `KEY value`, up to a semicolon.
fn auth_value(header: Option<&str>, key: &str) -> Option<String> {
    let header = header?;
    let starts = header.match_indices(key).filter(|(at, _)| *at == 0 || header[..*at].ends_with(char::is_whitespace));
    let value = starts.map(|(at, _)| &header[at + key.len()..]).find_map(|rest| rest.strip_prefix(['=', ' ']))?;
    Some(percent_decode(value.split(';').next().unwrap_or(value), false)).filter(|v| !v.is_empty())
}

/// Reads until the head is complete and returns its length.
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

/// An answer to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub status: u16,
    pub reason: String,
    pub body: Body,
    /// The target of a redirect.
    pub location: Option<String>,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    None,
    Json(String),
    Text(String),
}

impl Response {
    /// An answer without a body.
    pub fn bare(status: u16, reason: String) -> Self {
        Self { status, reason, body: Body::None, location: None }
    }

    /// An answer with its reason in the body.
    pub fn explained(status: u16, reason: String) -> Self {
        Self { body: Body::Text(reason.clone()), ..Self::bare(status, reason) }
    }

    /// Whether the connection is closed afterwards: from status 300 on, as with Proxmox.
    pub fn closes(&self) -> bool {
        self.status >= 300
    }

    /// Encodes head and body. `cut` drops the second half of the body.
    pub fn bytes(&self, close: bool, cut: bool, now: i64) -> Vec<u8> {
        let (body, kind) = match &self.body {
            Body::None => ("", ""),
            Body::Json(text) => (text.as_str(), "Content-Type: application/json;charset=UTF-8\r\n"),
            Body::Text(text) => (text.as_str(), ""),
        };
        let connection = if close { "close" } else { "Keep-Alive" };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_where_the_host_finds_them() {
        let token = credentials(None, Some("PVEAPIToken=felhom@pve!agent=s-e-c"), None);
        assert_eq!(token.api_token.as_deref(), Some("felhom@pve!agent=s-e-c"));
        let blank = credentials(None, Some("PVEAPIToken felhom@pve!agent=s"), None);
        assert_eq!(blank.api_token.as_deref(), Some("felhom@pve!agent=s"));
        let cookie = credentials(Some("lang=de; PVEAuthCookie=PVE%3Aroot; x=y"), None, Some("c".into()));
        assert_eq!((cookie.cookie.as_deref(), cookie.csrf.as_deref()), (Some("PVE:root"), Some("c")));
        assert_eq!(credentials(Some("OtherPVEAuthCookie=x"), None, None).cookie, None);
    }

    #[test]
    fn an_answer_is_written_with_its_reason_and_may_be_cut() {
        let answer =
            Response { body: Body::Json("{\"data\":null}".into()), ..Response::bare(403, "Permission check failed (/, Sys.Audit)".into()) };
        let text = String::from_utf8(answer.bytes(true, false, 0)).unwrap();
        assert!(text.starts_with("HTTP/1.1 403 Permission check failed (/, Sys.Audit)\r\n"), "{text}");
        assert!(text.contains("Connection: close\r\n") && text.ends_with("Content-Length: 13\r\n\r\n{\"data\":null}"), "{text}");
        assert!(answer.closes());
        assert!(answer.bytes(true, true, 0).ends_with(b"\r\n\r\n{\"data"));
    }
}
