//! Firewall options, logs, references and macros.

use serde_json::{Value, json};

use super::{changed_meanwhile, scope};
use crate::demo::api::{Answer, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/firewall/options", read),
    ("PUT", "/cluster/firewall/options", update),
    ("GET", "/nodes/{node}/firewall/options", read),
    ("PUT", "/nodes/{node}/firewall/options", update),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/options", read),
    ("PUT", "/nodes/{node}/lxc/{vmid}/firewall/options", update),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/options", read),
    ("PUT", "/nodes/{node}/qemu/{vmid}/firewall/options", update),
    ("GET", "/cluster/sdn/vnets/{vnet}/firewall/options", read),
    ("PUT", "/cluster/sdn/vnets/{vnet}/firewall/options", update),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/log", log),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/log", log),
    ("GET", "/cluster/firewall/refs", refs),
    ("GET", "/nodes/{node}/lxc/{vmid}/firewall/refs", refs),
    ("GET", "/nodes/{node}/qemu/{vmid}/firewall/refs", refs),
    ("GET", "/cluster/firewall/macros", super::macros::list),
];

/// Returns the digest; without options it is that of an empty file.
fn digest(options: &Map) -> String {
    if options.is_empty() { sha1_hex("") } else { sha1_hex(&json!(options).to_string()) }
}

fn read(req: &mut Req<'_>) -> Answer {
    let mut options = req.state.firewall(&scope(req)?).options;
    options.insert("digest".into(), digest(&options).into());
    Ok(Value::Object(options).into())
}

fn update(req: &mut Req<'_>) -> Answer {
    let scope = scope(req)?;
    let mut options = req.state.firewall(&scope).options;
    changed_meanwhile(req, &digest(&options))?;
    for key in req.params.list("delete") {
        options.shift_remove(&key);
    }
    for (key, value) in req.params.iter() {
        if matches!(key.as_str(), "node" | "vmid" | "vnet" | "digest" | "delete") {
            continue;
        }
        let number = value.as_str().and_then(|t| t.parse::<i64>().ok());
        options.insert(key.clone(), number.map_or_else(|| value.clone(), |n| json!(n)));
    }
    req.state.firewall_mut(&scope).options = options;
    Ok(Reply::null())
}

fn log(req: &mut Req<'_>) -> Answer {
    scope(req)?;
    Ok(Reply::page(json!([{ "n": 1, "t": "unable to open file - No such file or directory" }]), 1))
}

/// Lists aliases and IP sets of the datacenter and the guest.
fn refs(req: &mut Req<'_>) -> Answer {
    let wanted = |kind: &str| req.params.get("type").is_none_or(|t| t == kind);
    let own = scope(req)?;
    let mut rows = Vec::new();
    for (place, label) in [("cluster", "dc"), (own.as_str(), "guest")] {
        if label == "guest" && own == "cluster" {
            continue;
        }
        let firewall = req.state.firewall(place);
        if wanted("alias") {
            rows.extend(
                firewall
                    .aliases
                    .keys()
                    .map(|name| json!({ "type": "alias", "name": name, "ref": format!("{label}/{name}"), "scope": label })),
            );
        }
        if wanted("ipset") {
            rows.extend(
                firewall
                    .ipsets
                    .keys()
                    .map(|name| json!({ "type": "ipset", "name": name, "ref": format!("+{label}/{name}"), "scope": label })),
            );
        }
    }
    Ok(Value::Array(rows).into())
}
