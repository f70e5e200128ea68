//! The same cases over HTTPS, SSH and locally on the node: equal values and equal errors.

mod inside;
mod real;
