//! The manual: a page per command, made from the same words as `--help`. The flags that every command takes stand once, in felhom(1).

use crate::support::tree::{self, Named};

/// The pages by file name.
pub fn pages() -> Vec<(String, Vec<u8>)> {
    tree::all().into_iter().map(|named| (format!("{}.1", dashed(&named.name)), page(named))).collect()
}

fn dashed(name: &str) -> String {
    format!("felhom {name}").trim_end().replace(' ', "-")
}

fn page(named: Named) -> Vec<u8> {
    let Named { name, command } = named;
    let spoken = format!("felhom {name}").trim_end().to_owned();
    // Without a version, so that a release does not touch every page. What a short help leaves out belongs here.
    let command = command.display_name(dashed(&name)).bin_name(&spoken).version(None::<&str>).disable_help_subcommand(true);
    let command = command.mut_args(|argument| argument.hide_short_help(false));
    let mut text = Vec::new();
    clap_mangen::Man::new(command).title(dashed(&name)).source("felhom").manual("felhom").render(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut text = text
        .replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n")
        .replace(".SH EXTRA\nExample:\n", ".SH EXAMPLES\n")
        .replace(".SH EXTRA\n", ".SH NOTES\n");
    if !name.is_empty() {
        text.push_str(".SH \"SEE ALSO\"\n\\fBfelhom\\fR(1): the flags that every command takes, and the exit codes.\n");
    }
    text.into_bytes()
}
