//! Password hashes and random IDs.

use ring::rand::{SecureRandom, SystemRandom};

/// Returns `salt$hash`, as stored in the state.
pub fn hash_password(password: &str) -> String {
    let salt = random_hex(8);
    let hash = digest(&salt, password);
    format!("{salt}${hash}")
}

pub fn password_matches(kept: &str, password: &str) -> bool {
    kept.split_once('$').is_some_and(|(salt, hash)| digest(salt, password) == hash)
}

fn digest(salt: &str, password: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, format!("{salt}${password}").as_bytes());
    hex(hash.as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Returns this many random bytes, in hex.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0u8; bytes];
    // The server's TLS key has been created before, so randomness is available.
    let _ = SystemRandom::new().fill(&mut buffer);
    hex(&buffer)
}

/// Returns a random UUID, the format of token secrets.
pub fn random_uuid() -> String {
    let h = random_hex(16);
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..])
}
