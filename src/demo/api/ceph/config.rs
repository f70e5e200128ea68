//! `ceph.conf`, the configuration database, the CRUSH map, releases and the first configuration.

use serde_json::{Value, json};

use super::pool_settings::RULES;
use super::{CONF, is_installed, number, osd, ready, text};
use crate::demo::api::{Answer, Refusal, Reply, Req, Route};
use crate::demo::auth::random_uuid;
use crate::demo::state::{Map, map};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/ceph/cfg", |_| Ok(json!([{ "name": "raw" }, { "name": "db" }, { "name": "value" }]).into())),
    ("GET", "/nodes/{node}/ceph/cfg/raw", raw),
    ("GET", "/nodes/{node}/ceph/cfg/db", database),
    ("GET", "/nodes/{node}/ceph/cfg/value", values),
    ("GET", "/nodes/{node}/ceph/crush", crush),
    ("GET", "/nodes/{node}/ceph/rules", rules),
    ("GET", "/nodes/{node}/ceph/releases", releases),
    ("POST", "/nodes/{node}/ceph/init", init),
];

/// Settings in the configuration database: section, name, value, level, mask, whether they apply at once.
const DATABASE: &[(&str, &str, &str, &str, &str, u8)] = &[
    ("global", "osd_pool_default_pg_autoscale_mode", "warn", "advanced", "", 1),
    ("mon", "auth_allow_insecure_global_id_reclaim", "false", "advanced", "", 1),
    ("osd", "osd_memory_target", "4294967296", "basic", "", 1),
    ("osd.0", "osd_mclock_max_capacity_iops_ssd", "21500.4", "basic", "", 1),
];

fn raw(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let line = |(key, value): (&String, &Value)| format!("\t{key} = {}\n", value.as_str().unwrap_or_default());
    let section = |(name, config): (&String, &Map)| format!("[{name}]\n{}", config.iter().map(line).collect::<String>());
    let mut sections: Vec<(&String, &Map)> = req.state.section(CONF).collect();
    sections.sort_by_key(|(name, _)| (*name != "global", *name != "client", *name));
    Ok(json!(sections.into_iter().map(section).collect::<Vec<_>>().join("\n")).into())
}

fn database(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let rows = DATABASE.iter().map(|(section, name, value, level, mask, now)| {
        json!({ "section": section, "name": name, "value": value, "level": level, "mask": mask, "can_update_at_runtime": now })
    });
    Ok(rows.collect::<Value>().into())
}

/// The wanted keys of the database and of the file, which wins; `_` is `-` in names.
fn values(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let normal = |text: &str| text.replace('_', "-");
    let wanted: Vec<(String, String)> = req
        .params
        .list("config-keys")
        .iter()
        .filter_map(|pair| pair.split_once(':'))
        .map(|(section, key)| (normal(section), normal(key)))
        .collect();
    let database = DATABASE.iter().map(|(section, name, value, ..)| ((*section).to_owned(), (*name).to_owned(), json!(value)));
    let file = req
        .state
        .section(CONF)
        .flat_map(|(section, config)| config.iter().map(move |(key, value)| (section.clone(), key.clone(), value.clone())));
    let mut found = json!({});
    for (section, key, value) in database.chain(file) {
        let at = (normal(&section), normal(&key));
        if wanted.contains(&at) {
            found[at.0][at.1] = value;
        }
    }
    Ok(found.into())
}

fn crush(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let all = osd::osds(req.state);
    let mut text = String::from("# begin crush map\ntunable choose_total_tries 50\n\n# devices\n");
    for (id, osd) in &all {
        text.push_str(&format!("device {id} osd.{id} class {}\n", super::text(osd, "class")));
    }
    text.push_str("\n# types\ntype 0 osd\ntype 1 host\ntype 11 root\n\n# buckets\n");
    let mut roots = String::new();
    for (number, host) in (1..).zip(req.state.nodes.keys()) {
        text.push_str(&bucket(number, host, &all));
        roots.push_str(&format!("\titem {host} weight 3.63869\n"));
    }
    text.push_str(&format!("root default {{\n\tid -1\n\talg straw2\n\thash 0\n{roots}}}\n\n# rules\n"));
    for (id, rule) in RULES.iter().enumerate() {
        text.push_str(&format!(
            "rule {rule} {{\n\tid {id}\n\ttype replicated\n\tstep take default\n\tstep chooseleaf firstn 0 type host\n\tstep emit\n}}\n"
        ));
    }
    text.push_str("\n# end crush map\n");
    Ok(json!(text).into())
}

fn bucket(number_of_host: i64, host: &str, all: &[(i64, &Map)]) -> String {
    let mine = all.iter().filter(|(_, osd)| text(osd, "node") == host);
    let items: String =
        mine.map(|(id, osd)| format!("\titem osd.{id} weight {:.5}\n", number(osd, "size") as f64 / 1_099_511_627_776.0)).collect();
    format!("host {host} {{\n\tid {}\n\talg straw2\n\thash 0\n{items}}}\n", -1 - 2 * number_of_host)
}

fn rules(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    Ok(RULES.iter().map(|name| json!({ "name": name })).collect::<Value>().into())
}

/// The releases that Proxmox VE knows: name, version, whether this one installs it, default, unsupported.
const RELEASES: &[(&str, &str, u8, u8)] = &[
    ("octopus", "15.2", 0, 0),
    ("pacific", "16.2", 0, 0),
    ("quincy", "17.2", 0, 0),
    ("reef", "18.2", 0, 0),
    ("squid", "19.2", 1, 1),
    ("tentacle", "20.2", 1, 0),
];

fn releases(_: &mut Req<'_>) -> Answer {
    let row = |(release, version, available, default): &(&str, &str, u8, u8)| json!({ "release": release, "version": version, "available": available, "is-default": default, "unsupported": 0 });
    Ok(RELEASES.iter().map(row).collect::<Value>().into())
}

fn init(req: &mut Req<'_>) -> Answer {
    if !is_installed(req) {
        return Err(Refusal::die("Ceph Nautilus required - please run 'pveceph install'"));
    }
    let (size, min_size) = (req.params.get("size").unwrap_or("3").to_owned(), req.params.get("min_size").unwrap_or("2").to_owned());
    let auth = if req.params.flag("disable_cephx") { "none" } else { "cephx" };
    let network = req.params.get("network").map(str::to_owned);
    let cluster = req.params.get("cluster-network").map(str::to_owned).or_else(|| network.clone());
    let conf = req.state.section_mut(CONF);
    let global = conf.entry("global".to_owned()).or_insert_with(|| global(&random_uuid(), auth, &size, &min_size));
    if let Some(network) = network {
        global.insert("public_network".into(), network.into());
    }
    if let Some(cluster) = cluster {
        global.insert("cluster_network".into(), cluster.into());
    }
    if auth == "cephx" {
        conf.insert("client".to_owned(), map(json!({ "keyring": "/etc/pve/priv/$cluster.$name.keyring" })));
    }
    Ok(Reply::null())
}

fn global(fsid: &str, auth: &str, size: &str, min_size: &str) -> Map {
    map(json!({
        "fsid": fsid, "auth_cluster_required": auth, "auth_service_required": auth, "auth_client_required": auth,
        "osd_pool_default_size": size, "osd_pool_default_min_size": min_size, "mon_allow_pool_delete": "true",
    }))
}
