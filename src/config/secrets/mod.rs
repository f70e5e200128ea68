//! Secrets: sources, reading and storing.

mod account;
mod keyring;
mod read;
mod source;
mod store;

pub use account::Account;
pub use read::Vault;
pub use source::Source;
pub use store::Store;
