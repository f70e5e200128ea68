//! Calls of the checks before a change (`src/ops/checks`). Without their privileges, the change works and the check is reported as skipped.

const CONFIGS: &[&str] = &["GET /nodes/{node}/lxc/{vmid}/config", "GET /nodes/{node}/qemu/{vmid}/config"];
const RULES: &[&str] = &[
    "GET /cluster/firewall/rules",
    "GET /cluster/firewall/groups",
    "GET /cluster/firewall/groups/{group}",
    "GET /nodes/{node}/firewall/rules",
    "GET /nodes/{node}/lxc/{vmid}/firewall/rules",
    "GET /nodes/{node}/qemu/{vmid}/firewall/rules",
];

/// A change with the calls of its check.
static CHECKS: &[(&str, &[&str])] = &[
    ("PUT /pools", &["GET /storage"]),
    ("PUT /pools/{poolid}", &["GET /storage"]),
    ("DELETE /storage/{storage}", &["GET /nodes/{node}/storage/{storage}/content"]),
    ("DELETE /nodes/{node}/storage/{storage}/content/{volume}", CONFIGS),
    ("POST /access/users", &["GET /access/domains"]),
    ("DELETE /access/domains/{realm}", &["GET /access/users"]),
    ("DELETE /cluster/mapping/pci/{id}", CONFIGS),
    ("DELETE /cluster/mapping/usb/{id}", CONFIGS),
    ("DELETE /cluster/mapping/dir/{id}", CONFIGS),
    ("DELETE /cluster/sdn/vnets/{vnet}", CONFIGS),
    ("DELETE /cluster/firewall/aliases/{name}", RULES),
    ("DELETE /cluster/firewall/ipset/{name}", RULES),
    ("DELETE /cluster/firewall/groups/{group}", RULES),
    ("DELETE /nodes/{node}/lxc/{vmid}/firewall/aliases/{name}", RULES),
    ("DELETE /nodes/{node}/lxc/{vmid}/firewall/ipset/{name}", RULES),
    ("DELETE /nodes/{node}/qemu/{vmid}/firewall/aliases/{name}", RULES),
    ("DELETE /nodes/{node}/qemu/{vmid}/firewall/ipset/{name}", RULES),
    ("PUT /cluster/firewall/options", RULES),
];

/// Whether the check of one of these changes makes a call.
pub(super) fn allows(changes: &[&str], call: &str) -> bool {
    CHECKS.iter().any(|(change, calls)| changes.contains(change) && calls.contains(&call))
}
