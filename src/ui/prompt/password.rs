//! Reads a line without echo, and always restores the terminal.

use std::io::Stdin;

use console::Term;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize as _, Zeroizing};

use super::{failed, interrupted};
use crate::fault::{Fault, Result};
use crate::secret::Secret;

/// Maximum length. The buffer is never reallocated, so no copy of the password remains in memory.
const LONGEST: usize = 1024;

pub(super) fn ask(question: &str) -> Result<Secret> {
    let stdin = std::io::stdin();
    let term = Term::stderr();
    // Disable echo before asking: a program that waits for the question may answer at once.
    let quiet = Quiet::new(&stdin)?;
    term.write_str(&format!("{question}: ")).map_err(|e| failed(&e))?;
    let typed = read(&stdin);
    drop(quiet);
    let _ = term.write_line("");
    typed
}

struct Quiet<'a> {
    stdin: &'a Stdin,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(stdin: &'a Stdin) -> Result<Self> {
        let fault = |e: Errno| failed(&e.into());
        let before = tcgetattr(stdin).map_err(fault)?;
        let mut quiet = before.clone();
        // Ctrl-C arrives as a byte, because a signal could leave the terminal without echo.
        quiet.local_modes &= !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(stdin, OptionalActions::Now, &quiet).map_err(fault)?;
        Ok(Self { stdin, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.stdin, OptionalActions::Now, &self.before);
    }
}

fn read(stdin: &Stdin) -> Result<Secret> {
    let mut line = Line(Zeroizing::new(Vec::with_capacity(LONGEST)));
    loop {
        let mut byte = [0_u8; 1];
        // Unlike a read, `poll` is interrupted by signals.
        match poll(&mut [PollFd::new(stdin, PollFlags::IN)], None).and_then(|_| rustix::io::read(stdin, &mut byte)) {
            Ok(0) => return line.finished(),
            Ok(_) => {}
            Err(Errno::INTR) => return Err(interrupted()),
            Err(e) => return Err(failed(&e.into())),
        }
        let ended = line.take(byte[0]);
        byte.zeroize();
        if ended? {
            return line.finished();
        }
    }
}

struct Line(Zeroizing<Vec<u8>>);

impl Line {
    /// Adds a byte. Returns true at the end of the line.
    fn take(&mut self, byte: u8) -> Result<bool> {
        match byte {
            b'\r' | b'\n' | 0x04 => return Ok(true),
            0x03 => return Err(interrupted()),
            // Backspace removes a character, possibly of several bytes.
            0x08 | 0x7f => while self.0.pop().is_some_and(|b| b & 0xc0 == 0x80) {},
            0x15 => self.0.clear(),
            _ if self.0.len() == LONGEST => return Err(Fault::usage(format!("the password is longer than {LONGEST} bytes"))),
            byte => self.0.push(byte),
        }
        Ok(false)
    }

    fn finished(self) -> Result<Secret> {
        if self.0.is_empty() {
            return Err(Fault::refused("no password was typed"));
        }
        match std::str::from_utf8(&self.0) {
            Ok(text) => Ok(Secret::new(text)),
            Err(_) => Err(Fault::usage("the password is not UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;

    fn typed(bytes: &[u8]) -> Result<Secret> {
        let mut line = Line(Zeroizing::new(Vec::new()));
        for byte in bytes {
            if line.take(*byte)? {
                break;
            }
        }
        line.finished()
    }

    #[test]
    fn keys() {
        assert_eq!(typed(b"secret\rmore").unwrap().reveal(), "secret");
        assert_eq!(typed(b"sex\x7fcret\n").unwrap().reveal(), "secret");
        assert_eq!(typed("aé\u{7f}b\n".as_bytes()).unwrap().reveal(), "ab");
        assert_eq!(typed(b"wrong\x15right\n").unwrap().reveal(), "right");
        assert_eq!(typed(b"\x7f\x7fa\n").unwrap().reveal(), "a");
        assert_eq!(typed(b"abc\x03").unwrap_err().kind, Kind::Interrupted);
        assert_eq!(typed(b"\n").unwrap_err().kind, Kind::Refused);
        assert_eq!(typed(b"\xff\n").unwrap_err().kind, Kind::Usage);
        assert_eq!(typed(&[b'x'; LONGEST + 1]).unwrap_err().kind, Kind::Usage);
    }
}
