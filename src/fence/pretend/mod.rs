//! A pretended host in a directory: disks, tools and a journal behind the very code that the helper runs.
//!
//! The demo uses it, and so do the tests of the helper. Its state is what a host's would be: unit files, fstab, mountinfo.

mod seed;
mod tools;

pub use seed::seed;
pub use tools::{Pretended, Stopped};
