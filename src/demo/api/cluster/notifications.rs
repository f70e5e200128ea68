//! Notifications: what a fresh host has.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/notifications/targets", targets),
    ("POST", "/cluster/notifications/targets/{name}/test", test_target),
    ("GET", "/cluster/notifications/matchers", matchers),
    ("GET", "/cluster/notifications/matchers/{name}", matcher),
    ("GET", "/cluster/notifications/endpoints/sendmail", sendmail),
    ("GET", "/cluster/notifications/endpoints/sendmail/{name}", endpoint),
    ("GET", "/cluster/notifications/endpoints/gotify", |_| Ok(json!([]).into())),
    ("GET", "/cluster/notifications/endpoints/gotify/{name}", endpoint),
    ("GET", "/cluster/notifications/endpoints/smtp", |_| Ok(json!([]).into())),
    ("GET", "/cluster/notifications/endpoints/smtp/{name}", endpoint),
    ("GET", "/cluster/notifications/endpoints/webhook", |_| Ok(json!([]).into())),
    ("GET", "/cluster/notifications/endpoints/webhook/{name}", endpoint),
    ("GET", "/cluster/notifications/matcher-field-values", field_values),
];

const COMMENT: &str = "Send mails to root@pam's email address";

fn visible(req: &Req<'_>) -> bool {
    req.may_any("/mapping/notifications/mail-to-root", &["Mapping.Audit", "Mapping.Use", "Mapping.Modify"])
}

fn targets(req: &mut Req<'_>) -> Answer {
    let all = json!([{ "name": "mail-to-root", "type": "sendmail", "origin": "builtin", "comment": COMMENT }]);
    Ok(if visible(req) { all } else { json!([]) }.into())
}

fn missing(what: &str, name: &str) -> Refusal {
    Refusal::new(404, format!("{what} '{name}' not found"))
}

fn test_target(req: &mut Req<'_>) -> Answer {
    match req.params.text("name") {
        "mail-to-root" => Ok(Value::Null.into()),
        other => Err(missing("target", other)),
    }
}

fn sendmail_row() -> Value {
    json!({ "name": "mail-to-root", "mailto-user": ["root@pam"], "comment": COMMENT, "origin": "builtin" })
}

fn sendmail(req: &mut Req<'_>) -> Answer {
    Ok(if visible(req) { json!([sendmail_row()]) } else { json!([]) }.into())
}

fn endpoint(req: &mut Req<'_>) -> Answer {
    let name = req.params.text("name");
    if name == "mail-to-root" && req.template.contains("sendmail") { Ok(sendmail_row().into()) } else { Err(missing("endpoint", name)) }
}

fn matcher_row() -> Value {
    json!({
        "name": "default-matcher", "target": ["mail-to-root"], "mode": "all", "origin": "builtin",
        "comment": "Route all notifications to mail-to-root",
    })
}

fn matchers(_: &mut Req<'_>) -> Answer {
    Ok(json!([matcher_row()]).into())
}

fn matcher(req: &mut Req<'_>) -> Answer {
    match req.params.text("name") {
        "default-matcher" => Ok(matcher_row().into()),
        other => Err(missing("matcher", other)),
    }
}

fn field_values(req: &mut Req<'_>) -> Answer {
    let kinds = ["package-updates", "fencing", "replication", "vzdump", "system-mail"];
    let mut rows: Vec<Value> = kinds.iter().map(|k| json!({ "field": "type", "value": k })).collect();
    let jobs = req.state.section("backup");
    rows.extend(jobs.map(|(id, job)| json!({ "field": "job-id", "value": id, "comment": job.get("comment") })));
    rows.extend(req.state.nodes.keys().map(|n| json!({ "field": "hostname", "value": n })));
    Ok(Value::Array(rows).into())
}
