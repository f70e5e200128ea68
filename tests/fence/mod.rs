//! The root helper: its commands in the demo, the real sudo and sshd, and the lab.

mod demo;
mod inside;
mod lab;
mod real;
