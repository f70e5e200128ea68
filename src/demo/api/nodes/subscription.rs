//! The subscription key of a node.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Reply, Req, Route};
use crate::demo::state::{map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/subscription", read),
    ("PUT", "/nodes/{node}/subscription", set),
    ("POST", "/nodes/{node}/subscription", check),
    ("DELETE", "/nodes/{node}/subscription", delete),
];

const SECTION: &str = "subscriptions";
const URL: &str = "https://www.proxmox.com/en/proxmox-virtual-environment/pricing";

fn read(req: &mut Req<'_>) -> Answer {
    let node = the_node(req);
    let audit = req.may(&format!("/nodes/{}", node.name), &["Sys.Audit"]);
    let Some(known) = req.state.sections.get(SECTION).and_then(|all| all.get(&node.name)) else {
        let mut row = json!({ "status": "notfound", "message": "There is no subscription key", "url": URL });
        if audit {
            row["serverid"] = Value::Null;
        }
        return Ok(row.into());
    };
    if !audit {
        return Ok(json!({ "status": known["status"], "message": known.get("message"), "url": URL }).into());
    }
    let mut row = known.clone();
    row.insert("url".into(), URL.into());
    Ok(Value::Object(row).into())
}

/// Returns product name and level of a key; `pve2c-…` is a community subscription for two sockets.
fn product(key: &str) -> (String, char) {
    let (sockets, level) = (key.chars().nth(3).unwrap_or('1'), key.chars().nth(4).unwrap_or('c'));
    let name = match level {
        'b' => "Basic",
        's' => "Standard",
        'p' => "Premium",
        _ => "Community",
    };
    (format!("Proxmox VE {name} Subscription {sockets} CPU/year"), level)
}

fn set(req: &mut Req<'_>) -> Answer {
    let (node, key, now) = (the_node(req).name.clone(), req.params.text("key").trim().to_owned(), req.now());
    let (productname, level) = product(&key);
    let date =
        |seconds: i64| jiff::Timestamp::from_second(seconds).map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default();
    let entry = json!({
        "key": key, "status": "active", "checktime": now, "productname": productname, "level": level.to_string(), "sockets": 1,
        "serverid": sha1_hex(&node)[..32].to_uppercase(), "regdate": date(now), "nextduedate": date(now + 365 * 86_400)[..10],
    });
    req.state.section_mut(SECTION).insert(node, map(entry));
    Ok(Reply::null())
}

fn check(req: &mut Req<'_>) -> Answer {
    let (node, now) = (the_node(req).name.clone(), req.now());
    if let Some(entry) = req.state.section_mut(SECTION).get_mut(&node) {
        entry.insert("checktime".into(), now.into());
    }
    Ok(Reply::null())
}

fn delete(req: &mut Req<'_>) -> Answer {
    let node = the_node(req).name.clone();
    req.state.section_mut(SECTION).remove(&node);
    Ok(Reply::null())
}
