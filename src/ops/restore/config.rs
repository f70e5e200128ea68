//! Parsing a guest's configuration from a backup.

use serde_json::{Map, Value as Json};

/// The parsed configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archived {
    /// Keys and values; all values are strings.
    pub values: Map<String, Json>,
    /// A container's raw settings (`lxc.…`), which a restore by a token drops.
    pub raw: Vec<String>,
}

/// Parses the configuration that the host extracts, without comments and snapshot sections.
pub fn read(text: &str) -> Archived {
    let mut archived = Archived::default();
    for line in text.lines() {
        let line = line.trim_end();
        if line.starts_with('[') {
            break;
        }
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        if line.starts_with("lxc.") {
            archived.raw.push(line.to_owned());
            continue;
        }
        if let Some((key, value)) = line.split_once(':') {
            archived.values.insert(key.trim().to_owned(), Json::String(value.trim().to_owned()));
        }
    }
    archived
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_snapshot_sections_are_skipped() {
        let archived = read(
            "#note: x\narch: amd64\nnet0: name=eth0,hwaddr=BC:24:11:4D:7B:E5\nlxc.apparmor.profile: unconfined\n\n[before]\narch: i386\n",
        );
        assert_eq!(archived.values.get("net0").and_then(Json::as_str), Some("name=eth0,hwaddr=BC:24:11:4D:7B:E5"));
        assert_eq!((archived.values.len(), archived.raw.len()), (2, 1));
        assert_eq!(archived.values["arch"], "amd64");
    }

    proptest::proptest! {
        #[test]
        fn no_text_causes_a_panic(text in ".{0,200}") {
            let _ = read(&text);
        }
    }
}
