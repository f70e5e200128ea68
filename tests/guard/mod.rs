//! Checks before changes: that no command bypasses them, and their journal.

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
