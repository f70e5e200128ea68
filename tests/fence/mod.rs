//! The fence: its verbs in the demo, and its doors with the real sudo and sshd.

mod demo;
mod inside;
mod real;
