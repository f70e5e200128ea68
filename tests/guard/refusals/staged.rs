//! Refusals of staged changes.

use serde_json::Value;

use super::Said;
use crate::support::{Host, run};

pub fn changes(said: &mut Said) {
    let host = Host::demo();
    let id = host.run(["guest", "set", "110", "memory=1536", "--stage", "-o", "id"]).ok().lines()[0].to_owned();
    let file = host.home.state().join(format!("staged/{id}.json"));
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let apply = ["plan", "apply", &id];
    let mut altered = |key: &str, value: Value| {
        let mut staged = whole.clone();
        staged[key] = value;
        std::fs::write(&file, staged.to_string()).unwrap();
        said.refused(&host, &apply);
    };
    altered("expires", 1.into());
    altered("used", 1.into());
    altered("facts", serde_json::json!({}));
    let command = whole["command"].as_array().unwrap().iter();
    altered("command", command.map(|word| if word == "memory=1536" { "memory=9999".into() } else { word.clone() }).collect());
    std::fs::write(&file, whole.to_string()).unwrap();
    let mut other = host.felhom(apply);
    other.env("FELHOM_TOKEN_ID", "root@pam!demo").env("FELHOM_TOKEN_SECRET", host.secret("root@pam!demo"));
    said.run(&run(&mut other));
    said.refused(&host, &["api", "put", "/nodes/pve2/qemu/201/config", "cipassword=x", "--stage"]);
}
