//! All output: data on stdout, everything else on stderr.

mod bars;
mod cell;
pub mod clean;
mod csv;
mod detail;
mod field;
mod grid;
pub mod jq;
mod json;
mod message;
mod options;
mod out;
mod progress;
pub mod prompt;
mod row;
mod screen;
mod select;
mod sink;
mod table;
#[cfg(test)]
mod tests;
mod transfer;
mod wrap;

pub use crate::units;
pub use cell::{Cell, Tone};
pub use detail::Detail;
pub use field::{As, Field};
pub use options::{ColorMode, Format, Options, ProgressMode};
pub use out::{Captured, Out};
pub use progress::Progress;
pub use row::{Column, Record, Row};
pub use screen::Screen;
pub use transfer::Transfers;
pub use wrap::wrap as wrapped;
