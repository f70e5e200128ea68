//! Time-based one-time passwords: six digits of HMAC-SHA1 over steps of 30 s.

use ring::hmac;

const STEP: i64 = 30;

/// Returns the step that a code belongs to; one step before and after `now` is accepted.
pub fn matching_step(secret: &str, code: &str, now: i64) -> Option<u64> {
    let key = base32(secret)?;
    let present = now / STEP;
    (present - 1..=present + 1).filter_map(|step| u64::try_from(step).ok()).find(|step| code_at(&key, *step) == code)
}

/// Returns the code at a time, for tests.
pub fn code(secret: &str, now: i64) -> Option<String> {
    Some(code_at(&base32(secret)?, u64::try_from(now / STEP).ok()?))
}

fn code_at(key: &[u8], step: u64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[19] & 0xf);
    let number = u32::from_be_bytes([bytes[at] & 0x7f, bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    format!("{:06}", number % 1_000_000)
}

/// Returns the `secret` of an `otpauth://` URL.
pub fn secret_of(address: &str) -> Option<String> {
    let query = address.strip_prefix("otpauth://totp/")?.split_once('?')?.1;
    let secret = query.split('&').find_map(|p| p.strip_prefix("secret="))?;
    base32(secret).map(|_| secret.to_owned())
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for c in text.trim_end_matches('=').chars() {
        let value = match c.to_ascii_uppercase() {
            c @ 'A'..='Z' => c as u32 - 'A' as u32,
            c @ '2'..='7' => c as u32 - '2' as u32 + 26,
            _ => return None,
        };
        held = held << 5 | value;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The RFC 6238 test vector for SHA-1, truncated to six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert_eq!(code(secret, 59).as_deref(), Some("287082"));
        assert_eq!(code(secret, 1_111_111_109).as_deref(), Some("081804"));
        assert_eq!(matching_step(secret, "287082", 80), Some(1));
        assert_eq!(matching_step(secret, "287082", 200), None);
        assert_eq!(secret_of("otpauth://totp/x?secret=GEZDGNBV&digits=6").as_deref(), Some("GEZDGNBV"));
    }
}
