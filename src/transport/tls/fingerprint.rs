//! SHA-256 fingerprints of certificates, as Proxmox and openssl print them.

use std::fmt;
use std::str::FromStr;

/// SHA-256 of a certificate's DER form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    pub fn of(der: &[u8]) -> Self {
        let mut sum = [0; 32];
        sum.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
        Self(sum)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if i == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    /// Parses a fingerprint with or without colons, in upper or lower case, or as printed by openssl (`sha256 Fingerprint=AA:…`).
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "a fingerprint is the SHA-256 of the certificate, 32 pairs of hex digits: AA:BB:…";
        let hex = text.rsplit_once('=').map_or(text, |(_, value)| value).trim();
        let colons = hex.contains(':');
        let digits: String = hex.chars().filter(|c| *c != ':').collect();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FORM.to_owned());
        }
        if digits.len() == 40 {
            return Err(format!("this is a SHA-1 fingerprint; {FORM}"));
        }
        if digits.len() != 64 || (colons && !hex.split(':').all(|pair| pair.len() == 2)) {
            return Err(FORM.to_owned());
        }
        let mut sum = [0; 32];
        for (i, byte) in sum.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).map_err(|_| FORM.to_owned())?;
        }
        Ok(Self(sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of the empty text.
    const EMPTY: &str = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";

    #[test]
    fn prints_and_takes_the_usual_forms() {
        let fingerprint = Fingerprint::of(b"");
        assert_eq!(fingerprint.to_string(), EMPTY);
        let bare = EMPTY.replace(':', "");
        for text in [EMPTY, &EMPTY.to_lowercase(), &bare, &format!("sha256 Fingerprint={EMPTY}\n")] {
            assert_eq!(text.parse(), Ok(fingerprint), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bad in ["", "AA:BB", &EMPTY[..92], &format!("{EMPTY}:00"), &EMPTY.replace('E', "G"), &EMPTY.replacen("E3:B0", "E:3B0", 1)] {
            assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
        }
        let sha1 = "AA:".repeat(19) + "AA";
        assert!(sha1.parse::<Fingerprint>().is_err_and(|why| why.starts_with("this is a SHA-1")));
    }
}
