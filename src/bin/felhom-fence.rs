//! The helper on the host: one word as its argument, one JSON request on stdin, one JSON envelope on stdout.
//!
//! No network, no configuration of its own but the host's policy file, no environment that it believes.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let (line, code) = felhom::fence::host::run(&args);
    let mut stdout = std::io::stdout();
    // A client that has gone hears nothing; what was done is in the journal.
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
    ExitCode::from(code)
}
