//! The texts in the sources that people read: the literals in the arguments of certain calls.

use std::path::{Path, PathBuf};

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Error, warning, note, progress line.
    Message,
    Hint,
    /// A part of one of them, inserted into it.
    Piece,
}

#[derive(Debug)]
pub struct Text {
    pub file: PathBuf,
    pub line: usize,
    pub role: Role,
    pub text: String,
}

/// The calls whose arguments are texts; `new` only as `Fault::new`.
const CALLS: &[(&str, Role)] = &[
    ("usage", Role::Message),
    ("config", Role::Message),
    ("refused", Role::Message),
    ("refused_as", Role::Message),
    ("not_found", Role::Message),
    ("other", Role::Message),
    ("new", Role::Message),
    ("caution", Role::Message),
    ("warn", Role::Message),
    ("note", Role::Message),
    ("problem", Role::Message),
    ("with_hint", Role::Hint),
    ("hint", Role::Hint),
];

/// Calls inside a text that leave it a whole one.
const TRANSPARENT: &[&str] = &["format!", "Some", "Ok", "Err", "concat!", "from", "into"];

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// The texts of all sources below a folder, unit tests left out.
pub fn in_folder(folder: &Path, found: &mut Vec<Text>) {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            in_folder(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            found.extend(in_source(&source).into_iter().map(|(line, role, text)| Text { file: path.clone(), line, role, text }));
        }
    }
}

pub fn in_source(source: &str) -> Vec<(usize, Role, String)> {
    let tokens = tokens(source.split("#[cfg(test)]").next().unwrap());
    let mut found = Vec::new();
    // What each open bracket belongs to: a call that is listed, another call or macro by its name, or nothing.
    let mut open: Vec<Open> = Vec::new();
    for (at, (line, token)) in tokens.iter().enumerate() {
        match token {
            Token::Sign('(' | '[' | '{') => open.push(Open { call: callee(&tokens, at), texts: 0 }),
            Token::Sign(')' | ']' | '}') => {
                open.pop();
            }
            Token::Text(text) => {
                let place = open.iter().rposition(|open| open.role().is_some());
                if let Some(place) = place
                    && let Some(role) = role_of(&open[place..], text)
                    && !is_pattern(&tokens, at)
                {
                    found.push((*line, role, text.clone()));
                }
                if let Some(last) = open.last_mut() {
                    last.texts += 1;
                }
            }
            _ => {}
        }
    }
    found
}

struct Open {
    call: Option<String>,
    /// How many texts stood directly in it so far.
    texts: usize,
}

impl Open {
    fn role(&self) -> Option<Role> {
        let call = self.call.as_deref()?;
        CALLS.iter().find(|(name, _)| *name == call).map(|(_, role)| *role)
    }
}

/// The role of a text within these brackets, the first of which is a listed call.
fn role_of(open: &[Open], text: &str) -> Option<Role> {
    let role = open[0].role()?;
    let inner = &open[1..];
    // `format!("…", "piece")`: only its first text is the form.
    let form = inner.iter().all(|open| {
        let is_format = open.call.as_deref() == Some("format!");
        open.call.is_none() || (is_format && open.texts == 0) || (!is_format && TRANSPARENT.contains(&open.call.as_deref().unwrap_or("")))
    });
    if form { Some(role) } else { text.contains(' ').then_some(Role::Piece) }
}

/// The name of the call that a bracket opens; of `Fault::new`, `new`; of another type's `new`, `Type::new`.
fn callee(tokens: &[(usize, Token)], at: usize) -> Option<String> {
    let back = |n: usize| at.checked_sub(n).map(|at| &tokens[at].1);
    if tokens[at].1 == Token::Sign('{') {
        return None;
    }
    match (back(1), back(2)) {
        (Some(Token::Sign('!')), Some(Token::Word(name))) => Some(format!("{name}!")),
        (Some(Token::Word(name)), Some(Token::Sign(':'))) => match back(4) {
            Some(Token::Word(of)) if of != "Fault" => Some(format!("{of}::{name}")),
            _ => Some(name.clone()),
        },
        (Some(Token::Word(name)), Some(Token::Word(keyword))) if keyword == "fn" => Some(format!("fn {name}")),
        (Some(Token::Word(name)), before) if !["if", "match", "return", "in", "else"].contains(&name.as_str()) => {
            // A method is one on a value; a function of that name has no text for people.
            let method = before == Some(&Token::Sign('.'));
            Some(if method || !CALLS.iter().any(|(listed, _)| listed == name) { name.clone() } else { format!("fn {name}") })
        }
        // `[…]` after a value is an index, after anything else an array.
        (Some(Token::Sign(')' | ']')), _) if tokens[at].1 == Token::Sign('[') => Some("index".to_owned()),
        _ => None,
    }
}

/// Whether a text is compared with: `"a" | "b" =>`, `== "a"`.
fn is_pattern(tokens: &[(usize, Token)], at: usize) -> bool {
    let token = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map(|(_, token)| token);
    let sign = |token: Option<&Token>, wanted: char| token == Some(&Token::Sign(wanted));
    let before = at.checked_sub(1);
    let arm = sign(token(Some(at + 1)), '=') && sign(token(Some(at + 2)), '>');
    let compared = sign(token(before), '=') && at.checked_sub(2).is_some_and(|at| matches!(tokens[at].1, Token::Sign('=' | '!')));
    arm || compared || sign(token(Some(at + 1)), '|') || sign(token(before), '|')
}

fn tokens(source: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = source.chars().collect();
    let (mut found, mut at, mut line) = (Vec::new(), 0, 1);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while at < chars.len() {
        let (c, next) = (chars[at], chars.get(at + 1).copied().unwrap_or(' '));
        match c {
            '\n' => line += 1,
            '/' if next == '/' => {
                while at + 1 < chars.len() && chars[at + 1] != '\n' {
                    at += 1;
                }
            }
            // A character or a lifetime.
            '\'' if next == '\\' => at += 2 + chars[at + 3..].iter().take_while(|c| **c != '\'').count() + 1,
            '\'' if chars.get(at + 2) == Some(&'\'') => at += 2,
            '\'' => {}
            'r' if (next == '"' || next == '#') && !at.checked_sub(1).is_some_and(|at| is_word(chars[at])) => {
                let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
                let begun = at + 2 + hashes;
                let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                let rest: String = chars[begun..].iter().collect();
                let text = rest.split(&end).next().unwrap().to_owned();
                at = begun + text.chars().count() + hashes;
                found.push((line, Token::Text(text.clone())));
                line += text.matches('\n').count();
            }
            '"' => {
                let begun = line;
                let mut text = String::new();
                at += 1;
                while chars[at] != '"' {
                    match (chars[at], chars[at + 1]) {
                        // A line that is continued on the next.
                        ('\\', '\n') => {
                            while chars[at + 1].is_whitespace() {
                                line += usize::from(chars[at + 1] == '\n');
                                at += 1;
                            }
                        }
                        ('\\', escaped) => {
                            text.push(if escaped == 'n' { '\n' } else { escaped });
                            at += 1;
                        }
                        (c, _) => {
                            line += usize::from(c == '\n');
                            text.push(c);
                        }
                    }
                    at += 1;
                }
                found.push((begun, Token::Text(text)));
            }
            c if is_word(c) => {
                let word: String = chars[at..].iter().take_while(|c| is_word(**c)).collect();
                at += word.chars().count() - 1;
                found.push((line, Token::Word(word)));
            }
            c if c.is_whitespace() => {}
            c => found.push((line, Token::Sign(c))),
        }
        at += 1;
    }
    found
}
