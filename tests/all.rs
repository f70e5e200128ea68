#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may end where it stands, and says why it skips")]

mod demo_guests;
mod replay;
mod support;
