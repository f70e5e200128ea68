//! The keys of Proxmox whose values are secrets, or code that runs on a host.

/// Wherever they stand, with `-` for `_`.
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
    // A guest's: for its first start, and what is handed to KVM as it is.
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

/// Those that are masked because they are long and name people, or may hold what is nobody's business, but open nothing by themselves:
/// the host shows them to its own users.
const PUBLIC: &[&str] = &["sshkeys", "ssh-public-keys", "master-pubkey", "args"];

/// Keys that are secrets in some calls only: how the path begins (`*` is any segment), and the keys.
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

/// As a parameter of the call with this path.
pub fn sensitive_at(path: &[String], key: &str) -> bool {
    let begins = |start: &[&str]| path.len() >= start.len() && start.iter().zip(path).all(|(want, is)| *want == "*" || want == is);
    sensitive(key) || IN_CALLS.iter().any(|(start, keys)| listed(keys, key) && begins(start))
}

/// Masked, but no secret.
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
