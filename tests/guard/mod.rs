//! The one door for changes: that none goes around it, and what it writes down.

mod gates;
mod hostile;
mod journal;
mod leaves;
<<<<<<< HEAD
mod plans;
mod raw;
=======
mod limits;
mod permit;
>>>>>>> gates
mod secrets;
mod site;
mod sources;
mod staged;
mod tags;
