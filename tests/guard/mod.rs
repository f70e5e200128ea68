//! The one door for changes: that none goes around it, and what it writes down.

mod gates;
mod hostile;
mod journal;
mod plans;
mod raw;
mod staged;
mod tags;
