//! That the reduced schema says what the published one says, and that verification speaks as a real host does.

use std::io::Read;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::*;

/// The published schema, where it is at hand.
fn published() -> Option<Value> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/pve-api-9.2.json.gz");
    let Ok(file) = std::fs::File::open(&path) else {
        assert!(std::env::var_os("FELHOM_REQUIRE_REAL").is_none(), "the published schema is absent");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn walk(node: &Value, seen: &mut usize) {
    for (verb, info) in node["info"].as_object().into_iter().flatten() {
        let template = node["path"].as_str().unwrap();
        let concrete = template.replace(['{', '}'], "");
        let (method, _) = find(verb, &concrete).unwrap_or_else(|| panic!("{verb} {template} is missing"));
        assert_eq!(method.template, template);
        assert_eq!(method.protected, info["protected"] == 1, "{verb} {template}");
        assert_eq!(method.allow_token, info["allowtoken"] != 0, "{verb} {template}");
        assert_eq!(method.proxy_to.as_deref(), info["proxyto"].as_str(), "{verb} {template}");
        let check = method.permissions.as_ref().and_then(|permissions| permissions.check.clone());
        assert_eq!(check.unwrap_or(Value::Null), info["permissions"]["check"], "{verb} {template}");
        for (name, wanted) in info["parameters"]["properties"].as_object().into_iter().flatten() {
            let name = name.replace("[n]", "0");
            let own = method.parameters.property(&name).unwrap_or_else(|| panic!("{verb} {template} lacks {name}"));
            same(own, wanted, &format!("{verb} {template} {name}"));
        }
        if *verb == "GET" {
            let returns = &info["returns"];
            for properties in [&returns["properties"], &returns["items"]["properties"]] {
                for (key, wanted) in properties.as_object().into_iter().flatten() {
                    let known = method.typed(key).is_some();
                    let plain = wanted["renderer"].is_null() && matches!(wanted["type"].as_str(), Some("string") | None);
                    assert!(known || plain || wanted["renderer"] == "yaml", "{verb} {template}: the answer's {key}");
                }
            }
        }
        *seen += 1;
    }
    for child in node["children"].as_array().into_iter().flatten() {
        walk(child, seen);
    }
}

fn same(own: &Schema, wanted: &Value, at: &str) {
    assert_eq!(own.kind.map(Kind::word), wanted["type"].as_str(), "{at}");
    assert_eq!(own.optional, wanted["optional"] == 1 || wanted["optional"] == "1", "{at}");
    assert_eq!(own.default.clone().unwrap_or(Value::Null), wanted["default"], "{at}");
    assert_eq!(own.pattern.as_deref(), wanted["pattern"].as_str(), "{at}");
    assert_eq!(own.max_length, wanted["maxLength"].as_u64().map(|n| n as usize), "{at}");
    assert_eq!(own.min_length, wanted["minLength"].as_u64().map(|n| n as usize), "{at}");
    assert_eq!(own.maximum.as_ref().map(|bound| bound.value), as_number(&wanted["maximum"]), "{at}");
    assert_eq!(own.minimum.as_ref().map(|bound| bound.value), as_number(&wanted["minimum"]), "{at}");
    assert_eq!(own.requires.as_deref(), wanted["requires"].as_str(), "{at}");
    assert_eq!(own.alias.as_deref(), wanted["alias"].as_str(), "{at}");
    let choices: Vec<String> = wanted["enum"].as_array().into_iter().flatten().map(check::scalar).collect();
    assert_eq!(own.choices, choices, "{at}");
    match &own.format {
        None => assert_eq!(wanted["format"], Value::Null, "{at}"),
        Some(Format::Named(name)) => assert_eq!(wanted["format"], **name, "{at}"),
        Some(Format::Fields(fields)) => {
            assert_eq!(fields.len(), wanted["format"].as_object().unwrap().len(), "{at}");
            for (name, field) in fields {
                same(field, &wanted["format"][name], &format!("{at}.{name}"));
            }
        }
    }
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[test]
fn it_agrees_with_the_published_schema() {
    let Some(published) = published() else { return };
    let mut seen = 0;
    for node in published.as_array().unwrap() {
        walk(node, &mut seen);
    }
    assert_eq!(seen, methods().count());
    assert!(seen > 600, "{seen}");
}

#[test]
fn every_pattern_compiles() {
    fn check(schema: &Schema) {
        if let Some(pattern) = &schema.pattern {
            assert!(pattern::compile(pattern).is_some(), "{pattern}");
        }
        schema.fields().into_iter().flat_map(|fields| fields.values()).for_each(check);
        schema.all_of.iter().chain(&schema.one_of).chain(schema.items.as_deref()).for_each(check);
        for name in schema.properties.iter().flat_map(|properties| properties.keys()) {
            check(schema.property(&name.replace("[n]", "0")).unwrap());
        }
    }
    methods().for_each(|method| check(&method.parameters));
}

fn params(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// The error for one parameter of a call, as the host words it.
fn error(verb: &str, path: &str, given: &Value, name: &str) -> String {
    let (method, from_path) = find(verb, path).unwrap();
    let mut given = params(given);
    given.extend(from_path.into_iter().map(|(name, value)| (name, Value::String(value))));
    verify(method, &mut given).unwrap_err().remove(name).unwrap_or_default()
}

const CONFIG: &str = "/nodes/pve1/lxc/101/config";

#[test]
fn errors_are_worded_as_a_host_words_them() {
    let undefined = "property is not defined in schema and the schema does not allow additional properties";
    assert_eq!(error("PUT", CONFIG, &json!({"nosuch": "1"}), "nosuch"), undefined);
    assert_eq!(error("PUT", CONFIG, &json!({"memory": "abc"}), "memory"), "type check ('integer') failed - got 'abc'");
    assert_eq!(error("PUT", CONFIG, &json!({"cores": "0"}), "cores"), "value must have a minimum value of 1");
    assert_eq!(error("GET", "/nodes/pve1/lxc/99/config", &json!({}), "vmid"), "invalid format - value does not look like a valid VM ID\n");
    assert_eq!(error("POST", "/nodes/pve1/lxc", &json!({"vmid": "120"}), "ostemplate"), "property is missing and it is not optional");
    assert_eq!(
        error("PUT", CONFIG, &json!({"net0": "name=eth0,nosuch=1"}), "net0"),
        format!("invalid format - format error\nnet0.nosuch: {undefined}\n")
    );
    assert_eq!(
        error("PUT", CONFIG, &json!({"hostname": "bad_host!"}), "hostname"),
        "invalid format - value does not look like a valid DNS name\n"
    );
    assert_eq!(
        error("PUT", CONFIG, &json!({"ostype": "plan9"}), "ostype").split('\'').take(3).collect::<Vec<_>>(),
        ["value ", "plan9", " does not have a value in the enumeration "]
    );
    assert_eq!(error("PUT", CONFIG, &json!({"net32": "name=eth0"}), "net32"), undefined);
    assert_eq!(error("PUT", CONFIG, &json!({"onboot": "yes"}), "onboot"), "type check ('boolean') failed - got 'yes'");
}

#[test]
fn good_requests_pass() {
    for (verb, path, given) in [
        ("PUT", CONFIG, json!({"memory": 256, "onboot": true, "net0": "name=eth0,bridge=vmbr0,firewall=yes", "tags": "a;b"})),
        (
            "POST",
            "/nodes/pve1/vzdump",
            json!({"vmid": "101,102", "storage": "local", "prune-backups": "keep-last=2", "exclude-path": "/tmp"}),
        ),
        (
            "POST",
            "/nodes/pve1/qemu",
            json!({"vmid": "210", "scsi0": "local-lvm:8,ssd=1", "net0": "virtio,bridge=vmbr0", "ide2": "none,media=cdrom"}),
        ),
        ("POST", "/cluster/ha/rules", json!({"type": "node-affinity", "rule": "r1", "resources": "vm:100", "nodes": "pve1"})),
        ("DELETE", "/nodes/pve1/storage/local/content/local:backup%2Fvzdump-lxc-101-2026_01_01-00_00_00.tar.zst", json!({})),
    ] {
        check_request(verb, path, &params(&given)).unwrap();
    }
}

#[test]
fn paths_are_found_as_a_host_finds_them() {
    let (method, values) = find("DELETE", "/nodes/pve1//storage/local/content/local:backup/x.tar").unwrap();
    assert_eq!(method.template, "/nodes/{node}/storage/{storage}/content/{volume}");
    assert_eq!(values["volume"], "local:backup/x.tar");
    assert!(find("GET", "/nosuch").is_none());
    assert!(find("DELETE", CONFIG).is_none());
    assert!(find("GET", "/nodes/pve1/tasks/UPID:pve1:0:0:0:x::root@pam:/log").is_some());
}

#[test]
fn property_strings_read_and_write_alike() {
    let (method, _) = find("PUT", CONFIG).unwrap();
    let fields = method.parameters.property("net0").unwrap().fields().unwrap();
    let net = property::parse(fields, "bridge=vmbr0,name=eth0,firewall=on", "net0").unwrap();
    assert_eq!(property::print(fields, &net), "name=eth0,bridge=vmbr0,firewall=1");
    let (method, _) = find("PUT", "/nodes/pve1/qemu/201/config").unwrap();
    let fields = method.parameters.property("net0").unwrap().fields().unwrap();
    let net = property::parse(fields, "virtio=BC:24:11:00:00:01,bridge=vmbr0", "net0").unwrap();
    assert_eq!(property::print(fields, &net), "virtio=BC:24:11:00:00:01,bridge=vmbr0");
    let fields = method.parameters.property("ide2").unwrap().fields().unwrap();
    let error = property::parse(fields, "none,media=tape", "ide2").unwrap_err();
    assert!(error.starts_with("format error\nide2.media: value 'tape' does not have a value in the enumeration"), "{error}");
    assert_eq!(property::size("1.5G"), Some(1_610_612_736));
    assert_eq!(property::size_text(8 << 30), "8G");
    assert_eq!(property::size("x"), None);
}

#[test]
fn the_viewers_script_holds_every_method() {
    let script = apidoc();
    let json = script.strip_prefix("const apiSchema = ").and_then(|text| text.strip_suffix(";\n")).unwrap();
    let tree: Value = serde_json::from_str(json).unwrap();
    fn count(nodes: &Value) -> usize {
        let nodes = nodes.as_array().into_iter().flatten();
        nodes.map(|node| node["info"].as_object().map_or(0, Map::len) + count(&node["children"])).sum()
    }
    assert_eq!(count(&tree), methods().count());
    assert!(script.contains("\"VM.PowerMgmt\""));
}

/// Methods are found by a binary search.
#[test]
fn methods_are_sorted_by_path_and_verb() {
    let keys: Vec<(&str, &str)> = methods().map(|method| (method.template, method.verb)).collect();
    assert!(keys.len() > 600 && keys.is_sorted(), "{} methods", keys.len());
    assert!(keys.iter().all(|(path, verb)| template(verb, path) == Some(*path) && template("PATCH", path).is_none()));
}
