//! argv → run → exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    felhom::cli::main(std::env::args_os())
}
