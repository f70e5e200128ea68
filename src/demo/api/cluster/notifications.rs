//! Notification targets and fields of matchers.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/notifications/targets", targets),
    ("POST", "/cluster/notifications/targets/{name}/test", test_target),
    ("GET", "/cluster/notifications/matcher-field-values", field_values),
];

/// Lists the endpoints that the caller may see.
fn targets(req: &mut Req<'_>) -> Answer {
    let visible = |name: &str| {
        let path = format!("/mapping/notifications/{name}");
        req.may_any(&path, &["Mapping.Audit", "Mapping.Use", "Mapping.Modify"])
    };
    let mut rows = Vec::new();
    if visible("mail-to-root") {
        let comment = "Send mails to root@pam's email address";
        rows.push(json!({ "name": "mail-to-root", "type": "sendmail", "origin": "builtin", "comment": comment }));
    }
    for kind in ["gotify", "sendmail", "smtp", "webhook"] {
        for (name, config) in req.state.section(&format!("/cluster/notifications/endpoints/{kind}")).filter(|(name, _)| visible(name)) {
            let mut row = json!({ "name": name, "type": kind, "origin": "user-created" });
            for key in ["comment", "disable"] {
                if let Some(value) = config.get(key) {
                    row[key] = value.clone();
                }
            }
            rows.push(row);
        }
    }
    Ok(Value::Array(rows).into())
}

fn test_target(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("name").to_owned();
    let rows = targets(req)?.data;
    let known = rows.as_array().is_some_and(|all| all.iter().any(|row| row["name"] == name.as_str()));
    if known { Ok(Value::Null.into()) } else { Err(Refusal::new(404, format!("target '{name}' does not exist"))) }
}

fn field_values(req: &mut Req<'_>) -> Answer {
    let kinds = ["package-updates", "fencing", "replication", "vzdump", "system-mail"];
    let mut rows: Vec<Value> = kinds.iter().map(|k| json!({ "field": "type", "value": k })).collect();
    let jobs = req.state.section("backup");
    rows.extend(jobs.map(|(id, job)| json!({ "field": "job-id", "value": id, "comment": job.get("comment") })));
    rows.extend(req.state.nodes.keys().map(|n| json!({ "field": "hostname", "value": n })));
    Ok(Value::Array(rows).into())
}
