//! The one door for changes: that none goes around it, and what it writes down.

mod gates;
mod hostile;
mod journal;
mod secrets;
mod staged;
mod tags;
