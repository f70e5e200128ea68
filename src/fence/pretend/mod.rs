//! A pretended host in a directory: disks, tools and a journal behind the very code that the helper runs.
//!
//! The demo uses it, and so do the tests of the helper. Its state is what a host's would be: unit files, fstab, mountinfo.

#[cfg(feature = "demo")]
mod pct;
mod seed;
mod tools;

pub use seed::seed;
pub use tools::{Pretended, Stopped};

/// Answers a word as the helper on the pretended host would. Its `pct` makes the container on the demo host.
#[cfg(feature = "demo")]
pub fn answer(root: &std::path::Path, word: super::protocol::Word, bytes: &[u8]) -> super::protocol::Envelope {
    use super::host::{Caller, Host};
    if let Err(e) = seed(root) {
        return super::protocol::Envelope::error(super::protocol::Trouble::io("cannot lay out the demo host", &e));
    }
    let tools = Pretended::new(root).with_pct(|words, _| pct::create(root, words));
    super::host::answer(&Host::pretended(root, true, &tools), word, bytes, &Caller("demo".to_owned()))
}
