//! Devices and directories mapped on every node, and custom CPU models.

use super::{Kind, PLAIN};
use crate::demo::api::section::Options;
use crate::demo::api::{Refusal, Req};
use crate::demo::state::Map;

const fn mapping(path: &'static str, options: &'static str, failed: [&'static str; 3], taken: &'static str) -> Kind {
    let may_see: fn(&Req<'_>, &str, &Map) -> bool = |req, id, _| {
        let kind = req.template.split('/').nth(3).unwrap_or_default();
        req.may_any(&format!("/mapping/{kind}/{id}"), &["Mapping.Modify", "Mapping.Use", "Mapping.Audit"])
    };
    let show: fn(&mut Map, &str, bool) = |row, _, listed| {
        if !listed {
            row.shift_remove("id");
        }
    };
    Kind {
        path,
        options: Options(options),
        full_update: true,
        failed,
        taken,
        missing: "mapping '{}' not found",
        gone: None,
        may_see,
        show,
        ..PLAIN
    }
}

pub(super) const KINDS: &[Kind] = &[
    mapping(
        "/cluster/mapping/dir",
        "dir: map! description",
        ["create directory mapping failed", "update directory mapping failed", "delete dir mapping failed"],
        "dir ID '{}' already defined",
    ),
    mapping(
        "/cluster/mapping/pci",
        "pci: map! description mdev live-migration-capable",
        ["create hardware mapping failed", "update hardware mapping failed", "delete pci mapping failed"],
        "pci ID '{}' already defined",
    ),
    mapping(
        "/cluster/mapping/usb",
        "usb: map! description",
        ["create hardware mapping failed", "update hardware mapping failed", "delete usb mapping failed"],
        "usb ID '{}' already defined",
    ),
    Kind {
        path: "/cluster/qemu/custom-cpu-models",
        id: "cputype",
        section: super::super::CPU_MODELS,
        name: |_, given| given.trim_start_matches("custom-").to_owned(),
        shown: |id| format!("custom-{id}"),
        taken: "custom CPU model '{}' already exists",
        missing: "custom CPU model '{}' does not exist",
        gone: Some("custom CPU model '{}' does not exist"),
        may_see: |req, id, _| req.may_any(&format!("/mapping/cpu/{id}"), &["Mapping.Modify", "Mapping.Use", "Mapping.Audit"]),
        before: |req| match req.params.list("delete").iter().find(|key| matches!(key.as_str(), "cputype" | "reported-model")) {
            Some(key) => Err(Refusal::die(format!("cannot delete '{key}'"))),
            None => Ok(()),
        },
        ..PLAIN
    },
];
