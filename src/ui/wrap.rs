//! Wrapping of long texts.

use super::table::measure;

/// Splits a text into lines of at most `width` columns, after spaces and commas; longer words are cut.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive([' ', ',']) {
        let room = width.saturating_sub(lines.last().map_or(0, |line| measure(line)));
        if measure(word.trim_end()) > room && lines.last().is_some_and(|line| !line.is_empty()) {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let full = lines.last().is_some_and(|line| measure(line) + measure(letter.encode_utf8(&mut [0; 4])) > width);
            if full && letter != ' ' {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut().filter(|_| !full || letter != ' ') {
                line.push(letter);
            }
        }
    }
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_whole_as_long_as_they_fit() {
        assert_eq!(wrap("a short text", 20), ["a short text"]);
        assert_eq!(wrap("the quick brown fox", 9), ["the quick", "brown fox"]);
        assert_eq!(wrap("VM.Audit,VM.Backup,VM.Clone", 18), ["VM.Audit,", "VM.Backup,VM.Clone"]);
        assert_eq!(wrap("see /etc/pve/local/pve-ssl.pem now", 10), ["see", "/etc/pve/l", "ocal/pve-s", "sl.pem now"]);
        assert_eq!(wrap("größer als", 6), ["größer", "als"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
