//! Where a context's secret is, how it is read, and where a new one is kept.

mod keyring;
mod read;
mod source;
mod store;

pub use read::{Account, Vault};
pub use source::Source;
pub use store::Store;
