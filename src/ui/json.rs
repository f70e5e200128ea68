//! JSON and YAML as text.

use serde_json::Value;

use super::clean;
use crate::fault::{Fault, Result};

/// On several lines, with a line feed at the end.
pub(super) fn pretty(value: &Value) -> String {
    // `Display` of a value cannot fail, and `#` is its form of several lines.
    escape(format!("{value:#}")) + "\n"
}

/// On one line, with a line feed at the end.
pub(super) fn compact(value: &Value) -> String {
    escape(value.to_string()) + "\n"
}

pub(super) fn yaml(value: &Value) -> Result<String> {
    let mut text = serde_saphyr::to_string(value).map_err(|e| Fault::other(format!("cannot put the result into YAML: {e}")))?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// JSON leaves DEL, C1 controls and characters that turn the direction unescaped. They occur in strings only, where `\u` means the same.
pub(super) fn escape(json: String) -> String {
    let unsafe_here = |c: char| c != '\n' && clean::is_unsafe(c);
    if !json.chars().any(unsafe_here) {
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
        fn no_control_gets_out_and_nothing_is_lost(text in any::<String>()) {
            let json = pretty(&json!({"t": text}));
            prop_assert!(!json.chars().any(|c| c != '\n' && clean::is_unsafe(c)));
            let back: Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&back["t"], &Value::String(text));
        }
    }
}
