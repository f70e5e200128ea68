//! Secrets recognised by form in texts of hosts and programs: tickets, tokens, private keys, `password=…`.

use std::borrow::Cow;

use super::{MASK, sensitive};

/// Prefixes of tickets; two colons and a signature follow.
const TICKETS: &[&str] = &["PVE:", "PVEVNC:", "PVEPROXY:", "PVETERM:", "PVETUNNEL:", "PVE%3A", "PVEVNC%3A", "PVE%3a", "PVEVNC%3a"];

/// Masks the secrets in a text.
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

/// Characters that neither tickets nor tokens contain.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '&' | '?' | '"' | '\'' | '`' | '(' | ')' | '<' | '>' | '[' | ']' | '{' | '}')
}

fn word(word: &str) -> Cow<'_, str> {
    let kept = |end: usize| Cow::Owned(format!("{}{MASK}", &word[..end]));
    // A ticket: PVE:user@realm:HEXTIME::signature. A task ID of a node named PVE is not one.
    for start in TICKETS.iter().filter(|_| !word.starts_with("UPID:")) {
        if let Some(at) = word.find(start)
            && ["::", "%3A%3A", "%3a%3a"].iter().any(|colons| word[at..].contains(colons))
        {
            return kept(at + start.len());
        }
    }
    // https://user:password@host: the part of the authority before the @.
    if let Some(at) = word.find("://").map(|at| at + 3) {
        let end = word[at..].find(['/', '#']).map_or(word.len(), |end| at + end);
        if let Some(sign) = word[at..end].rfind('@') {
            return Cow::Owned(format!("{}{MASK}{}", &word[..at], &word[at + sign..]));
        }
    }
    // A token with its secret: user@realm!name=uuid, possibly after other words.
    if let Some(bang) = word.find('!')
        && word[..bang].contains('@')
        && let Some(equals) = word[bang..].find('=')
    {
        return kept(bang + equals + 1);
    }
    if is_csrf(word) {
        return MASK.into();
    }
    // password=geheim, --password=geheim. The name of a password file is not masked.
    match word.split_once('=') {
        Some((key, value)) if sensitive(key.trim_start_matches('-')) && !value.is_empty() && !value.starts_with('@') => kept(key.len() + 1),
        _ => Cow::Borrowed(word),
    }
}

/// Whether the text has the form of a CSRF token, HEXTIME:signature.
fn is_csrf(word: &str) -> bool {
    let Some((time, signature)) = word.split_once(':') else { return false };
    let plain = signature.trim_end_matches('=');
    time.len() == 8
        && time.bytes().all(|b| b.is_ascii_hexdigit())
        && plain.len() >= 27
        && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

/// Masks complete blocks of private keys.
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
        // A block without an end extends to the end of the text.
        rest = block.find("-----END ").and_then(|end| Some(&block[end + block[end..].find(END)? + END.len()..])).unwrap_or_default();
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

/// Masks configuration lines in a longer text: `cipassword: $5$…`.
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
