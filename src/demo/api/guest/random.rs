//! Random IDs.

use ring::rand::{SecureRandom, SystemRandom};

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Zeros without a random source are acceptable, as these are IDs and not keys.
    let _ = SystemRandom::new().fill(&mut bytes);
    bytes
}

pub(super) fn uuid() -> String {
    let mut b = bytes::<16>();
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex: String = b.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Returns a MAC address with Proxmox's prefix.
pub(super) fn mac() -> String {
    let [a, b, c] = bytes::<3>();
    format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}")
}

/// Returns this many hex digits.
pub(super) fn hex(digits: usize) -> String {
    let all: String = bytes::<32>().iter().map(|b| format!("{b:02x}")).collect();
    all[..digits.min(64)].to_owned()
}

/// Returns a key fingerprint as ssh-keygen prints it.
pub(super) fn fingerprint() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: String = bytes::<43>().iter().map(|b| ALPHABET[usize::from(b % 64)] as char).collect();
    format!("SHA256:{text}")
}
