//! DNS, time, logs, replication and settings of a node.

use serde_json::{Value, json};

use super::the_node;
use crate::demo::api::{Answer, Params, Refusal, Reply, Req, Route};
use crate::demo::state::{Map, sha1_hex};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/nodes/{node}/dns", dns),
    ("PUT", "/nodes/{node}/dns", set_dns),
    ("GET", "/nodes/{node}/time", time),
    ("PUT", "/nodes/{node}/time", set_time),
    ("GET", "/nodes/{node}/hosts", hosts),
    ("POST", "/nodes/{node}/hosts", set_hosts),
    ("GET", "/nodes/{node}/config", config),
    ("PUT", "/nodes/{node}/config", set_config),
    ("GET", "/nodes/{node}/syslog", syslog),
    ("GET", "/nodes/{node}/journal", journal),
    ("GET", "/nodes/{node}/report", report),
    ("GET", "/nodes/{node}/firewall/log", |_| {
        Ok(Reply::page(json!([{ "n": 1, "t": "unable to open file - No such file or directory" }]), 1))
    }),
    ("GET", "/nodes/{node}/replication", replications),
    ("GET", "/nodes/{node}/replication/{id}", |_| Ok(json!([{ "name": "schedule_now" }, { "name": "log" }, { "name": "status" }]).into())),
    ("GET", "/nodes/{node}/replication/{id}/status", |req| Ok(replication(req)?.into())),
    ("GET", "/nodes/{node}/replication/{id}/log", |req| replication(req).map(|_| Reply::page(json!([]), 0))),
    ("POST", "/nodes/{node}/replication/{id}/schedule_now", |req| replication(req).map(|_| Reply::null())),
    ("POST", "/nodes/{node}/execute", execute),
];

/// Returns a replication job with its status; none has run yet.
fn job_row(req: &Req<'_>, id: &str, job: &Map) -> Option<Value> {
    let guest = id.split('-').next()?.parse::<u32>().ok()?;
    let is_here = req.state.guests.get(&guest).is_some_and(|g| g.node == the_node(req).name);
    let mut row = json!({ "id": id, "guest": guest, "jobnum": id.split('-').nth(1), "last_sync": 0, "last_try": 0, "fail_count": 0 });
    for (key, value) in job {
        row[key] = value.clone();
    }
    (is_here && req.may(&format!("/vms/{guest}"), &["VM.Audit"])).then_some(row)
}

fn replications(req: &mut Req<'_>) -> Answer {
    Ok(req.state.section("/cluster/replication").filter_map(|(id, job)| job_row(req, id, job)).collect::<Value>().into())
}

fn replication(req: &Req<'_>) -> Result<Value, Refusal> {
    let wanted = req.params.text("id");
    let job = req.state.section("/cluster/replication").find(|(id, _)| *id == wanted).and_then(|(id, job)| job_row(req, id, job));
    job.ok_or_else(|| Refusal::die(format!("no such replication job '{wanted}'")))
}

fn own_name(req: &Req<'_>) -> String {
    the_node(req).name.clone()
}

fn dns(req: &mut Req<'_>) -> Answer {
    Ok(Value::Object(the_node(req).dns.clone()).into())
}

fn set_dns(req: &mut Req<'_>) -> Answer {
    let dns: Map = req.params.iter().filter(|(k, _)| *k != "node").map(|(k, v)| (k.clone(), v.clone())).collect();
    let node = own_name(req);
    req.state.nodes.entry(node).or_default().dns = dns;
    Ok(Reply::null())
}

fn time(req: &mut Req<'_>) -> Answer {
    let (zone, now) = (the_node(req).timezone.clone(), req.now());
    let offset = jiff::tz::TimeZone::get(&zone).ok().zip(jiff::Timestamp::from_second(now).ok());
    let offset = offset.map_or(0, |(tz, at)| i64::from(tz.to_offset(at).seconds()));
    Ok(json!({ "time": now, "localtime": now + offset, "timezone": zone }).into())
}

fn set_time(req: &mut Req<'_>) -> Answer {
    let zone = req.params.text("timezone").to_owned();
    if jiff::tz::TimeZone::get(&zone).is_err() {
        return Err(Refusal::param("timezone", "No such timezone"));
    }
    let node = own_name(req);
    req.state.nodes.entry(node).or_default().timezone = zone;
    Ok(Reply::null())
}

fn hosts(req: &mut Req<'_>) -> Answer {
    let data = the_node(req).hosts.clone();
    Ok(json!({ "data": data, "digest": sha1_hex(&data) }).into())
}

fn set_hosts(req: &mut Req<'_>) -> Answer {
    if req.params.get("digest").is_some_and(|d| d != sha1_hex(&the_node(req).hosts)) {
        return Err(Refusal::die("detected modified configuration - file changed by other user? Try again."));
    }
    let (node, data) = (own_name(req), req.params.text("data").to_owned());
    req.state.nodes.entry(node).or_default().hosts = data;
    Ok(Reply::null())
}

fn config(req: &mut Req<'_>) -> Answer {
    let mut data = the_node(req).config.clone();
    if !data.is_empty() {
        data.insert("digest".into(), sha1_hex(&Value::Object(the_node(req).config.clone()).to_string()).into());
    }
    if let Some(wanted) = req.params.get("property") {
        data.retain(|key, _| key == wanted || key == "digest");
    }
    Ok(Value::Object(data).into())
}

fn set_config(req: &mut Req<'_>) -> Answer {
    let sent: Map = req
        .params
        .iter()
        .filter(|(k, _)| !matches!(k.as_str(), "node" | "delete" | "digest"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let (node, gone) = (own_name(req), req.params.list("delete"));
    let config = &mut req.state.nodes.entry(node).or_default().config;
    for key in gone {
        config.shift_remove(&key);
    }
    config.extend(sent);
    Ok(Reply::null())
}

fn lines(req: &Req<'_>) -> Vec<String> {
    let (node, now_ms) = (the_node(req), req.now_ms);
    let mut lines = node.syslog.clone();
    let mut events: Vec<(i64, String)> = Vec::new();
    for task in req.state.tasks.iter().filter(|t| t.node == node.name) {
        let upid = task.upid();
        events.push((task.start_ms / 1000, format!("pvedaemon[{}]: <{}> starting task {upid}", task.pid, task.user)));
        if let (Some(at), Some(exit)) = (task.ended_ms(now_ms), task.exit_status(now_ms)) {
            events.push((at / 1000, format!("pvedaemon[{}]: <{}> end task {upid} {exit}", task.pid, task.user)));
        }
    }
    events.sort();
    lines.extend(events.into_iter().map(|(at, text)| {
        let stamp = jiff::Timestamp::from_second(at).map(|t| t.strftime("%b %d %H:%M:%S").to_string()).unwrap_or_default();
        format!("{stamp} {} {text}", node.name)
    }));
    lines
}

fn syslog(req: &mut Req<'_>) -> Answer {
    let lines = lines(req);
    let wanted = req.params.get("service").map(|s| format!(" {s}["));
    let lines: Vec<&String> = lines.iter().filter(|l| wanted.as_ref().is_none_or(|w| l.contains(w))).collect();
    let start = usize::try_from(req.params.int("start").unwrap_or(0)).unwrap_or(0);
    let limit = usize::try_from(req.params.int("limit").unwrap_or(50)).unwrap_or(50);
    let page = lines.iter().enumerate().skip(start).take(limit).map(|(i, text)| json!({ "n": i + 1, "t": text }));
    Ok(Reply::page(page.collect(), lines.len()))
}

fn journal(req: &mut Req<'_>) -> Answer {
    let lines = lines(req);
    let last = usize::try_from(req.params.int("lastentries").unwrap_or(0)).unwrap_or(0);
    let skip = if last == 0 { 0 } else { lines.len().saturating_sub(last) };
    Ok(lines.into_iter().skip(skip).collect::<Value>().into())
}

fn report(req: &mut Req<'_>) -> Answer {
    let node = the_node(req);
    let guests = req.state.guests.values().filter(|g| g.node == node.name);
    let list: String = guests.map(|g| format!("{} {} {}\n", g.kind.word(), g.vmid, g.name())).collect();
    let text = format!(
        "\n==== general system info ====\n\n# hostname\n{0}\n\n# pveversion\npve-manager/9.2.11/14a22df35955d97d\n\n# cat /etc/hosts\n{1}\n==== info about guests ====\n\n{list}",
        node.name, node.hosts
    );
    Ok(json!(text).into())
}

/// Makes several calls below the node, each with its own result.
fn execute(req: &mut Req<'_>) -> Answer {
    let commands: Vec<Value> = serde_json::from_str(req.params.text("commands")).unwrap_or_default();
    let node = own_name(req);
    let mut rows = Vec::new();
    for command in commands {
        let text = |key: &str| command[key].as_str().unwrap_or_default();
        let mut params = Params::default();
        for (key, value) in command["args"].as_object().into_iter().flatten() {
            params.set(key, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        }
        let path = format!("/nodes/{node}/{}", text("path").trim_matches('/'));
        rows.push(match (req.call)(req.state, req.who, text("method"), &path, params, req.now_ms) {
            Ok(reply) => json!({ "status": 200, "data": reply.data }),
            Err(refusal) if refusal.errors.is_empty() => json!({ "status": refusal.status, "message": refusal.message }),
            Err(refusal) => json!({ "status": refusal.status, "message": refusal.message, "errors": refusal.errors }),
        });
    }
    Ok(Value::Array(rows).into())
}
