//! How the person wants to see things: the values of the global flags.

use clap::ValueEnum;

/// `--output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// One YAML document
    Yaml,
    /// Comma-separated values with a header line
    Csv,
    /// Bare identifiers, one a line
    Id,
}

/// `--progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, lines elsewhere
    #[default]
    Auto,
    /// Bars
    Bar,
    /// A line at the start, every 10 % or 30 s, and at the end
    Plain,
    /// One JSON object a line
    Json,
    /// Nothing
    None,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorMode {
    /// Where there is a terminal and NO_COLOR is not set
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Plain text
    Never,
}

/// All of it together. The default is what a bare command gets.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub format: Option<Format>,
    pub jq: Option<String>,
    pub columns: Option<Vec<String>>,
    /// `COL[:desc]`, several joined by commas.
    pub sort: Option<String>,
    /// `COL=VAL,…`: every column named must match.
    pub filter: Vec<String>,
    pub no_headers: bool,
    pub quiet: bool,
    pub verbose: u8,
    pub progress: ProgressMode,
    pub color: ColorMode,
}

impl Options {
    /// The format in force: `--jq` means JSON, whatever a default or the environment says.
    pub fn format(&self) -> Format {
        if self.jq.is_some() { Format::Json } else { self.format.unwrap_or_default() }
    }
}
