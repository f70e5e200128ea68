//! Percent-encoding and forms, as the host's parser reads them.

use crate::demo::api::Params;

/// Decodes `%41` to `A`, and `+` to a space in forms.
pub fn percent_decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) if plus => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Parses a query or a form body. As on the host, `;` separates like `&`, and a second `=` ends the value.
pub(super) fn form(text: &str, params: &mut Params) {
    for pair in text.split(['&', ';']).filter(|p| !p.is_empty()) {
        let mut parts = pair.split('=');
        let (key, value) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
        params.push(&percent_decode(key, true), percent_decode(value, true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_the_host_reads_it() {
        let mut params = Params::default();
        form("tags=a;b&size=+64M&x=%2B1&rootfs=local:1,size=2G&vmid=1&vmid=2", &mut params);
        assert_eq!(params.get("tags"), Some("a"));
        assert!(params.has("b"));
        assert_eq!(params.get("size"), Some(" 64M"));
        assert_eq!(params.get("x"), Some("+1"));
        assert_eq!(params.get("rootfs"), Some("local:1,size"));
        assert_eq!(params.list("vmid"), ["1", "2"]);
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(percent_decode("100%zz%", false), "100%zz%");
        assert_eq!(percent_decode("%C3%A4+b", false), "ä+b");
    }
}
