//! Settings that only root@pam may change, whatever privileges a token has. They are refused before anything is sent.

use crate::api::{Form, GuestKind, Property};
use crate::fault::{Fault, Kind};
use crate::ops::disks::{Disk, Source};
use crate::ops::guests::Guest;
use crate::ops::settings::{Config, text};

/// Whether the host treats the session as root. A token of root does not count.
pub fn is_root(who: &str) -> bool {
    who == "root@pam"
}

/// Returns why a token cannot set `key` to this value (`None`: cannot delete it).
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
    let mut hint = format!("run as root on {}: {command}", guest.node);
    if let Some(more) = why.fence {
        hint.push_str(&format!("; {more}"));
    }
    Some(Fault::new(Kind::Denied, format!("{}: only root@pam may {}", guest.label(), why.what)).with_hint(hint))
}

struct Why {
    what: String,
    /// An alternative with the root helper.
    fence: Option<&'static str>,
}

fn plain(what: impl Into<String>) -> Option<Why> {
    Some(Why { what: what.into(), fence: None })
}

fn lxc(config: &Config, key: &str, value: Option<&str>) -> Option<Why> {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    match letters {
        "hookscript" => plain("change the hookscript"),
        "dev" if letters != key => plain(format!("pass through a device ({key})")),
        "features" => features(config, value),
        "rootfs" | "mp" => {
            let value = value?;
            let source = Disk::of(GuestKind::Lxc, key, value)?.source;
            match source {
                Source::Bind => Some(Why {
                    what: format!("add a bind mount ({key})"),
                    fence: Some("without root: `felhom usb mount` for a USB disk, `felhom guest disk add` for a volume"),
                }),
                Source::Device => plain(format!("mount a device ({key})")),
                Source::Volume | Source::Cdrom => None,
            }
        }
        _ => None,
    }
}

/// A token may only change `nesting`, and only of an unprivileged container.
fn features(config: &Config, value: Option<&str>) -> Option<Why> {
    let fence = Some("without root: `felhom guest create lxc --golden`, whose clones and restores keep nesting and keyctl");
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
        return Some(Why { what: "change the features of a privileged container".into(), fence });
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
    // Golden containers have nesting and keyctl only.
    let fence = fence.filter(|_| other == ["keyctl"]);
    if other.is_empty() { None } else { Some(Why { what: format!("change features other than nesting ({})", other.join(", ")), fence }) }
}

fn qemu(key: &str, value: Option<&str>) -> Option<Why> {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let part = |name: &str| value.and_then(|value| Property::parse(Form::Default("host"), value).get(name).map(str::to_owned));
    match letters {
        "args" | "hookscript" | "affinity" | "parallel" => plain(format!("change '{key}'")),
        "serial" if value.is_some_and(|value| value != "socket") => plain(format!("use a serial device of the host ({key})")),
        "usb" if part("host").is_some_and(|host| !host.eq_ignore_ascii_case("spice")) => {
            plain(format!("pass through a USB device without a mapping ({key})"))
        }
        "hostpci" if part("host").is_some() => plain(format!("pass through a PCI device without a mapping ({key})")),
        _ => {
            let source = Disk::of(GuestKind::Qemu, key, value?)?.source;
            matches!(source, Source::Bind | Source::Device).then(|| Why { what: format!("use a path of the node as {key}"), fence: None })
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
    fn settings_that_a_real_host_refuses_for_containers() {
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
    fn settings_that_a_real_host_refuses_for_vms() {
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
