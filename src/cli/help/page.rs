//! A help page: summary, usage, arguments, options by heading, one line on global options, examples.

use clap::{Arg, ArgAction, Command};

use super::groups::GROUPS;
use crate::ui::wrapped;

pub const USUAL_WIDTH: usize = 80;
/// A wider page is harder to read.
const MOST_WIDTH: usize = 100;
/// Where descriptions start at the latest; a longer name gets a line of its own.
const MOST_NAME: usize = 34;
/// How many lines a short page has.
const MOST_LINES: usize = 40;
/// How many examples `-h` shows.
const MOST_EXAMPLES: usize = 3;
const GAP: usize = 2;
const INDENT: usize = 2;

/// The page of a built command.
pub struct Page<'a> {
    pub command: &'a Command,
    /// With what `--help` says beyond `-h`.
    pub long: bool,
    pub width: usize,
}

/// A name and its description, aligned with the others of its section. Each line has its hanging indent.
type Row = (String, Vec<(String, usize)>);

impl Page<'_> {
    pub fn text(&self) -> String {
        let mut sections = self.sections();
        loop {
            let text = self.with(&sections);
            let over = text.lines().count().saturating_sub(MOST_LINES);
            let longest = sections.iter_mut().max_by_key(|(_, rows)| rows.len());
            // The first page lists every command: a new user looks there for the right one.
            let shortens = !self.long && !self.is_root();
            let Some((title, rows)) = longest.filter(|(_, rows)| shortens && over > 0 && rows.len() > 2) else { return text };
            rows.truncate(rows.len().saturating_sub(over + 1).max(1));
            let rest = if title == "Commands" { "commands" } else { "options" };
            rows.push(("    …".into(), vec![(format!("More {rest}: --help"), 0)]));
        }
    }

    fn with(&self, sections: &[(String, Vec<Row>)]) -> String {
        let mut out = String::new();
        let about = self.command.get_about().map(ToString::to_string).unwrap_or_default();
        self.paragraph(&mut out, &about);
        if let Some(more) = self.command.get_long_about().filter(|_| self.long) {
            let more = more.to_string();
            for paragraph in more.strip_prefix(&about).unwrap_or(&more).trim().split("\n\n").filter(|text| !text.is_empty()) {
                out.push('\n');
                self.paragraph(&mut out, paragraph);
            }
        }
        let usage = self.command.clone().render_usage().to_string();
        let (first, rest) = usage.trim_end().split_at("Usage: ".len().min(usage.len()));
        let usage = wrapped(rest, self.width() - first.len()).join(&format!("\n{}", " ".repeat(first.len())));
        out.push_str(&format!("\n{first}{usage}\n"));
        let name = sections.iter().flat_map(|(_, rows)| rows).map(|(name, _)| name.chars().count()).filter(|n| *n <= MOST_NAME).max();
        for (at, (title, rows)) in sections.iter().enumerate() {
            // Short pages of the root have no blank lines between groups.
            let compact = self.is_root() && !self.long && at > 0;
            out.push_str(if compact { "" } else { "\n" });
            out.push_str(&format!("{title}:\n"));
            rows.iter().for_each(|row| self.row(&mut out, row, name.unwrap_or(0)));
        }
        if self.is_root() {
            out.push_str("\nHelp topics: ");
            out.push_str(&super::TOPICS.iter().map(|(topic, _)| *topic).collect::<Vec<_>>().join(", "));
        }
        out.push_str("\nGlobal options: felhom help options\n");
        if let Some(examples) = self.command.get_after_help() {
            out.push('\n');
            self.examples(&mut out, &examples.to_string());
        }
        out
    }

    /// The examples, long ones continued on the next line as a shell takes it; `-h` has the first few only.
    fn examples(&self, out: &mut String, text: &str) {
        let (title, examples) = text.trim_end().split_once('\n').unwrap_or((text, ""));
        out.push_str(&format!("{title}\n"));
        for example in examples.lines().take(if self.long { usize::MAX } else { MOST_EXAMPLES }) {
            let room = self.width() - 2;
            let mut line = String::new();
            for word in example.split_inclusive(' ') {
                if line.trim_end().len() > INDENT && line.len() + word.trim_end().len() > room {
                    out.push_str(&format!("{}\\\n", line.trim_end().to_owned() + " "));
                    line = " ".repeat(3 * INDENT);
                }
                line.push_str(word);
            }
            out.push_str(&format!("{}\n", line.trim_end()));
        }
    }

    /// Only the arguments, by heading: for the page about global options.
    pub fn options(&self) -> String {
        let rows: Vec<&Arg> = self.command.get_arguments().filter(|arg| arg.is_global_set() && !arg.is_hide_set()).collect();
        let mut headings: Vec<&str> = Vec::new();
        for heading in rows.iter().filter_map(|arg| arg.get_help_heading()) {
            if !headings.contains(&heading) {
                headings.push(heading);
            }
        }
        let mut out = String::new();
        for heading in headings {
            let rows: Vec<Row> =
                rows.iter().filter(|arg| arg.get_help_heading() == Some(heading)).map(|arg| (spec(arg), self.about(arg))).collect();
            let name = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
            out.push_str(&format!("\n{heading}:\n"));
            rows.iter().for_each(|row| self.row(&mut out, row, name));
        }
        out
    }

    fn is_root(&self) -> bool {
        self.command.get_name() == "felhom"
    }

    fn width(&self) -> usize {
        self.width.clamp(40, MOST_WIDTH)
    }

    fn paragraph(&self, out: &mut String, text: &str) {
        for line in wrapped(text, self.width()) {
            out.push_str(&line);
            out.push('\n');
        }
    }

    fn row(&self, out: &mut String, (name, about): &Row, longest: usize) {
        let start = INDENT + longest + GAP;
        let length = name.chars().count();
        out.push_str(&" ".repeat(INDENT));
        out.push_str(name);
        let mut at = INDENT + length;
        if length > longest {
            out.push('\n');
            at = 0;
        }
        let room = self.width().saturating_sub(start).max(20);
        let lines = about.iter().flat_map(|(text, hanging)| {
            let (head, rest) = text.split_at(*hanging);
            let wrapped = wrapped(rest, room.saturating_sub(*hanging).max(20)).into_iter().enumerate();
            wrapped.map(move |(nth, line)| if nth == 0 { format!("{head}{line}") } else { " ".repeat(*hanging) + &line })
        });
        for (nth, line) in lines.enumerate() {
            if nth > 0 {
                out.push('\n');
                at = 0;
            }
            out.push_str(&" ".repeat(start - at));
            out.push_str(&line);
        }
        out.push('\n');
    }

    fn sections(&self) -> Vec<(String, Vec<Row>)> {
        let mut sections: Vec<(String, Vec<Row>)> = Vec::new();
        let row = |command: &Command| -> Row {
            (command.get_name().to_owned(), vec![(command.get_about().map(ToString::to_string).unwrap_or_default(), 0)])
        };
        let commands: Vec<&Command> = self.command.get_subcommands().filter(|c| !c.is_hide_set()).collect();
        if self.is_root() {
            for (title, names) in GROUPS {
                let rows: Vec<Row> =
                    names.iter().filter_map(|name| commands.iter().find(|c| c.get_name() == *name)).map(|command| row(command)).collect();
                sections.push(((*title).to_owned(), rows));
            }
        } else if !commands.is_empty() {
            sections.push(("Commands".into(), commands.into_iter().map(row).collect()));
        }
        let shown = |arg: &&Arg| !arg.is_hide_set() && !arg.is_global_set() && !["help", "version"].contains(&arg.get_id().as_str());
        let own: Vec<&Arg> = self.command.get_arguments().filter(shown).collect();
        let mut put = |title: &str, arg: &Arg| {
            let row = (spec(arg), self.about(arg));
            match sections.iter_mut().find(|(known, _)| known == title) {
                Some((_, rows)) => rows.push(row),
                None => sections.push((title.to_owned(), vec![row])),
            }
        };
        own.iter().filter(|arg| arg.is_positional()).for_each(|arg| put("Arguments", arg));
        own.iter().filter(|arg| !arg.is_positional()).for_each(|arg| put(arg.get_help_heading().unwrap_or("Options"), arg));
        sections.retain(|(_, rows)| !rows.is_empty());
        sections
    }

    /// What an argument is: its help, its values unless the help names them, its default and its variable.
    fn about(&self, arg: &Arg) -> Vec<(String, usize)> {
        let help = arg.get_long_help().filter(|_| self.long).or_else(|| arg.get_help()).map(ToString::to_string).unwrap_or_default();
        let (mut help, mut default) = match help.rsplit_once(" [default: ") {
            Some((help, default)) if default.ends_with(']') => (help.to_owned(), format!(" [default: {default}")),
            _ => (help, String::new()),
        };
        let values = arg.get_possible_values();
        let values: Vec<_> = values.iter().filter(|value| !value.is_hide_set() && arg.get_action().takes_values()).collect();
        let explained = self.long && values.iter().any(|value| value.get_help().is_some());
        let named = |name: &str| help.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == name);
        if !values.is_empty() && !explained && !values.iter().all(|value| named(value.get_name())) {
            help = format!("{help}: {}", values.iter().map(|value| value.get_name()).collect::<Vec<_>>().join(", "));
        }
        let defaults: Vec<String> = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if default.is_empty() && !defaults.is_empty() && arg.get_action().takes_values() && !arg.is_hide_default_value_set() {
            default = format!(" [default: {}]", defaults.join(","));
        }
        let variable = arg.get_env().filter(|_| !arg.is_hide_env_set()).map(|name| format!(" [env: {}]", name.to_string_lossy()));
        let mut lines = vec![(format!("{help}{default}{}", variable.unwrap_or_default()), 0)];
        if explained {
            let wide = values.iter().map(|value| value.get_name().len()).max().unwrap_or(0);
            let told = |value: &&clap::builder::PossibleValue| {
                let help = value.get_help().map(ToString::to_string).unwrap_or_default();
                (format!("  {:wide$}  {help}", value.get_name()), wide + 4)
            };
            lines.extend(values.iter().map(told));
        }
        lines
    }
}

/// `-o, --output <FORMAT>`, `--start`, `[GUEST]...`.
fn spec(arg: &Arg) -> String {
    let name = arg.to_string();
    match arg.get_short() {
        _ if arg.is_positional() => name,
        Some(short) if arg.get_long().is_some() => format!("-{short}, {}", name.trim_end_matches("...")),
        Some(_) => name,
        None if matches!(arg.get_action(), ArgAction::Count) => format!("    {}", name.trim_end_matches("...")),
        None => format!("    {name}"),
    }
}
