//! The listener on loopback: TLS, one thread per connection, keep-alive.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::faults::Trouble;
use super::http::{Bad, Response, read_request};
use super::pipeline::Pipeline;
use crate::fault::{Fault, Kind, Result};

const IDLE: Duration = Duration::from_secs(60);

/// A running listener. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    pub fn start(listen: SocketAddr, tls: Arc<ServerConfig>, pipeline: Arc<Pipeline>) -> Result<Self> {
        let tried = |e: std::io::Error| Fault::new(Kind::Other, format!("the demo host cannot listen on {listen}: {e}"));
        let listener = TcpListener::bind(listen).map_err(tried)?;
        let address = listener.local_addr().map_err(tried)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let accept = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (tls, pipeline) = (Arc::clone(&tls), Arc::clone(&pipeline));
                // Without a thread the connection is dropped, as on an overloaded host.
                let _ = thread::Builder::new().name("demo-connection".into()).spawn(move || serve(stream, tls, &pipeline));
            }
        };
        let acceptor = thread::Builder::new().name("demo-accept".into()).spawn(accept).map_err(tried)?;
        Ok(Self { address, stop, acceptor: Some(acceptor) })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // A connection wakes the thread that blocks in accept().
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            let _ = acceptor.join();
        }
    }
}

/// Serves one connection until it ends. I/O errors end it.
fn serve(tcp: TcpStream, tls: Arc<ServerConfig>, pipeline: &Pipeline) {
    let _ = tcp.set_nodelay(true);
    let _ = tcp.set_read_timeout(Some(IDLE));
    let Ok(connection) = ServerConnection::new(tls) else { return };
    let mut stream = StreamOwned::new(connection, tcp);
    let mut left = Vec::new();
    loop {
        let request = match read_request(&mut stream, &mut left) {
            Ok(request) => request,
            Err(Bad::Gone) => break,
            Err(Bad::Refused(status, reason)) => {
                let _ = stream.write_all(&Response::bare(status, reason).bytes(true, false, pipeline.clock.now_ms() / 1000));
                break;
            }
            Err(Bad::Explained(status, reason)) => {
                let _ = stream.write_all(&Response::explained(status, reason).bytes(true, false, pipeline.clock.now_ms() / 1000));
                break;
            }
        };
        let close = request.close;
        let (response, trouble) = pipeline.answer(request);
        let Some(response) = response else {
            if let Some(Trouble::Silent { ms }) = trouble {
                wait(Duration::from_millis(ms));
            }
            // A reset and a lost answer look the same to the client.
            let _ = stream.sock.shutdown(Shutdown::Both);
            return;
        };
        if let Some(Trouble::Slow { ms }) = trouble {
            wait(Duration::from_millis(ms));
        }
        let cut = matches!(trouble, Some(Trouble::CutBody | Trouble::CutAt { .. }));
        let close = close || cut || response.closes();
        let mut bytes = response.bytes(close, trouble == Some(Trouble::CutBody), pipeline.clock.now_ms() / 1000);
        if let Some(Trouble::CutAt { bytes: kept }) = trouble {
            let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
            bytes.truncate(head + kept);
        }
        if let Some(Trouble::Stall { ms }) = trouble {
            let rest = bytes.split_off(bytes.len() - bytes.len() / 4);
            let _ = stream.write_all(&bytes).and_then(|()| stream.flush());
            wait(Duration::from_millis(ms));
            bytes = rest;
        }
        if stream.write_all(&bytes).and_then(|()| stream.flush()).is_err() {
            return;
        }
        if cut {
            let _ = stream.sock.shutdown(Shutdown::Both);
            return;
        }
        if close {
            break;
        }
    }
    stream.conn.send_close_notify();
    let _ = stream.conn.complete_io(&mut stream.sock);
}

/// Waits without `thread::sleep`, which the lints reserve for interruptible waits.
fn wait(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}
