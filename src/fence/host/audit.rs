//! Journal messages of the helper: one when a call starts, one when it ends.

use std::io;
use std::os::unix::net::UnixDatagram;

/// Facility authpriv, priority info, as sudo uses.
const PRIORITY: u8 = 10 * 8 + 6;

/// Sends a line to the journal's socket, with control characters replaced.
pub(super) fn send(line: &str) -> io::Result<()> {
    let clean: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to(format!("<{PRIORITY}>felhom-fence[{}]: {clean}", std::process::id()).as_bytes(), "/dev/log").map(drop)
}
