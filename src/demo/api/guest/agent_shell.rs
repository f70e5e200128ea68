//! A few programs of a simulated VM.

use super::agent_exec::content;
use crate::demo::state::{Guest, State};

/// The result of a program. Output has one character per byte.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub code: i32,
    pub signal: Option<i32>,
    pub out: String,
    pub err: String,
    pub seconds: f64,
}

/// Programs that print nothing.
const QUIET: &[&str] = &["apt-get", "chmod", "chown", "mkdir", "mount", "rm", "sync", "systemctl", "touch", "true"];

/// Runs a program; `None` if it does not exist.
pub(super) fn run(state: &State, guest: &Guest, command: &[String], input: &str) -> Option<Outcome> {
    let Some((program, args)) = command.split_first() else { return Some(Outcome::default()) };
    let printed = |text: String| Some(Outcome { out: text, ..Outcome::default() });
    match program.rsplit('/').next().unwrap_or_default() {
        "hostname" => printed(format!("{}\n", guest.name())),
        "uname" => printed("Linux\n".to_owned()),
        "id" => printed("uid=0(root) gid=0(root) groups=0(root)\n".to_owned()),
        "echo" => printed(format!("{}\n", args.join(" "))),
        "printf" => printed(unescaped(args.first().map_or("", String::as_str))),
        "false" => Some(Outcome { code: 1, ..Outcome::default() }),
        "sleep" => Some(Outcome { seconds: args.first()?.parse().unwrap_or(0.0), ..Outcome::default() }),
        "cat" => Some(cat(state, guest, args, input)),
        "sh" | "bash" if args.first().is_some_and(|arg| arg == "-c") => Some(script(state, guest, args.get(1)?, input)),
        "sh" | "bash" => Some(script(state, guest, input, "")),
        name if QUIET.contains(&name) => Some(Outcome::default()),
        _ => None,
    }
}

fn cat(state: &State, guest: &Guest, files: &[String], input: &str) -> Outcome {
    let mut outcome = Outcome::default();
    if files.is_empty() {
        input.clone_into(&mut outcome.out);
    }
    for file in files {
        match content(state, guest, file) {
            Some(text) => outcome.out.push_str(&text),
            None => {
                outcome.err.push_str(&format!("cat: {file}: No such file or directory\n"));
                outcome.code = 1;
            }
        }
    }
    outcome
}

/// Runs commands separated by `;`, with `>&2`, `exit` and `kill`.
fn script(state: &State, guest: &Guest, text: &str, input: &str) -> Outcome {
    let mut all = Outcome::default();
    for part in text.split([';', '\n']).map(str::trim).filter(|part| !part.is_empty()) {
        let (part, to_stderr) = part.strip_suffix(">&2").map_or((part, false), |part| (part.trim(), true));
        let words: Vec<String> = part.split_whitespace().map(|word| word.trim_matches(['\'', '"']).to_owned()).collect();
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["exit", code] => {
                all.code = code.parse().unwrap_or(2);
                return all;
            }
            ["kill", "-9", "$$"] => {
                all.signal = Some(9);
                return all;
            }
            _ => {}
        }
        let outcome = run(state, guest, &words, input).unwrap_or_else(|| Outcome {
            code: 127,
            err: format!("sh: 1: {}: not found\n", words.first().map_or("", String::as_str)),
            ..Outcome::default()
        });
        let stream = if to_stderr { &mut all.err } else { &mut all.out };
        stream.push_str(&outcome.out);
        all.err.push_str(&outcome.err);
        all.code = outcome.code;
        all.seconds += outcome.seconds;
    }
    all
}

/// Replaces `\n`, `\t` and octal escapes.
fn unescaped(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('t')) => out.push('\t'),
            ('\\', Some(digit)) if digit.is_digit(8) => {
                let digits: String = std::iter::from_fn(|| chars.next_if(|c| c.is_digit(8))).take(3).collect();
                out.push(char::from(u8::from_str_radix(&digits, 8).unwrap_or(b'?')));
                continue;
            }
            (c, _) => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::state::{GuestKind, Map};

    fn ran(command: &[&str], input: &str) -> Option<Outcome> {
        let guest = Guest::new(203, GuestKind::Qemu, "pve1", Map::new());
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        run(&State::default(), &guest, &command, input)
    }

    #[test]
    fn scripts_have_output_errors_and_exit_codes() {
        let outcome = ran(&["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], "").unwrap();
        assert_eq!((outcome.out.as_str(), outcome.err.as_str(), outcome.code), ("out\n", "err\n", 3));
        assert_eq!(ran(&["sh", "-c", "kill -9 $$"], "").unwrap().signal, Some(9));
        assert_eq!(ran(&["sh", "-c", "printf '\\377\\000\\001'"], "").unwrap().out, "\u{ff}\0\u{1}");
        assert_eq!(ran(&["cat"], "hello").unwrap().out, "hello");
        assert_eq!(ran(&["sh", "-c", "nosuch"], "").unwrap().code, 127);
        assert_eq!(ran(&["nosuch"], ""), None);
    }
}
