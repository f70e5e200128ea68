//! Settings in a backup that affect the host, and privileges that the token lacks for the restore.

use serde_json::{Map, Value as Json};

use crate::api::{Form, GuestKind, Property, lenient};
use crate::fault::{Fault, Kind};
use crate::guard::plan::holds;
use crate::ops::restore::read::{Known, Request};
use crate::ops::restore::volumes::Layout;
use crate::routes::Grant;

/// Returns the settings that affect the host: `hookscript: local:snippets/x.sh`, `privileged container`.
pub fn root_level(kind: GuestKind, config: &Map<String, Json>) -> Vec<String> {
    let mut found: Vec<String> = config
        .iter()
        .filter_map(|(key, value)| Some((key, lenient::text(value)?)))
        .filter(|(key, text)| is_root_level(kind, key, text))
        .map(|(key, text)| format!("{key}: {text}"))
        .collect();
    if kind == GuestKind::Lxc && config.get("unprivileged").and_then(lenient::integer) != Some(1) {
        found.push("privileged container".to_owned());
    }
    found
}

fn is_root_level(kind: GuestKind, key: &str, text: &str) -> bool {
    let letters = key.trim_end_matches(|c: char| c.is_ascii_digit());
    let numbered = letters.len() < key.len();
    match (kind, letters, numbered) {
        (_, "hookscript", false) | (GuestKind::Qemu, "args", false) | (GuestKind::Lxc, "dev", true) => true,
        // A device with a resource mapping was allowed by the host's administrator.
        (GuestKind::Qemu, "hostpci" | "usb", true) => {
            let device = Property::parse(Form::Default("host"), text);
            device.get("mapping").is_none() && device.get("host").is_some_and(|host| host != "spice")
        }
        (GuestKind::Qemu, "serial" | "parallel", true) => text.starts_with("/dev/"),
        _ => false,
    }
}

/// Returns the settings that the source guest does not have.
pub fn untrusted(known: &Known) -> Vec<String> {
    let today = known.source.as_ref().map(|config| root_level(known.kind, config)).unwrap_or_default();
    root_level(known.kind, &known.archived.values).into_iter().filter(|item| !today.contains(item)).collect()
}

/// Returns the privileges that the host requires and the token lacks, as far as known; each a list of alternatives.
pub fn missing(known: &Known, request: &Request, layout: &Layout, hostname: bool) -> Vec<Vec<Grant>> {
    let Some(held) = &known.held else { return Vec::new() };
    let grant = |privilege: &str, path: String| Grant { path, privilege: privilege.into() };
    let vm = |privilege: &str| {
        let mut any = vec![grant(privilege, format!("/vms/{}", known.vmid))];
        any.extend(request.pool.as_ref().map(|pool| grant(privilege, format!("/pool/{pool}"))));
        any
    };
    let mut needs: Vec<Vec<Grant>> = Vec::new();
    let mut allocate = vm("VM.Allocate");
    if known.existing.is_some() {
        allocate.push(grant("VM.Backup", format!("/vms/{}", known.vmid)));
    }
    needs.push(allocate);
    let archive_store = format!("/storage/{}", known.archive.storage);
    if !holds(held, &grant("Datastore.Allocate", archive_store.clone())) {
        needs.push(vec![grant("Datastore.AllocateSpace", archive_store)]);
        if let Some(owner) = known.archive.vmid.filter(|owner| *owner != known.vmid) {
            needs.push(vec![grant("VM.Backup", format!("/vms/{owner}"))]);
        }
    }
    needs.extend(layout.needs.keys().map(|name| vec![grant("Datastore.AllocateSpace", format!("/storage/{name}"))]));
    // Other bridges may belong to any SDN zone.
    for (bridge, tag) in known.identity.bridges.iter().filter(|(bridge, _)| bridge.starts_with("vmbr")) {
        let path = format!("/sdn/zones/localnetwork/{bridge}");
        let mut any = vec![grant("SDN.Use", path.clone())];
        any.extend(tag.as_ref().map(|tag| grant("SDN.Use", format!("{path}/{tag}"))));
        needs.push(any);
    }
    if hostname {
        needs.push(vm(if known.kind == GuestKind::Lxc { "VM.Config.Network" } else { "VM.Config.Options" }));
    }
    if !layout.restated.is_empty() {
        needs.push(vm("VM.Config.Disk"));
    }
    if root_level(known.kind, &known.archived.values).iter().any(|item| item == "privileged container") {
        needs.push(vec![grant("Sys.Modify", "/".into())]);
    }
    if request.start {
        needs.push(vm("VM.PowerMgmt"));
    }
    needs.retain(|any| !any.iter().any(|grant| holds(held, grant)));
    needs.dedup();
    needs
}

/// Returns the permission error that the host would report, before anything is sent.
pub fn denial(missing: &[Vec<Grant>]) -> Option<Fault> {
    let first = missing.first()?.first()?;
    let words: Vec<String> = missing
        .iter()
        .map(|any| any.iter().map(|grant| format!("{} on {}", grant.privilege, grant.path)).collect::<Vec<_>>().join(" or "))
        .collect();
    let mut fault = Fault::new(Kind::Denied, format!("cannot restore: the token lacks {}; no request was sent", words.join(", ")));
    (fault.path, fault.privilege) = (Some(first.path.clone()), Some(first.privilege.clone()));
    Some(fault)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_that_affect_the_host_are_listed() {
        let of = |kind, config: Json| {
            let Json::Object(config) = config else { unreachable!("an object") };
            root_level(kind, &config)
        };
        assert_eq!(
            of(GuestKind::Lxc, json!({"unprivileged": "1", "hookscript": "local:snippets/x.sh", "dev0": "/dev/dri/card0", "memory": "5"})),
            ["hookscript: local:snippets/x.sh", "dev0: /dev/dri/card0"]
        );
        assert_eq!(of(GuestKind::Lxc, json!({"memory": "5"})), ["privileged container"]);
        assert_eq!(
            of(
                GuestKind::Qemu,
                json!({"args": "-cpu x", "hostpci0": "0000:01:00", "hostpci1": "mapping=gpu", "usb0": "host=spice", "usb1": "host=1-2", "serial0": "socket", "serial1": "/dev/ttyS0"})
            ),
            ["args: -cpu x", "hostpci0: 0000:01:00", "usb1: host=1-2", "serial1: /dev/ttyS0"]
        );
    }
}
