//! A small client over real TLS: one connection a request, nothing hidden.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// What came back: status, reason phrase and body.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub status: u16,
    pub reason: String,
    pub body: Vec<u8>,
}

/// Knows a host and trusts its CA alone.
pub(crate) struct Client {
    address: String,
    tls: Arc<ClientConfig>,
}

impl Client {
    /// `endpoint` is `https://127.0.0.1:PORT`.
    pub(crate) fn new(endpoint: &str, ca_pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        for ca in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
            roots.add(ca.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        Self { address: endpoint.trim_start_matches("https://").to_owned(), tls }
    }

    /// Sends one request as it is. `target` is the path with its query, encoded.
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(String, String)], body: &[u8]) -> Reply {
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || ["POST", "PUT"].contains(&method) {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let tcp = TcpStream::connect(&self.address).unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name).unwrap(), tcp);
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream.flush().unwrap();
        let mut answer = Vec::new();
        // A host that closes without a farewell has still answered.
        let _ = stream.read_to_end(&mut answer);
        parse(&answer)
    }
}

fn parse(answer: &[u8]) -> Reply {
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer has a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let mut first = head.lines().next().unwrap().splitn(3, ' ');
    let status = first.nth(1).unwrap().parse().unwrap();
    let reason = first.next().unwrap_or("").to_owned();
    Reply { status, reason, body: answer[end + 4..].to_vec() }
}

/// Percent-encodes everything that has a meaning in a URL or a form.
pub(crate) fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
