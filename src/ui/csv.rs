//! Comma-separated values, quoted as in RFC 4180.

use super::clean;

/// Returns one record with its line feed.
pub(super) fn record(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|f| quote(f)).collect();
    // A record with one empty field would be an empty line, which readers skip.
    if quoted == [""] { "\"\"\n".to_owned() } else { quoted.join(",") + "\n" }
}

fn quote(field: &str) -> String {
    let field = clean::text(field);
    let plain = !field.contains(['"', ',', '\n', '\t']) && field.trim() == field;
    if plain { field.into_owned() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An independent parser, because the writer cannot verify itself.
    fn parse(text: &str) -> Vec<Vec<String>> {
        let (mut records, mut fields, mut field, mut inside) = (Vec::new(), Vec::new(), String::new(), false);
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '"' if inside && chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                '"' => inside = !inside,
                ',' if !inside => fields.push(std::mem::take(&mut field)),
                '\n' if !inside => {
                    fields.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut fields));
                }
                c => field.push(c),
            }
        }
        assert!(!inside && field.is_empty() && fields.is_empty(), "unfinished record");
        records
    }

    #[test]
    fn only_what_needs_quotes_gets_them() {
        let fields = ["plain", "a,b", "say \"hi\"", "two\nlines", "", " padded"].map(ToOwned::to_owned);
        assert_eq!(record(&fields), "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",,\" padded\"\n");
        assert_eq!(record(&[String::new()]), "\"\"\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(prop::collection::vec("[a-z,\"\n\r\t é\u{1b}]{0,12}", 1..5), 1..6)) {
            let text: String = rows.iter().map(|r| record(r)).collect();
            let cleaned: Vec<Vec<String>> = rows.iter().map(|r| r.iter().map(|f| clean::text(f).into_owned()).collect()).collect();
            prop_assert_eq!(parse(&text), cleaned);
        }
    }
}
