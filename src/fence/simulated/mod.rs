//! A simulated host in a directory: disks, programs and a journal for the helper's own code.
//!
//! Used by the demo and by the helper's tests. Its state has the files of a real host: unit files, fstab, mountinfo.

#[cfg(feature = "demo")]
mod pct;
mod seed;
mod tools;

pub use seed::seed;
pub use tools::{SimulatedTools, ToolFailure};

/// Runs a command as the helper on the demo host would. `pct` creates the container through the demo host's API.
#[cfg(feature = "demo")]
pub fn answer(root: &std::path::Path, word: super::protocol::Word, bytes: &[u8]) -> super::protocol::Envelope {
    use super::host::{Caller, Host};
    if let Err(e) = seed(root) {
        return super::protocol::Envelope::error(super::protocol::HelperError::io("cannot create the simulated host", &e));
    }
    let tools = SimulatedTools::new(root).with_pct(|words, _| pct::create(root, words));
    super::host::answer(&Host::simulated(root, true, &tools), word, bytes, &Caller("demo".to_owned()))
}
