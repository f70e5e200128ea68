//! `felhom api describe`.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use serde_json::Value as Json;

use crate::api::docs::{Node, permissions};
use crate::api::{Method, lenient};
use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::ui::{Cell, Column, Format, Row};

use super::docs;

/// Describe parameters, permissions and results of a path
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  felhom api describe /nodes/pve1/vzdump\n  felhom api describe '/nodes/{node}/lxc/{vmid}/config' put\n  felhom api describe /pools -o json"
)]
pub struct Describe {
    /// API path, with real names or as a template
    #[arg(value_name = "PATH")]
    path: String,
    /// Describe only this method: get, post, put, delete
    #[arg(value_name = "METHOD", value_parser = method, conflicts_with = "flag")]
    method: Option<Method>,
    #[arg(long = "method", value_name = "METHOD", value_parser = method, hide = true)]
    flag: Option<Method>,
}

fn method(text: &str) -> std::result::Result<Method, String> {
    match text.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::Get),
        "POST" => Ok(Method::Post),
        "PUT" => Ok(Method::Put),
        "DELETE" => Ok(Method::Delete),
        _ => Err("a method is get, post, put or delete".to_owned()),
    }
}

/// A call as described by the host.
#[derive(Debug, Serialize)]
struct Described {
    method: String,
    path: String,
    description: Option<String>,
    /// The permissions in words.
    permissions: String,
    permissions_note: Option<String>,
    /// Whether an API token may make the call; otherwise it requires a login with a password.
    token: bool,
    parameters: Vec<Parameter>,
    returns: Option<Json>,
}

#[derive(Debug, Serialize)]
struct Parameter {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    required: bool,
    default: Option<String>,
    /// Choices, limits, pattern and format.
    limits: Vec<String>,
    description: Option<String>,
}

impl Describe {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let wanted = self.method.or(self.flag);
        let all = docs::load(ctx)?;
        let node = docs::find(&all, &self.path)?;
        let calls: Vec<Described> = node
            .methods()
            .into_iter()
            .filter(|name| wanted.is_none_or(|method| method.word() == *name))
            .map(|name| Described::of(node, name))
            .collect();
        if calls.is_empty() {
            let hint = match node.methods()[..] {
                [] => format!("it is only a step on the way: `felhom api ls {}` shows what is below", node.path),
                ref methods => format!("it has {}", methods.join(", ")),
            };
            return Err(Fault::not_found(format!("the path {} has no such call", node.path)).with_hint(hint));
        }
        if ctx.out.format() == Format::Table && ctx.out.options().columns.is_none() {
            let texts: Vec<String> = calls.iter().map(|call| call.text(ctx.out.screen().width.unwrap_or(100))).collect();
            return ctx.out.text(&texts.join("\n"));
        }
        ctx.out.list(&calls)
    }
}

impl Described {
    fn of(node: &Node, method: &str) -> Self {
        let info = &node.info[method];
        let text = |value: &Json, key: &str| value.get(key).and_then(Json::as_str).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        let properties = info.get("parameters").and_then(|p| p.get("properties")).and_then(Json::as_object);
        let mut parameters: Vec<Parameter> = properties.into_iter().flatten().map(|(name, schema)| Parameter::of(name, schema)).collect();
        // Parameters of the path first, then the required ones.
        let place = |name: &str| node.path.find(&format!("{{{name}}}")).unwrap_or(usize::MAX);
        for parameter in &mut parameters {
            // The host may know a literal value here; the path still has a placeholder.
            parameter.required |= place(&parameter.name) != usize::MAX;
        }
        parameters.sort_by(|a, b| (place(&a.name), !a.required, &a.name).cmp(&(place(&b.name), !b.required, &b.name)));
        Self {
            method: method.to_owned(),
            path: node.path.clone(),
            description: text(info, "description"),
            permissions: permissions(info.get("permissions")),
            permissions_note: info.get("permissions").and_then(|p| text(p, "description")),
            token: info.get("allowtoken").and_then(lenient::integer) != Some(0),
            parameters,
            returns: info.get("returns").cloned(),
        }
    }

    fn text(&self, width: usize) -> String {
        let mut out = format!("{} {}\n", self.method, self.path);
        let mut say = |indent: usize, text: &str| {
            for line in text.lines() {
                wrap(&mut out, line, indent, width);
            }
        };
        if let Some(description) = &self.description {
            say(2, description);
        }
        say(2, &format!("needs: {}", self.permissions));
        if let Some(note) = &self.permissions_note {
            say(4, note);
        }
        if !self.token {
            say(2, "not with an API token: only after a login with a password");
        }
        if !self.parameters.is_empty() {
            say(2, "parameters:");
        }
        for parameter in &self.parameters {
            let mut head = format!("{} {}", parameter.name, parameter.kind);
            head.push_str(if parameter.required { ", required" } else { "" });
            if let Some(default) = &parameter.default {
                let _ = write!(head, ", default {default}");
            }
            if !parameter.limits.is_empty() {
                let _ = write!(head, " ({})", parameter.limits.join("; "));
            }
            say(4, &head);
            if let Some(description) = &parameter.description {
                say(8, description);
            }
        }
        if let Some(returns) = &self.returns {
            say(2, &format!("returns: {}", shape(returns)));
            for (name, schema) in fields(returns) {
                let description = schema.get("description").and_then(Json::as_str).and_then(|t| t.lines().next()).unwrap_or_default();
                say(4, format!("{name} {}  {description}", shape(schema)).trim_end());
            }
        }
        out
    }
}

/// Shortens runs of numbered names: `scsi0`, `scsi1`, … `scsi30` to `scsi0…scsi30`.
fn runs(names: &[String]) -> Vec<String> {
    let numbered = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        name[stem.len()..].parse::<u32>().ok().filter(|n| format!("{stem}{n}") == name).map(|n| (stem.to_owned(), n))
    };
    let mut short = Vec::new();
    let mut rest = names;
    while let Some(first) = rest.first() {
        let follows = |(stem, n): (String, u32)| {
            let same = (n..).zip(rest).take_while(|(n, name)| **name == format!("{stem}{n}"));
            same.count()
        };
        let length = numbered(first).map_or(1, follows);
        match length {
            0..=2 => short.extend(rest[..length].iter().cloned()),
            _ => short.push(format!("{first}…{}", rest[length - 1])),
        }
        rest = &rest[length..];
    }
    short
}

impl Parameter {
    fn of(name: &str, schema: &Json) -> Self {
        let word = |key: &str| schema.get(key).and_then(lenient::text);
        let mut limits = Vec::new();
        if let Some(choices) = schema.get("enum").and_then(Json::as_array) {
            limits.push(runs(&choices.iter().filter_map(lenient::text).collect::<Vec<_>>()).join(" | "));
        }
        let bound = |key: &str| word(key).map(|number| number.strip_suffix(".0").map_or(number.clone(), str::to_owned));
        match (bound("minimum"), bound("maximum")) {
            (Some(from), Some(to)) => limits.push(format!("{from} to {to}")),
            (Some(from), None) => limits.push(format!("at least {from}")),
            (None, Some(to)) => limits.push(format!("at most {to}")),
            (None, None) => {}
        }
        if let Some(most) = word("maxLength") {
            limits.push(format!("up to {most} characters"));
        }
        if let Some(pattern) = word("pattern") {
            limits.push(format!("pattern {pattern}"));
        }
        match schema.get("format") {
            Some(Json::String(format)) => limits.push(format!("format {format}")),
            Some(Json::Object(keys)) => limits.push(format!("keys {}", keys.keys().map(String::as_str).collect::<Vec<_>>().join(", "))),
            _ => {}
        }
        if let Some(other) = word("requires") {
            limits.push(format!("goes with {other}"));
        }
        Self {
            name: name.to_owned(),
            kind: word("type").unwrap_or_else(|| "string".to_owned()),
            required: schema.get("optional").and_then(lenient::integer).unwrap_or(0) == 0,
            default: word("default"),
            limits,
            description: word("description").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
        }
    }
}

/// `array of object`, `string`.
fn shape(schema: &Json) -> String {
    let kind = schema.get("type").and_then(Json::as_str).unwrap_or("anything");
    match schema.get("items").filter(|items| kind == "array" && items.get("type").is_some()) {
        Some(items) => format!("array of {}", shape(items)),
        None => kind.to_owned(),
    }
}

/// Returns the keys of an object, or of the objects in a list.
fn fields(returns: &Json) -> Vec<(&String, &Json)> {
    let object = returns.get("items").unwrap_or(returns);
    object.get("properties").and_then(Json::as_object).into_iter().flatten().collect()
}

/// Wraps a long line between words.
fn wrap(out: &mut String, line: &str, indent: usize, width: usize) {
    let room = width.saturating_sub(indent).max(20);
    let mut used = 0;
    let _ = write!(out, "{:indent$}", "");
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            let _ = write!(out, "\n{:1$}", "", indent + 2);
            used = 2;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
}

impl Row for Described {
    fn columns() -> Vec<Column<Self>> {
        vec![
            Column::new("method", |d: &Self| Cell::text(&d.method)),
            Column::new("path", |d: &Self| Cell::text(&d.path)),
            Column::new("permissions", |d: &Self| Cell::text(&d.permissions)).flex(),
            Column::new("parameters", |d: &Self| Cell::List(d.parameters.iter().map(|p| p.name.clone()).collect())).flex(),
            Column::new("description", |d: &Self| Cell::maybe(d.description.clone(), Cell::Text)).flex(),
            Column::new("token", |d: &Self| Cell::Flag(d.token)).hidden(),
        ]
    }

    fn id(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn noun() -> &'static str {
        "calls"
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_said_in_words() {
        let schema =
            json!({"type": "integer", "optional": 1, "default": 0, "minimum": 0, "maximum": 8, "requires": "mode", "description": " x "});
        let parameter = Parameter::of("n", &schema);
        assert_eq!(parameter.limits, ["0 to 8", "goes with mode"]);
        assert_eq!((parameter.required, parameter.default.as_deref(), parameter.description.as_deref()), (false, Some("0"), Some("x")));
        let schema = json!({"type": "string", "enum": ["a", "b"], "format": {"size": {}, "volume": {}}, "pattern": "[ab]"});
        assert_eq!(Parameter::of("x", &schema).limits, ["a | b", "pattern [ab]", "keys size, volume"]);
        assert!(Parameter::of("x", &schema).required);
        let disks: Vec<String> = (0..31).map(|n| format!("scsi{n}")).chain(["rootfs".into(), "mp0".into(), "mp1".into()]).collect();
        let schema = json!({"type": "string", "enum": disks, "minimum": "100.0", "maximum": 999});
        assert_eq!(Parameter::of("x", &schema).limits, ["scsi0…scsi30 | rootfs | mp0 | mp1", "100 to 999"]);
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let mut out = String::new();
        wrap(&mut out, "one two three four five six", 4, 24);
        assert_eq!(out, "    one two three four\n      five six\n");
    }
}
