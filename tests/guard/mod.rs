//! The one door for changes: that none goes around it, and what it writes down.

mod faults;
mod gates;
mod hostile;
mod journal;
mod leaves;
mod limits;
mod permit;
mod plans;
mod raw;
mod refusals;
mod secrets;
mod site;
mod sources;
mod staged;
mod tags;
