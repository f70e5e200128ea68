//! Secrets that are known by their form, in whatever the host or a program says: tickets, tokens, private keys, `password=…`.

use std::borrow::Cow;

use super::{MASK, sensitive};

/// What tickets begin with; a signature follows behind two colons.
const TICKETS: &[&str] = &["PVE:", "PVEVNC:", "PVEPROXY:", "PVETERM:", "PVETUNNEL:", "PVE%3A", "PVEVNC%3A", "PVE%3a", "PVEVNC%3a"];

/// A text with what opens something in it masked.
pub fn text(plain: &str) -> String {
    let plain = private_keys(plain);
    let mut masked = String::with_capacity(plain.len());
    let mut start = 0;
    for (at, between) in plain.char_indices().filter(|(_, c)| ends_word(*c)) {
        masked.push_str(&word(&plain[start..at]));
        masked.push(between);
        start = at + between.len_utf8();
    }
    masked.push_str(&word(&plain[start..]));
    settings(masked)
}

/// Neither tickets nor tokens hold these.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '&' | '?' | '"' | '\'' | '`' | '(' | ')' | '<' | '>' | '[' | ']' | '{' | '}')
}

fn word(word: &str) -> Cow<'_, str> {
    let kept = |end: usize| Cow::Owned(format!("{}{MASK}", &word[..end]));
    // A ticket: PVE:user@realm:HEXTIME::signature. A task of a node that is called PVE is none.
    for start in TICKETS.iter().filter(|_| !word.starts_with("UPID:")) {
        if let Some(at) = word.find(start)
            && ["::", "%3A%3A", "%3a%3a"].iter().any(|colons| word[at..].contains(colons))
        {
            return kept(at + start.len());
        }
    }
    // https://user:password@host: what stands before the @ of the authority.
    if let Some(at) = word.find("://").map(|at| at + 3) {
        let end = word[at..].find(['/', '#']).map_or(word.len(), |end| at + end);
        if let Some(sign) = word[at..end].rfind('@') {
            return Cow::Owned(format!("{}{MASK}{}", &word[..at], &word[at + sign..]));
        }
    }
    // A token with its secret: user@realm!name=uuid, with or without words before it.
    if let Some(bang) = word.find('!')
        && word[..bang].contains('@')
        && let Some(equals) = word[bang..].find('=')
    {
        return kept(bang + equals + 1);
    }
    if is_csrf(word) {
        return MASK.into();
    }
    // password=geheim, --password=geheim; a file that holds it may be named.
    match word.split_once('=') {
        Some((key, value)) if sensitive(key.trim_start_matches('-')) && !value.is_empty() && !value.starts_with('@') => kept(key.len() + 1),
        _ => Cow::Borrowed(word),
    }
}

/// HEXTIME:signature, as CSRF tokens are.
fn is_csrf(word: &str) -> bool {
    let Some((time, signature)) = word.split_once(':') else { return false };
    let plain = signature.trim_end_matches('=');
    time.len() == 8
        && time.bytes().all(|b| b.is_ascii_hexdigit())
        && plain.len() >= 27
        && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// Each block of a private key, whole.
fn private_keys(plain: &str) -> Cow<'_, str> {
    const END: &str = "PRIVATE KEY-----";
    if !plain.contains(END) {
        return Cow::Borrowed(plain);
    }
    let mut masked = String::new();
    let mut rest = plain;
    while let Some(at) = rest.find("-----BEGIN ") {
        let (before, block) = rest.split_at(at);
        masked.push_str(before);
        let title = block.find('\n').map_or(block, |end| &block[..end]);
        if !title.contains(END) {
            masked.push_str("-----BEGIN ");
            rest = &block["-----BEGIN ".len()..];
            continue;
        }
        masked.push_str(MASK);
        // One that is cut off is one to its end.
        rest = block.find("-----END ").and_then(|end| Some(&block[end + block[end..].find(END)? + END.len()..])).unwrap_or_default();
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// The lines of a configuration in a longer text: `cipassword: $5$…`.
fn settings(plain: String) -> String {
    if !plain.contains('\n') {
        return plain;
    }
    let line = |line: &str| match line.split_once(": ") {
        Some((key, value)) if sensitive(key.trim_start()) && !value.trim().is_empty() => {
            format!("{key}: {MASK}{}", if line.ends_with('\n') { "\n" } else { "" })
        }
        _ => line.to_owned(),
    };
    plain.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_and_tokens_are_known_by_their_form() {
        for (plain, masked) in [
            ("token felhom@pve!agent=00000000-0000-0000-0000-000000000000 is", "token felhom@pve!agent=*** is"),
            ("UPID:pve1:0:0:0:vzdump:101:felhom@pve!agent:", "UPID:pve1:0:0:0:vzdump:101:felhom@pve!agent:"),
            ("UPID:PVE:0000012C:000364E4:6B0036A8:aptupdate::root@pam:", "UPID:PVE:0000012C:000364E4:6B0036A8:aptupdate::root@pam:"),
            ("got PVE:root@pam:6B0036A6::abc+/d= back", "got PVE:*** back"),
            ("Cookie: PVEAuthCookie=PVE%3Aroot%40pam%3A6B0036A6%3A%3Aabc%3D;", "Cookie: PVEAuthCookie=PVE%3A***;"),
            ("{\"ticket\":\"PVEVNC:6B0036A6::abc=\"}", "{\"ticket\":\"PVEVNC:***\"}"),
            ("CSRFPreventionToken: 6B0036A8:Wm9vIGlzIG5vdCBhIHNlY3JldCBhdCBhbGw", "CSRFPreventionToken: ***"),
            (
                "apitoken=PVEAPIToken=root@pam!t=00000000-0000,host=192.0.2.1,fingerprint=AA:BB",
                "apitoken=PVEAPIToken=root@pam!t=***,host=192.0.2.1,fingerprint=AA:BB",
            ),
            ("mount -o username=x,password=geheim,vers=3", "mount -o username=x,password=***,vers=3"),
            ("features=nesting=1,keyctl=1 memory=512", "features=nesting=1,keyctl=1 memory=512"),
            ("cipassword=@/root/file", "cipassword=@/root/file"),
            ("hello! a=b", "hello! a=b"),
            ("größe=1; 日本!", "größe=1; 日本!"),
        ] {
            assert_eq!(text(plain), masked);
            assert_eq!(text(masked), masked, "masking it again changes nothing");
        }
    }

    #[test]
    fn private_keys_and_settings_in_longer_texts() {
        let key = "before\n-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----\nafter";
        assert_eq!(text(key), "before\n***\nafter");
        let public = "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nMII";
        assert_eq!(text(public), "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----\n***");
        assert_eq!(text("name: web\ncipassword: $5$x$y\nmemory: 512\n"), "name: web\ncipassword: ***\nmemory: 512\n");
        assert_eq!(text("password: value must be longer"), "password: value must be longer");
    }
}
