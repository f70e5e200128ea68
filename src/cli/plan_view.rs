//! A plan for people: its steps, their risk and impact, the privileges they require.

use serde_json::{Value as Json, json};

use crate::api::{Method, Request, Value};
use crate::fault::Result;
use crate::guard::{Needed, Plan, PlannedItem, PlannedStep, Staged, Target, redact};
use crate::routes::Grant;
pub use crate::shell::quote;
use crate::ui::{Format, Out, clean, units};

use super::PlanForm;

/// A line of a plan is one line, and not longer than this, whatever a guest is called.
const LONGEST: usize = 1000;

/// The longest name of a target in the table.
const TARGET: usize = 30;

fn one_line(text: &str) -> String {
    clean::short(text, LONGEST)
}

/// Shows a plan on stdout: as text for people, as data in every other format.
pub fn show(out: &Out, plan: &Plan, form: Option<PlanForm>) -> Result<()> {
    if form == Some(PlanForm::Pveum) {
        return out.text(&plan.items.iter().flat_map(commands).map(|line| line + "\n").collect::<String>());
    }
    if matches!(out.format(), Format::Table) {
        let mut text: String = lines(plan).iter().map(|line| format!("{line}\n")).collect();
        text.push_str("nothing was changed\n");
        return out.text(&text);
    }
    out.value(&serde_json::to_value(plan).unwrap_or_default())
}

/// Says where a staged change is, and what it would do. `program` is how this felhom is called: the demo's has a word more.
pub fn staged(out: &Out, staged: &Staged, plan: &Plan, program: &str) -> Result<()> {
    match out.format() {
        Format::Table => {
            let mut text: String = lines(plan).iter().map(|line| format!("{line}\n")).collect();
            text += &format!("staged as {0}: `{program} plan apply {0}` applies it, `{program} plan discard {0}` discards it\n", staged.id);
            out.text(&text)
        }
        Format::Id => out.text(&format!("{}\n", staged.id)),
        _ => {
            let row = |item: &PlannedItem| {
                let status = if item.status == "planned" { "staged" } else { item.status };
                let Target { node, vmid, name, kind } = &item.target;
                json!({"context": plan.context, "node": node, "vmid": vmid, "name": name, "kind": kind, "action": item.action, "status": status, "staged_id": staged.id})
            };
            out.value(&Json::Array(plan.items.iter().map(row).collect()))
        }
    }
}

/// The lines of a plan, for people: a table of its steps, then for each target what it affects and requires.
pub fn lines(plan: &Plan) -> Vec<String> {
    let mut rows: Vec<[String; 4]> = vec![["TARGET", "ACTION", "RISK", "STEP"].map(str::to_owned)];
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for item in &plan.items {
        let target = clean::short(&item.target.to_string(), TARGET);
        let start = [target.clone(), item.action.to_owned(), item.risk.word().to_owned()];
        let mut steps: Vec<String> = item.steps.iter().map(step_text).collect();
        if item.status != "planned" {
            let message = item.message.as_ref().map(|m| format!(": {m}")).unwrap_or_default();
            steps.push(format!("{}{message}", item.status));
        }
        for (at, step) in steps.into_iter().enumerate() {
            let [target, action, risk] = if at == 0 { start.clone() } else { Default::default() };
            rows.push([target, action, risk, step]);
        }
        notes.push((target, item_notes(item)));
    }
    let mut lines = vec![format!("plan: {} (on {} as {})", plan.summary, plan.context, plan.who)];
    lines.extend(columns(&rows));
    let several = notes.len() > 1;
    for (target, notes) in notes {
        lines.extend(notes.into_iter().map(|note| if several { format!("{target}: {note}") } else { note }));
    }
    if !plan.confirm.is_empty() {
        lines.push(format!("confirm with: --confirm {}", plan.confirm.join(",")));
    }
    lines.iter().map(|line| one_line(line)).collect()
}

/// The rows with their first three columns aligned.
fn columns(rows: &[[String; 4]]) -> Vec<String> {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let line = |row: &[String; 4]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        (cells.collect::<String>() + &row[3]).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// What a target's change affects, loses and requires, one line each.
fn item_notes(item: &PlannedItem) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |title: &str, texts: &[String]| lines.extend(texts.iter().map(|text| format!("{title}: {text}")));
    say("impact", &item.impact.touches);
    say("loses", &item.impact.loses);
    say("caution", &item.impact.cautions);
    let need = |need: &Needed| {
        let any: Vec<String> = need.any.iter().map(|Grant { path, privilege }| format!("{privilege} on {path}")).collect();
        let held = match need.held {
            Some(true) => " (held)",
            Some(false) => " (MISSING)",
            None => "",
        };
        format!("{}{held}", any.join(" or "))
    };
    say("requires", &item.privileges.iter().map(need).collect::<Vec<_>>());
    lines
}

/// A value in a line: a certificate, a long note are cut.
fn short(value: &str) -> String {
    const MOST: usize = 160;
    match value.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}… ({} characters)", &value[..at], value.chars().count()),
        None => value.to_owned(),
    }
}

fn step_text(step: &PlannedStep) -> String {
    match (&step.method, &step.path, &step.text) {
        (Some(method), Some(path), _) => {
            let params = step
                .params
                .as_ref()
                .and_then(|p| p.as_object())
                .map(|map| map.iter().map(|(k, v)| format!(" {k}={}", short(v.as_str().unwrap_or_default()))).collect::<String>());
            format!("{method} {path}{}", params.unwrap_or_default())
        }
        (_, _, Some(text)) => format!("[{}] {text}", step.backend),
        _ => step.name.to_owned(),
    }
}

/// An item as commands for root; one that would not be done is a comment that says why.
fn commands(item: &PlannedItem) -> Vec<String> {
    if item.status == "planned" {
        return item.steps.iter().map(command).collect();
    }
    let why = item.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
    vec![one_line(&format!("# {} {}: {}{why}", item.action, item.target, item.status))]
}

/// The step as a command for root on the node.
fn command(step: &PlannedStep) -> String {
    match &step.request {
        Some(request) => {
            let command = access_command(request).unwrap_or_else(|| pvesh_command(request));
            match redact::secret_of(request) {
                // Run as it stands it would set the mask.
                Some(key) => one_line(&format!("# {command}   # with the real {key}")),
                None => command,
            }
        }
        // A comment stays one, whatever is in it.
        None => one_line(&format!("# {}", step.text.as_deref().unwrap_or(step.name))),
    }
}

/// Users, roles, tokens and rights have a tool of their own.
fn access_command(request: &Request) -> Option<String> {
    let value = |name: &str| request.param(name).map(Value::shown);
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let options = |skip: &[&str]| -> String {
        request
            .params
            .iter()
            .filter(|(key, _)| !skip.contains(&key.as_str()))
            .map(|(key, v)| format!(" --{key} {}", quote(&redact::param(request, key, v))))
            .collect()
    };
    Some(match (request.method, &path[..]) {
        (Method::Post, ["access", "users"]) => format!("pveum user add {}{}", quote(&value("userid")?), options(&["userid"])),
        (Method::Delete, ["access", "users", user]) => format!("pveum user delete {}", quote(user)),
        (Method::Post, ["access", "roles"]) => format!("pveum role add {}{}", quote(&value("roleid")?), options(&["roleid"])),
        (Method::Put, ["access", "roles", role]) => format!("pveum role modify {}{}", quote(role), options(&[])),
        (Method::Delete, ["access", "roles", role]) => format!("pveum role delete {}", quote(role)),
        (Method::Post, ["access", "users", user, "token", token]) => {
            format!("pveum user token add {} {}{}", quote(user), quote(token), options(&[]))
        }
        (Method::Put, ["access", "users", user, "token", token]) => {
            format!("pveum user token modify {} {}{}", quote(user), quote(token), options(&[]))
        }
        (Method::Delete, ["access", "users", user, "token", token]) => format!("pveum user token delete {} {}", quote(user), quote(token)),
        (Method::Put, ["access", "acl"]) => {
            let verb = if value("delete").as_deref() == Some("1") { "delete" } else { "modify" };
            format!("pveum acl {verb} {}{}", quote(&value("path")?), options(&["path", "delete"]))
        }
        _ => return None,
    })
}

fn pvesh_command(request: &Request) -> String {
    let texts = |key: &str, v: &Value| match v {
        _ if redact::hides(request, key, v) => vec![redact::MASK.to_owned()],
        Value::Output(_) => vec![v.shown()],
        _ => v.wire(),
    };
    let params: String = request
        .params
        .iter()
        .flat_map(|(key, v)| texts(key, v).into_iter().map(move |text| format!(" --{key} {}", quote(&text))))
        .collect();
    format!("pvesh {} {}{params}", request.method.pvesh(), quote(&request.path_text()))
}

/// The lines of a change that was staged earlier.
pub fn stored(staged: &Staged) -> Vec<String> {
    let text = |value: &Json, key: &str| value.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let now = units::now();
    let mut lines = vec![
        format!("plan: {} ({}, on {} as {})", staged.summary, staged.risk, staged.context, staged.who),
        format!(
            "staged {} by {}, {}, expires {}",
            units::local_time(staged.created),
            staged.by,
            staged.state(now),
            units::local_time(staged.expires)
        ),
        format!("command: {}", staged.command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")),
    ];
    let list = |value: &Json, key: &str| value.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    for item in list(&staged.plan, "items") {
        lines.push(format!("  {} {}", text(&item, "action"), item.get("vmid").map_or_else(|| text(&item, "name"), Json::to_string)));
        for step in list(&item, "steps") {
            let params: String = step
                .get("params")
                .and_then(Json::as_object)
                .map(|map| map.iter().map(|(k, v)| format!(" {k}={}", short(v.as_str().unwrap_or_default()))).collect())
                .unwrap_or_default();
            lines.push(format!("    {} {}{}{params}", text(&step, "method"), text(&step, "path"), text(&step, "text")));
        }
        for (title, key) in [("impact", "touches"), ("loses", "loses"), ("caution", "cautions")] {
            lines.extend(list(&item, key).iter().filter_map(Json::as_str).map(|what| format!("    {title}: {what}")));
        }
    }
    for (target, facts) in &staged.facts {
        lines.extend(facts.iter().map(|(name, value)| format!("  state when staged: {target}: {name} = {value}")));
    }
    lines.iter().map(|line| one_line(line)).collect()
}
