//! The command line as a whole: every command explains itself, its examples are real, and what is generated from it is fresh.

mod completions;
mod examples;
mod examples_run;
mod generated;
mod help;
mod hints;
mod literals;
mod man;
mod readme;
mod recorded;
mod style;
mod tree;
