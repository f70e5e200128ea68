//! Configuration: contexts, trust, secrets.

pub mod context;
pub mod edit;
pub mod endpoint;
pub mod env;
pub mod files;
pub mod first_contact;
pub mod load;
pub mod paths;
pub mod resolve;
pub mod secrets;
mod section;

pub use context::{Context, Fence, FenceVia, SshHost, Transport, Writes};
pub use edit::Editor;
pub use endpoint::{Endpoint, Url};
pub use env::Env;
pub use load::Config;
pub use paths::Paths;
pub use resolve::Selection;
