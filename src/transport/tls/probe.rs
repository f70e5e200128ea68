//! Reads a server's certificate with a handshake only, before it is trusted.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

use super::client::{client_config, looking_config};
use super::{PeerCert, Seen, Trust};
use crate::config::Env;
use crate::fault::{Fault, Kind, Result};

/// Connects directly and reads the certificate. `server_name` is the name to request, if not the host.
pub fn probe(host: &str, port: u16, server_name: Option<&str>, limit: Duration) -> Result<PeerCert> {
    shake(looking_config()?, host, port, server_name.unwrap_or(host), limit)
}

/// Reads the certificate like a request would: an untrusted certificate is an error.
pub fn prove(host: &str, port: u16, trust: &Trust, env: &Env, limit: Duration) -> Result<PeerCert> {
    shake(client_config(trust, env)?, host, port, host, limit)
}

fn shake((config, seen): (ClientConfig, Seen), host: &str, port: u16, name: &str, limit: Duration) -> Result<PeerCert> {
    let until = Instant::now() + limit;
    let unreachable = |why: String| Fault::new(Kind::Unreachable, format!("cannot read the certificate of {host} port {port}: {why}"));
    let name =
        ServerName::try_from(name.to_owned()).map_err(|_| Fault::usage(format!("`{}` is not a host name", name.escape_default())))?;
    let stream = connect(host, port, until).map_err(|e| unreachable(e.to_string()))?;
    let mut line = Line { stream, until };
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(|e| unreachable(e.to_string()))?;
    while tls.is_handshaking() {
        if let Err(e) = tls.complete_io(&mut line) {
            return Err(seen.fault(&format!("{host}:{port}")).unwrap_or_else(|| unreachable(explain(&e))));
        }
    }
    tls.send_close_notify();
    let _ = tls.write_tls(&mut line);
    seen.peer().ok_or_else(|| unreachable("it sent no certificate that can be read".to_owned()))
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "it hung up during the TLS handshake".to_owned(),
        io::ErrorKind::InvalidData => format!("the TLS handshake failed: {error}"),
        _ => error.to_string(),
    }
}

fn connect(host: &str, port: u16, until: Instant) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let addresses: Vec<_> = (host, port).to_socket_addrs()?.collect();
    for (tried, address) in addresses.iter().enumerate() {
        // An unreachable address must not use up the time of the next ones.
        let share = left(until)? / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// A stream with one deadline for all reads and writes, so that a slow server cannot delay felhom.
struct Line {
    stream: TcpStream,
    until: Instant,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Line {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        self.stream.write(buffer).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// rustls treats `WouldBlock` as a reason to retry.
fn timed_out(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}
