//! Where a context's secret is, how it is read, and where a new one is kept.

mod source;

pub use source::Source;
