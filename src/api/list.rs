//! Lists in one value, split as Proxmox VE splits them.

/// Splits a list at commas, semicolons, NUL and white space. Empty items are skipped.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace()).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn all_separators_are_recognized() {
        assert_eq!(
            split("101,102;103 104\t105\n106\r\n107,,\u{b}108\0 109").collect::<Vec<_>>(),
            ["101", "102", "103", "104", "105", "106", "107", "108", "109"]
        );
        assert_eq!(split(" ,; \t").count(), 0);
    }
}
