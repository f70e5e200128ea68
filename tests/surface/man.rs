//! The manual: a page per command, made from the same words as `--help`. The flags that every command takes stand once, in felhom(1).
//! Declared verbs are sections of their noun's page.

use clap::Command;
use felhom::nouns;

use crate::support::tree::{self, Named};

/// The pages by file name.
pub fn pages() -> Vec<(String, Vec<u8>)> {
    let own = tree::all().into_iter().filter(|named| nouns::find(&named.name).is_none());
    own.map(|named| (format!("{}.1", dashed(&named.name)), page(named))).collect()
}

fn dashed(name: &str) -> String {
    format!("felhom {name}").trim_end().replace(' ', "-")
}

fn page(named: Named) -> Vec<u8> {
    let Named { name, command } = named;
    let spoken = format!("felhom {name}").trim_end().to_owned();
    // Without a version, so that a release does not touch every page. What a short help leaves out belongs here.
    let command = command.clone().display_name(dashed(&name)).bin_name(&spoken).version(None::<&str>).disable_help_subcommand(true);
    let command = command.mut_args(|argument| argument.hide_short_help(false));
    let verbs: Vec<Command> =
        command.get_subcommands().filter(|sub| nouns::find(&format!("{name} {}", sub.get_name())).is_some()).cloned().collect();
    let mut text = Vec::new();
    clap_mangen::Man::new(command).title(dashed(&name)).source("felhom").manual("felhom").render(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut text = text
        .replace(".SH EXTRA\nExamples:\n", ".SH EXAMPLES\n")
        .replace(".SH EXTRA\nExample:\n", ".SH EXAMPLES\n")
        .replace(".SH EXTRA\n", ".SH NOTES\n");
    verbs.into_iter().for_each(|verb| text.push_str(&section(&spoken, verb)));
    // Verbs without a page of their own are not referred to.
    for verb in nouns::ALL.iter().filter(|noun| noun.words == name).flat_map(|noun| noun.verbs()) {
        text = text.replace(&format!("{}\\-{}(1)", dashed(&name).replace('-', "\\-"), verb.name.replace('-', "\\-")), verb.name);
    }
    if !name.is_empty() {
        text.push_str(".SH \"SEE ALSO\"\n\\fBfelhom\\fR(1): the flags that every command takes, and the exit codes.\n");
    }
    text.into_bytes()
}

/// A declared verb: what it does, how it is called, its options.
fn section(noun: &str, verb: Command) -> String {
    let title = format!("{noun} {}", verb.get_name());
    let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
    let mut command = verb.bin_name(&title).display_name(title.replace(' ', "-")).disable_help_flag(true);
    command.build();
    let man = clap_mangen::Man::new(command);
    let (mut synopsis, mut options) = (Vec::new(), Vec::new());
    man.render_synopsis_section(&mut synopsis).unwrap();
    man.render_options_section(&mut options).unwrap();
    let body = |text: Vec<u8>| {
        String::from_utf8(text)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with(".SH") && !line.starts_with(".ie") && !line.starts_with(".el"))
            .fold(String::new(), |text, line| text + line + "\n")
    };
    format!(".SH \"{}\"\n{about}\n.PP\n{}{}", title.to_uppercase(), body(synopsis), body(options))
}
