//! JSON and YAML as text.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Format, clean};
use crate::fault::{Fault, Result};

/// Returns indented JSON with a line feed at the end.
pub(super) fn pretty(value: &Value) -> String {
    // `Display` of a `Value` cannot fail; `#` selects the indented form.
    escape(format!("{value:#}")) + "\n"
}

/// Returns JSON on one line with a line feed at the end.
pub(super) fn compact(value: &Value) -> String {
    escape(value.to_string()) + "\n"
}

pub(super) fn yaml(value: &Value) -> Result<String> {
    let text = serde_saphyr::to_string(&Quoted(value)).map_err(|e| Fault::other(format!("cannot convert the result to YAML: {e}")))?;
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // The text is in double quotes, where the escape has the same meaning.
        if c != '\n' && clean::is_unsafe(c) { out.push_str(&format!("\\U{:08x}", u32::from(c))) } else { out.push(c) }
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// The same value, with unsafe texts in double quotes.
struct Quoted<'a>(&'a Value);

struct QuotedText<'a>(&'a str);

impl Serialize for Quoted<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => QuotedText(text).serialize(to),
            Value::Array(items) => to.collect_seq(items.iter().map(Quoted)),
            // A key is never quoted for this reason: unsafe characters in it are removed.
            Value::Object(map) => to.collect_map(map.iter().map(|(key, value)| (clean::line(key), Quoted(value)))),
            plain => plain.serialize(to),
        }
    }
}

impl Serialize for QuotedText<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        if self.0.chars().any(|c| c != '\n' && clean::is_unsafe(c)) {
            serde_saphyr::DoubleQuoted(self.0).serialize(to)
        } else {
            self.0.serialize(to)
        }
    }
}

/// Bytes of a list to collect before writing them.
const PIECE: usize = 32 << 10;

/// A JSON list that is written in pieces, indented or one item per line.
pub(super) struct List {
    format: Format,
    item: Vec<u8>,
    piece: String,
    begun: bool,
}

impl List {
    pub(super) fn new(format: Format) -> Self {
        Self { format, item: Vec::new(), piece: String::new(), begun: false }
    }

    /// Adds an item. Returns a piece of the list when enough has been collected.
    pub(super) fn item(&mut self, write: impl FnOnce(&mut Vec<u8>) -> serde_json::Result<()>) -> serde_json::Result<Option<String>> {
        self.item.clear();
        write(&mut self.item)?;
        let item = String::from_utf8_lossy(&self.item);
        if self.format == Format::Jsonl {
            self.piece.extend([&item, "\n"]);
        } else {
            let start = if self.begun { ",\n  " } else { "[\n  " };
            // Line feeds occur only between the parts of JSON, never inside texts.
            let starts = std::iter::once(start).chain(std::iter::repeat("\n  "));
            self.piece.extend(starts.zip(item.split('\n')).flat_map(|(start, line)| [start, line]));
        }
        self.begun = true;
        let full = self.piece.len() >= PIECE;
        Ok(full.then(|| escape(std::mem::replace(&mut self.piece, String::with_capacity(PIECE + PIECE / 4)))))
    }

    /// Returns the remaining text.
    pub(super) fn end(self) -> String {
        match (self.format, self.begun) {
            (Format::Jsonl, _) => escape(self.piece),
            (_, true) => escape(self.piece) + "\n]\n",
            (_, false) => "[]\n".to_owned(),
        }
    }
}

/// Escapes DEL, C1 controls and direction marks, which JSON allows unescaped. They occur only in strings, where `\u` is equivalent.
pub(super) fn escape(json: String) -> String {
    let unsafe_here = |c: char| c != '\n' && clean::is_unsafe(c);
    if json.bytes().all(|byte| byte < 0x7f) || !json.chars().any(unsafe_here) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if unsafe_here(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn shapes() {
        assert_eq!(compact(&json!({"b": 1, "a": [true, null]})), "{\"b\":1,\"a\":[true,null]}\n");
        assert_eq!(pretty(&json!([])), "[]\n");
        assert_eq!(pretty(&json!({"a": 1})), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn yaml_keeps_texts_texts() {
        let value = json!({"name": "no", "id": "0123", "tags": ["a", "1e3"], "n": 5, "multi": "x\ny\n"});
        let back: Value = serde_saphyr::from_str(&yaml(&value).unwrap()).unwrap();
        assert_eq!(back, value);
    }

    proptest! {
        #[test]
        fn a_list_in_pieces_is_the_list(texts in proptest::collection::vec(any::<String>(), 0..5), long in any::<bool>()) {
            let filler = "x".repeat(if long { PIECE } else { 1 });
            let items: Vec<Value> = texts.iter().map(|text| json!({"t": text, "of": [], "in": {"a": [1, filler]}})).collect();
            for format in [Format::Json, Format::Jsonl] {
                let mut list = List::new(format);
                let mut made = String::new();
                for item in &items {
                    let piece = list.item(|to| match format {
                        Format::Jsonl => serde_json::to_writer(to, item),
                        _ => serde_json::to_writer_pretty(to, item),
                    });
                    made.extend(piece.unwrap());
                }
                made += &list.end();
                let whole = match format {
                    Format::Jsonl => items.iter().map(compact).collect(),
                    _ => pretty(&Value::Array(items.clone())),
                };
                prop_assert_eq!(made, whole);
            }
        }

        #[test]
        fn no_control_gets_out_and_nothing_is_lost(text in any::<String>()) {
            let json = pretty(&json!({"t": text}));
            prop_assert!(!json.chars().any(|c| c != '\n' && clean::is_unsafe(c)));
            let back: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&back["t"], &Value::String(text));
        }

        #[test]
        fn nor_from_yaml(key in "[a-z: ]{1,6}", text in "[ -~\n\t\u{1b}\u{202e}\u{feff}\u{e0001}é]{0,20}") {
            let value = json!({"of": [{key: text}]});
            let yaml = yaml(&value).unwrap();
            prop_assert!(!yaml.chars().any(|c| c != '\n' && clean::is_unsafe(c)), "{:?}", yaml);
            prop_assert_eq!(serde_saphyr::from_str::<Value>(&yaml).unwrap(), value);
        }

        #[test]
        fn nor_from_its_keys(key in "[a-z\u{202e}\u{1b}\n: ]{1,6}") {
            let text = yaml(&json!({key: 1})).unwrap();
            prop_assert!(!text.chars().any(|c| c != '\n' && clean::is_unsafe(c)));
        }
    }
}
