//! What `GET /pve-docs/api-viewer/apidoc.js` serves: the schema as a tree.

use serde_json::{Map, Value, json};

use super::node::Schema;
use super::{Method, check::scalar, methods};

/// The script that the API viewer of a real host loads, without the prose.
pub fn apidoc() -> String {
    let mut roots: Vec<Value> = Vec::new();
    for method in methods() {
        let mut path = String::new();
        let mut level = &mut roots;
        let parts: Vec<&str> = method.template.split('/').filter(|part| !part.is_empty()).collect();
        for (depth, part) in parts.iter().enumerate() {
            path.push('/');
            path.push_str(part);
            let index = match level.iter().position(|node| node["text"] == **part) {
                Some(index) => index,
                None => {
                    level.push(json!({ "path": path, "text": part, "leaf": 1 }));
                    level.len() - 1
                }
            };
            let node = &mut level[index];
            if depth + 1 == parts.len() {
                node["info"][method.verb] = info(method);
                break;
            }
            node["leaf"] = 0.into();
            if !node["children"].is_array() {
                node["children"] = json!([]);
            }
            let Some(children) = node["children"].as_array_mut() else { return String::new() };
            level = children;
        }
    }
    format!("const apiSchema = {};\n", Value::Array(roots))
}

fn info(method: &Method) -> Value {
    let mut info = json!({
        "method": method.verb,
        "name": method.name,
        "allowtoken": u8::from(method.allow_token),
        "protected": u8::from(method.protected),
        "parameters": parameters(&method.parameters),
        "returns": { "type": method.returns },
    });
    if let Some(permissions) = &method.permissions {
        let mut entry = Map::new();
        if let Some(user) = &permissions.user {
            entry.insert("user".to_owned(), json!(user));
        }
        if let Some(check) = &permissions.check {
            entry.insert("check".to_owned(), check.clone());
        }
        info["permissions"] = Value::Object(entry);
    }
    if let Some(node) = &method.proxy_to {
        info["proxyto"] = json!(node);
    }
    info
}

fn parameters(schema: &Schema) -> Value {
    let mut properties = Map::new();
    for part in std::iter::once(schema).chain(&schema.all_of).chain(schema.all_of.iter().flat_map(|part| &part.one_of)) {
        for name in part.properties.iter().flat_map(|properties| properties.keys()) {
            let lookup = name.replace("[n]", "0");
            if let Some(property) = part.property(&lookup) {
                properties.insert(name.clone(), parameter(property));
            }
        }
    }
    json!({ "additionalProperties": u8::from(schema.additional != Some(false)), "properties": properties })
}

fn parameter(schema: &Schema) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    put("type", schema.kind.map(|kind| json!(kind.word())));
    put("optional", schema.optional.then(|| json!(1)));
    put("default", schema.default.as_ref().map(|value| if value.is_string() { json!(scalar(value)) } else { value.clone() }));
    put("enum", (!schema.choices.is_empty()).then(|| json!(schema.choices)));
    put("minimum", schema.minimum.as_ref().map(|bound| json!(bound.value)));
    put("maximum", schema.maximum.as_ref().map(|bound| json!(bound.value)));
    put("minLength", schema.min_length.map(|length| json!(length)));
    put("maxLength", schema.max_length.map(|length| json!(length)));
    put("pattern", schema.pattern.as_ref().map(|pattern| json!(pattern)));
    put("requires", schema.requires.as_ref().map(|name| json!(name)));
    put("alias", schema.alias.as_ref().map(|name| json!(name)));
    put(
        "format",
        match &schema.format {
            Some(super::Format::Named(name)) => Some(json!(name)),
            Some(super::Format::Fields(fields)) => {
                Some(Value::Object(fields.iter().map(|(name, field)| (name.clone(), parameter(field))).collect()))
            }
            None => None,
        },
    );
    Value::Object(out)
}
