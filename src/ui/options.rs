//! Values of the global output options.

use clap::ValueEnum;

/// `--output`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Table for people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One JSON object per line
    Jsonl,
    /// One YAML document
    Yaml,
    /// Comma-separated values with a header
    Csv,
    /// Identifiers only, one per line
    Id,
}

/// `--progress`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, else plain
    #[default]
    Auto,
    /// Progress bars
    Bar,
    /// Lines at the start, every 10 % or 30 s, and at the end
    Plain,
    /// One JSON object per line
    Json,
    /// No progress
    None,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always, also into files and pipes
    Always,
    /// Never
    Never,
}

/// All output options. The default is that of a command without options.
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
    /// Returns the effective format: `--jq` selects JSON, whatever the default or the environment.
    pub fn format(&self) -> Format {
        if self.jq.is_some() { Format::Json } else { self.format.unwrap_or_default() }
    }
}
