//! The places in the sources that refuse, and what they say.

use std::fs;
use std::path::Path;

/// The constructors of a refusal.
const CONSTRUCTORS: [&str; 2] = ["Fault::refused(", "Fault::refused_as("];

/// Places whose words no case can see, with the reason.
const UNSEEN: &[(&str, &str)] = &[
    ("src/fault.rs", "the constructors"),
    ("src/guard/approve.rs", "the journal's record of a staged change"),
    ("src/fence/client/answer.rs", "the helper's own words: `usb mount` has cases"),
    ("src/cli/declared/asked.rs", "no declared command is for one kind of guest alone so far"),
    ("src/ui/prompt/mod.rs", "a terminal that hangs up ends felhom with SIGHUP"),
];

/// The files that may name the kind, which otherwise belongs to the constructors.
const KIND: &[&str] = &["src/fault.rs", "src/fence/client/answer.rs"];

/// A place that refuses: its message, in the parts between what is filled in.
#[derive(Debug, PartialEq)]
pub struct Site {
    pub place: String,
    parts: Vec<String>,
}

impl Site {
    /// How much of a text the fixed parts of the message are; `None` if the text is another message.
    pub fn fits(&self, text: &str) -> Option<usize> {
        let mut rest = text;
        for part in &self.parts {
            rest = &rest[rest.find(part.as_str())? + part.len()..];
        }
        Some(self.parts.iter().map(String::len).sum())
    }

    pub fn message(&self) -> String {
        self.parts.join("{}")
    }
}

/// Every place in the sources that refuses, but for the demo host, the root helper and unit tests.
pub fn all() -> Vec<Site> {
    let mut sites = Vec::new();
    gather(Path::new(env!("CARGO_MANIFEST_DIR")), "src", &mut sites);
    sites
}

fn gather(root: &Path, folder: &str, sites: &mut Vec<Site>) {
    let mut names: Vec<String> =
        fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in names {
        let path = format!("{folder}/{name}");
        if ["src/demo", "src/fence/host"].contains(&path.as_str()) || name == "tests.rs" || name.ends_with("_tests.rs") {
            continue;
        }
        if root.join(&path).is_dir() {
            gather(root, &path, sites);
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            read(&path, text.split("\nmod tests {").next().unwrap(), sites);
        }
    }
}

fn read(path: &str, text: &str, sites: &mut Vec<Site>) {
    let named = text.replace("ErrorKind::", "").contains("Kind::Refused");
    assert!(!named || KIND.contains(&path), "{path} names Kind::Refused: use Fault::refused, Fault::refused_as or Fault::is_refusal");
    if UNSEEN.iter().any(|(unseen, _)| *unseen == path) {
        return;
    }
    for constructor in CONSTRUCTORS {
        for (at, _) in text.match_indices(constructor) {
            let place = format!("{path}:{}", text[..at].lines().count());
            let parts = message(&text[at..]);
            let fixed: usize = parts.iter().map(String::len).sum();
            assert!(fixed > 8, "{place}: the message of a refusal stands where it is made, and has words of its own: {parts:?}");
            sites.push(Site { place, parts });
        }
    }
}

/// The first string of a statement, split where something is filled in.
fn message(code: &str) -> Vec<String> {
    let Some((_, text)) = code.split_once('"').filter(|(before, _)| !before.contains(';')) else { return Vec::new() };
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(char) = chars.next().filter(|char| *char != '"') {
        match char {
            '\\' => parts.last_mut().unwrap().extend(chars.next()),
            '{' => {
                chars.by_ref().find(|char| *char == '}');
                parts.push(String::new());
            }
            char => parts.last_mut().unwrap().push(char),
        }
    }
    parts
}
