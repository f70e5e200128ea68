//! Secrets: sources, reading and storing.

mod keyring;
mod read;
mod source;
mod store;

pub use read::{Account, Vault};
pub use source::Source;
pub use store::Store;
