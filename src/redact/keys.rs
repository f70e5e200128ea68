//! Configuration keys whose values are secrets, or code that runs on a host.

/// Secret in every call; `-` is equal to `_`.
const KEYS: &[&str] = &[
    // Logins, tickets and tokens.
    "password",
    "new-password",
    "confirmation-password",
    "otp",
    "totp",
    "recovery",
    "challenge",
    "tfa-challenge",
    "ticket",
    "vncticket",
    "csrfpreventiontoken",
    "secret",
    "token",
    "token-secret",
    "token-value",
    "tokenvalue",
    "api-token",
    "shared-secret",
    // Guests: for the first start, and arguments passed to KVM.
    "cipassword",
    "sshkeys",
    "ssh-public-keys",
    "args",
    // Storages.
    "encryption-key",
    "master-pubkey",
    "keyring",
    "smbpassword",
    // Realms, certificates, the cluster.
    "bind-password",
    "client-key",
    "client-secret",
    "private-key",
    "certificates-key",
    "eab-hmac-key",
    "corosync-authkey",
];

/// Masked because they are long, name people or may contain private data. They grant no access: the host shows them to its own
/// users.
const PUBLIC: &[&str] = &["sshkeys", "ssh-public-keys", "master-pubkey", "args"];

/// Keys that are secret in some calls only: the beginning of the path (`*` is any segment), and the keys.
const IN_CALLS: &[(&[&str], &[&str])] = &[
    (&["access", "domains"], &["tfa"]),
    (&["access", "openid"], &["code"]),
    (&["access", "tfa"], &["value"]),
    (&["access", "users"], &["keys"]),
    (&["cluster", "acme", "plugins"], &["data"]),
    (&["cluster", "notifications", "endpoints"], &["header"]),
    (&["cluster", "sdn", "dns"], &["key"]),
    (&["nodes", "*", "certificates"], &["key"]),
    (&["nodes", "*", "qemu", "*", "agent", "exec"], &["input-data"]),
    (&["nodes", "*", "qemu", "*", "agent", "file-write"], &["content"]),
    (&["nodes", "*", "subscription"], &["key"]),
];

pub fn sensitive(key: &str) -> bool {
    listed(KEYS, key)
}

/// Whether the parameter is a secret in a call with this path.
pub fn sensitive_at(path: &[String], key: &str) -> bool {
    let begins = |start: &[&str]| path.len() >= start.len() && start.iter().zip(path).all(|(want, is)| *want == "*" || want == is);
    sensitive(key) || IN_CALLS.iter().any(|(start, keys)| listed(keys, key) && begins(start))
}

/// Whether the value is masked without being a secret.
pub fn is_public(key: &str) -> bool {
    listed(PUBLIC, key)
}

fn listed(keys: &[&str], key: &str) -> bool {
    let same = |a: char, b: char| a == b.to_ascii_lowercase() || (a == '-' && b == '_');
    keys.iter().any(|known| known.len() == key.len() && known.chars().zip(key.chars()).all(|(a, b)| same(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_however_they_are_written() {
        for key in ["password", "CSRFPreventionToken", "token_secret", "encryption-key", "corosync_authkey"] {
            assert!(sensitive(key), "{key}");
        }
        for key in ["memory", "key", "token_id", "tokenid", "lock-token", "keyboard", "hookscript", "value"] {
            assert!(!sensitive(key), "{key}");
        }
    }

    #[test]
    fn some_are_secrets_in_their_calls_alone() {
        let path = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        assert!(sensitive_at(&path("nodes/pve1/certificates/custom"), "key"));
        assert!(sensitive_at(&path("cluster/acme/plugins"), "data"));
        assert!(sensitive_at(&path("nodes/pve1/qemu/201/agent/file-write"), "content"));
        assert!(!sensitive_at(&path("nodes/pve1/hosts"), "data"));
        assert!(!sensitive_at(&path("nodes"), "key"));
    }
}
