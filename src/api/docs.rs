//! The host's description of its API, parsed from the script of its API viewer.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::fault::{Fault, Kind, Result};

/// Path of the script; it needs no login.
pub const PATH: &[&str] = &["pve-docs", "api-viewer", "apidoc.js"];

/// An API path with its children.
#[derive(Debug, Clone, Deserialize)]
pub struct Node {
    pub path: String,
    /// The last segment, or a placeholder in braces.
    #[serde(default)]
    pub text: String,
    /// Descriptions by method.
    #[serde(default)]
    pub info: Map<String, Json>,
    #[serde(default)]
    pub children: Vec<Node>,
}

/// The root nodes of the tree.
#[derive(Debug, Clone)]
pub struct Docs(Vec<Node>);

impl Docs {
    /// Parses the script, which starts with `const apiSchema = […]`.
    pub fn parse(script: &str) -> Result<Self> {
        let invalid = |why: &str| {
            Fault::new(Kind::Host, format!("cannot parse the host's API description: {why}"))
                .with_hint("check the host's version with `felhom doctor`; felhom supports Proxmox VE 9")
        };
        let (_, after) = script.split_once("apiSchema").ok_or_else(|| invalid("no apiSchema"))?;
        let (_, value) = after.split_once('=').ok_or_else(|| invalid("no value for apiSchema"))?;
        let mut values = serde_json::Deserializer::from_str(value).into_iter::<Vec<Node>>();
        match values.next() {
            Some(Ok(roots)) => Ok(Self(roots)),
            Some(Err(error)) => Err(invalid(&error.to_string())),
            None => Err(invalid("apiSchema is empty")),
        }
    }

    /// Finds the node of a concrete path (`/nodes/pve1/lxc/101`) or of its template.
    pub fn find(&self, segments: &[String]) -> Option<&Node> {
        descend(&self.0, segments)
    }

    /// Returns the root nodes.
    pub fn roots(&self) -> &[Node] {
        &self.0
    }
}

/// Finds a path. A literal segment has priority over a placeholder, unless the rest of the path does not match.
fn descend<'a>(nodes: &'a [Node], segments: &[String]) -> Option<&'a Node> {
    let (first, rest) = segments.split_first()?;
    let placeholder = |node: &&Node| node.text.starts_with('{') && node.text != *first;
    let into = |node: &'a Node| if rest.is_empty() { Some(node) } else { descend(&node.children, rest) };
    nodes.iter().find(|node| node.text == *first).and_then(into).or_else(|| nodes.iter().filter(placeholder).find_map(into))
}

impl Node {
    /// Returns the methods, the common ones first.
    pub fn methods(&self) -> Vec<&str> {
        let known = ["GET", "POST", "PUT", "DELETE"];
        let mut methods: Vec<&str> = known.into_iter().filter(|method| self.info.contains_key(*method)).collect();
        methods.extend(self.info.keys().map(String::as_str).filter(|method| !known.contains(method)));
        methods
    }

    /// Returns the first line of the description of GET, or of the first other method.
    pub fn summary(&self) -> Option<&str> {
        let method = *self.methods().first()?;
        self.info[method].get("description").and_then(Json::as_str)?.lines().next()
    }
}

/// Describes the required permissions.
pub fn permissions(permissions: Option<&Json>) -> String {
    let Some(permissions) = permissions else { return "root@pam only".to_owned() };
    match (permissions.get("check"), permissions.get("user").and_then(Json::as_str)) {
        (Some(check), _) => expression(check),
        (None, Some("all")) => "any login".to_owned(),
        (None, Some("world")) => "none, not even a login".to_owned(),
        (None, Some(other)) => other.to_owned(),
        (None, None) => "see the description".to_owned(),
    }
}

/// Describes `["perm", "/vms/{vmid}", ["VM.Audit"], "any", 1]`, and combinations with `and` and `or`.
fn expression(check: &Json) -> String {
    let Some([word, rest @ ..]) = check.as_array().map(Vec::as_slice) else { return check.to_string() };
    let joined = |with: &str| {
        let parts = rest.iter().map(|part| match part.get(0).and_then(Json::as_str) {
            Some("and" | "or") => format!("({})", expression(part)),
            _ => expression(part),
        });
        parts.collect::<Vec<_>>().join(with)
    };
    match word.as_str() {
        Some("and") => joined(" and "),
        Some("or") => joined(" or "),
        Some("perm") => {
            let path = rest.first().and_then(Json::as_str).unwrap_or("/");
            let names: Vec<&str> = rest.get(1).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
            let any = rest.iter().skip(2).any(|option| option == "any");
            format!("{} on {path}", names.join(if any { " or " } else { " and " }))
        }
        _ => check.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SCRIPT: &str = r#"const apiSchema = [
        {"path": "/nodes", "text": "nodes", "leaf": 0, "info": {"GET": {"description": "Cluster node index.\nMore."}}, "children": [
            {"path": "/nodes/{node}", "text": "{node}", "leaf": 0, "info": {}, "children": [
                {"path": "/nodes/{node}/lxc", "text": "lxc", "leaf": 1, "info": {"POST": {}, "GET": {}}}]}]}
    ]
    ;
    let method2cmd = { GET: 'get' };"#;

    fn words(path: &str) -> Vec<String> {
        path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn concrete_paths_and_templates_are_found() {
        let docs = Docs::parse(SCRIPT).expect("a schema");
        for path in ["/nodes/pve1/lxc", "/nodes/{node}/lxc"] {
            let node = docs.find(&words(path)).expect("a node");
            assert_eq!((node.path.as_str(), node.methods()), ("/nodes/{node}/lxc", vec!["GET", "POST"]));
        }
        assert_eq!(docs.find(&words("/nodes")).and_then(Node::summary), Some("Cluster node index."));
        assert!(docs.find(&words("/nodes/pve1/nosuch")).is_none());
        assert!(docs.find(&[]).is_none());
    }

    #[test]
    fn an_invalid_script_is_an_error() {
        for (script, why) in [("<html>", "no apiSchema"), ("const apiSchema", "no value for apiSchema"), ("apiSchema = 5;", "invalid type")]
        {
            let fault = Docs::parse(script).expect_err(script);
            assert!(fault.kind == Kind::Host && fault.message.contains(why), "{fault}");
        }
    }

    #[test]
    fn permissions_are_described() {
        let check = json!({"check": ["and", ["perm", "/storage/{storage}", ["Datastore.AllocateSpace"]],
            ["or", ["perm", "/vms/{vmid}", ["VM.Audit", "VM.Backup"], "any", 1], ["userid-param", "self"]]]});
        assert_eq!(
            permissions(Some(&check)),
            r#"Datastore.AllocateSpace on /storage/{storage} and (VM.Audit or VM.Backup on /vms/{vmid} or ["userid-param","self"])"#
        );
        assert_eq!(permissions(None), "root@pam only");
        assert_eq!(permissions(Some(&json!({"user": "all"}))), "any login");
    }
}
