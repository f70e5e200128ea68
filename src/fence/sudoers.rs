//! The sudoers drop-in. It lists literal command lines, without wildcards or patterns.

use super::protocol::{HELPER, Word};

/// Path of the drop-in. sudo ignores files with a dot in their name.
pub const DROP_IN: &str = "/etc/sudoers.d/felhom";
/// Default user of the helper.
pub const USER: &str = "felhom";

/// Checks that `useradd` accepts a user name.
pub fn check_user(name: &str) -> Result<(), String> {
    let fine = name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-');
    if fine { Ok(()) } else { Err(format!("invalid user name '{}'", name.escape_debug())) }
}

/// The command lines that sudo allows.
pub fn commands() -> Vec<String> {
    Word::ALL.into_iter().filter(|w| w.needs_root()).map(|w| format!("{HELPER} {w}")).collect()
}

/// Returns the text of the drop-in.
pub fn text(user: &str) -> String {
    format!(
        "# felhom-fence: {user} may run these commands of the helper as root, and nothing else.\n\
         Cmnd_Alias FELHOM_FENCE = {}\n\
         Defaults!FELHOM_FENCE use_pty, secure_path=\"/usr/sbin:/usr/bin:/sbin:/bin\"\n\
         {user} ALL=(root:root) NOSETENV: NOPASSWD: FELHOM_FENCE\n",
        commands().join(", \\\n    ")
    )
}

/// Returns the rules in the output of `sudo -l` that are not felhom's. sudo and sudo-rs print `(root : root) TAGS: COMMAND, COMMAND`.
pub fn extra_rules(listing: &str) -> Vec<String> {
    let own = commands();
    let mut text = String::new();
    let mut rules = false;
    for line in listing.lines() {
        if rules {
            text.push(' ');
            // Each rule starts with its run-as list.
            if line.trim_start().starts_with('(') {
                text.push(',');
            }
            text.push_str(line.trim());
        }
        rules |= line.contains("may run the following commands");
    }
    let mut found: Vec<String> = Vec::new();
    for rule in text.split(',').map(str::trim).filter(|r| !r.is_empty()) {
        let (run_as, command) = match rule.strip_prefix('(').and_then(|r| r.split_once(')')) {
            Some((run_as, rest)) => (Some(run_as.replace(' ', "")), rest.trim()),
            None => (None, rule),
        };
        let mut command = command;
        while let Some((tag, rest)) = command.split_once(':').filter(|(tag, _)| tag.bytes().all(|c| c.is_ascii_uppercase() || c == b'_')) {
            let _ = tag;
            command = rest.trim();
        }
        let plain = own.iter().any(|o| o == command) && run_as.as_deref().is_none_or(|r| r == "root:root" || r == "root");
        if !plain && !found.iter().any(|f| f == rule) {
            found.push(rule.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drop_in_lists_literal_command_lines() {
        let text = text("felhom");
        assert_eq!(
            text,
            "# felhom-fence: felhom may run these commands of the helper as root, and nothing else.\n\
             Cmnd_Alias FELHOM_FENCE = /usr/libexec/felhom/felhom-fence version, \\\n    /usr/libexec/felhom/felhom-fence smart, \\\n    \
             /usr/libexec/felhom/felhom-fence usb-mount, \\\n    /usr/libexec/felhom/felhom-fence usb-unmount, \\\n    \
             /usr/libexec/felhom/felhom-fence golden-create\n\
             Defaults!FELHOM_FENCE use_pty, secure_path=\"/usr/sbin:/usr/bin:/sbin:/bin\"\n\
             felhom ALL=(root:root) NOSETENV: NOPASSWD: FELHOM_FENCE\n"
        );
        assert!(!text.contains(['*', '?', '^', '[']));
        assert!(check_user("felhom").is_ok() && check_user("a b").is_err() && check_user("ALL").is_err() && check_user("-x").is_err());
    }

    #[test]
    fn an_extra_rule_is_found_in_the_list() {
        let fine = "Matching Defaults entries for felhom on pve1:\n    env_reset, use_pty\n\nRunas and Command-specific defaults for felhom:\n    Defaults!/usr/libexec/felhom/felhom-fence version use_pty\n\n\
                    User felhom may run the following commands on pve1:\n    (root : root) NOSETENV: NOPASSWD: /usr/libexec/felhom/felhom-fence version,\n        /usr/libexec/felhom/felhom-fence smart, /usr/libexec/felhom/felhom-fence usb-mount,\n        /usr/libexec/felhom/felhom-fence usb-unmount, /usr/libexec/felhom/felhom-fence golden-create\n";
        assert_eq!(extra_rules(fine), Vec::<String>::new());
        assert_eq!(
            extra_rules(&fine.replace("golden-create", "golden-create, /usr/libexec/felhom/felhom-fence shell")),
            ["/usr/libexec/felhom/felhom-fence shell"]
        );
        assert_eq!(extra_rules(&fine.replace("felhom-fence smart,", "felhom-fence,")), ["/usr/libexec/felhom/felhom-fence"]);
        assert_eq!(extra_rules(&format!("{fine}    (ALL : ALL) ALL\n")), ["(ALL : ALL) ALL"]);
        assert_eq!(
            extra_rules(&format!("{fine}    (ALL) NOPASSWD: /usr/libexec/felhom/felhom-fence smart\n")),
            ["(ALL) NOPASSWD: /usr/libexec/felhom/felhom-fence smart"]
        );
    }
}
