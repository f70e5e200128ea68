//! Settings that a host takes from root@pam alone, whatever a token may otherwise do: said before anything is sent.

use crate::api::{Form, GuestKind, Property};
use crate::fault::{Fault, Kind};
use crate::ops::disks::{Disk, Source};
use crate::ops::guests::Guest;
use crate::ops::settings::{Config, text};

/// Who the host takes for root itself: not a token of root, which it treats as any other.
pub fn is_root(who: &str) -> bool {
    who == "root@pam"
}

/// Why a token cannot give `key` this value (`None`: cannot take it away).
pub fn refusal(guest: &Guest, config: &Config, key: &str, value: Option<&str>) -> Option<Fault> {
    let why = match guest.kind {
        GuestKind::Lxc => lxc(config, key, value),
        GuestKind::Qemu => qemu(key, value),
    }?;
    let tool = if guest.kind == GuestKind::Lxc { "pct" } else { "qm" };
    let command = match value {
        Some(value) => format!("{tool} set {} --{key} '{}'", guest.vmid, value.replace('\'', r"'\''")),
        None => format!("{tool} set {} --delete {key}", guest.vmid),
    };
    let mut hint = format!("no token can do that; as root on {}: {command}", guest.node);
    if let Some(more) = why.fence {
        hint.push_str(&format!(" — {more}"));
    }
    Some(Fault::new(Kind::Denied, format!("{}: {} is for root@pam only", guest.label(), why.what)).with_hint(hint))
}

struct Why {
    what: String,
    /// What the fence can do instead.
    fence: Option<&'static str>,
}

fn plain(what: impl Into<String>) -> Option<Why> {
    Some(Why { what: what.into(), fence: None })
}

fn lxc(config: &Config, key: &str, value: Option<&str>) -> Option<Why> {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    match letters {
        "hookscript" => plain("changing the hookscript"),
        "dev" if letters != key => plain(format!("passing a device through ({key})")),
        "features" => features(config, value),
        "rootfs" | "mp" => {
            let value = value?;
            let source = Disk::of(GuestKind::Lxc, key, value)?.source;
            match source {
                Source::Bind => Some(Why {
                    what: format!("a bind mount ({key})"),
                    fence: Some(
                        "the fence mounts USB disks on the node (`felhom usb mount`), and a volume does without root (`felhom guest mountpoint add`)",
                    ),
                }),
                Source::Device => plain(format!("mounting a device ({key})")),
                Source::Volume | Source::Cdrom => None,
            }
        }
        _ => None,
    }
}

/// `nesting` of an unprivileged container may be changed by a token; everything else may not.
fn features(config: &Config, value: Option<&str>) -> Option<Why> {
    let fence = Some(
        "the fence makes containers with nesting and keyctl (`felhom guest create lxc --golden`), and their clones and restores keep both",
    );
    let now = text(config, "features").unwrap_or_default();
    let read = |text: &str| -> Vec<(String, String)> {
        let mut parts: Vec<_> = Property::parse(Form::Plain, text).parts().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        parts.sort();
        parts
    };
    let (old, new) = (read(&now), read(value.unwrap_or_default()));
    if old == new {
        return None;
    }
    if text(config, "unprivileged").as_deref() != Some("1") {
        return Some(Why { what: "changing the features of a privileged container".into(), fence });
    }
    let mut other: Vec<&str> = old
        .iter()
        .filter(|part| !new.contains(part))
        .chain(new.iter().filter(|part| !old.contains(part)))
        .map(|(key, _)| key.as_str())
        .filter(|key| *key != "nesting")
        .collect();
    other.sort_unstable();
    other.dedup();
    // What the fence makes has nesting and keyctl, and nothing else.
    let fence = fence.filter(|_| other == ["keyctl"]);
    if other.is_empty() { None } else { Some(Why { what: format!("changing the features {} (all but nesting)", other.join(", ")), fence }) }
}

fn qemu(key: &str, value: Option<&str>) -> Option<Why> {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let part = |name: &str| value.and_then(|value| Property::parse(Form::Default("host"), value).get(name).map(str::to_owned));
    match letters {
        "args" | "hookscript" | "affinity" | "parallel" => plain(format!("changing '{key}'")),
        "serial" if value.is_some_and(|value| value != "socket") => plain(format!("a real serial device ({key})")),
        "usb" if part("host").is_some_and(|host| !host.eq_ignore_ascii_case("spice")) => {
            plain(format!("passing a USB device through ({key}), unless it is a mapping,"))
        }
        "hostpci" if part("host").is_some() => plain(format!("passing a PCI device through ({key}), unless it is a mapping,")),
        _ => {
            let source = Disk::of(GuestKind::Qemu, key, value?)?.source;
            matches!(source, Source::Bind | Source::Device).then(|| Why { what: format!("a path of the node as {key}"), fence: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn why(kind: GuestKind, config: &serde_json::Value, key: &str, value: Option<&str>) -> Option<String> {
        let config = config.as_object().expect("a map");
        match kind {
            GuestKind::Lxc => lxc(config, key, value),
            GuestKind::Qemu => qemu(key, value),
        }
        .map(|why| why.what)
    }

    #[test]
    fn what_a_real_host_refused_to_a_token() {
        let ct = json!({"unprivileged": 1, "features": "nesting=1"});
        let refused = |key: &str, value: &str| why(GuestKind::Lxc, &ct, key, Some(value)).is_some();
        assert!(refused("features", "nesting=1,keyctl=1"));
        assert!(refused("mp0", "/srv,mp=/srv") && refused("mp0", "/dev/sdb,mp=/srv"));
        assert!(refused("hookscript", "local:snippets/x.sh") && refused("dev0", "/dev/null"));
        assert!(!refused("features", "nesting=0") && !refused("mp0", "local-lvm:1,mp=/data") && !refused("memory", "512"));
        let privileged = json!({});
        assert!(why(GuestKind::Lxc, &privileged, "features", Some("nesting=1")).is_some());
        assert!(why(GuestKind::Lxc, &json!({"unprivileged": 1, "features": "keyctl=1,nesting=1"}), "features", None).is_some());
    }

    #[test]
    fn what_a_real_host_refused_to_a_token_of_a_machine() {
        let refused = |key: &str, value: &str| why(GuestKind::Qemu, &json!({}), key, Some(value)).is_some();
        assert!(
            refused("args", "-foo")
                && refused("usb0", "host=1234:5678")
                && refused("hostpci0", "0000:01:00.0")
                && refused("serial0", "/dev/ttyS0")
        );
        assert!(
            !refused("usb0", "spice")
                && !refused("usb0", "mapping=stick")
                && !refused("serial0", "socket")
                && !refused("scsi1", "local-lvm:8")
        );
        assert!(refused("scsi1", "/dev/sdb"));
        assert!(is_root("root@pam") && !is_root("root@pam!rig"));
    }
}
