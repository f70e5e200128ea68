//! The same cases over HTTPS, through the real ssh and on the node itself: the same values travel, and the same words come back.

mod inside;
mod real;
