//! Staged changes: applied once, by the one for whom they were staged, on a host that is as it was.

use std::path::Path;

use felhom::demo::faults::{Fault, Trouble};
use serde_json::Value;

use crate::support::{Host, run};

fn stage(host: &Host, words: &[&str]) -> String {
    let staged = host.run(words.iter().copied().chain(["--stage", "-o", "id"])).ok();
    staged.lines()[0].to_owned()
}

fn read(file: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn set(file: &Path, key: &str, value: Value) {
    let mut json = read(file);
    json[key] = value;
    std::fs::write(file, json.to_string()).unwrap();
}

#[test]
fn applied_once_with_the_confirmation_that_it_needs() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    assert_eq!(host.count("PUT", "/lxc/110/config"), 0);
    host.run(["plan", "show", &id]).ok().shows("memory=1536").shows("state when staged:");
    host.run(["plan", "apply", &id]).ok();
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);
    host.run(["plan", "apply", &id]).fails(3).says("has been applied already");
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);

    let stop = stage(&host, &["guest", "stop", "110"]);
    host.run(["plan", "apply", &stop]).fails(3).says("--yes");
    host.run(["plan", "apply", &stop, "--yes", "--read-only"]).fails(3).says("FELHOM_READ_ONLY");
    run(host.felhom(["plan", "apply", &stop, "--yes"]).env("FELHOM_READ_ONLY", "1")).fails(3).says("FELHOM_READ_ONLY");
    host.run(["plan", "apply", &stop, "--yes", "-o", "table"]).ok().shows("ok");
    host.run(["plan", "apply", "--help"]).ok().shows("not an approval by");
}

#[test]
fn what_was_answered_at_the_first_look_does_not_count_at_the_second() {
    let host = Host::demo();
    host.run(["snapshot", "create", "110", "before"]).ok();
    let stop = stage(&host, &["guest", "stop", "110", "--yes"]);
    host.run(["plan", "apply", &stop]).fails(3).says("--yes");
    let back = stage(&host, &["snapshot", "rollback", "110", "before", "--confirm", "before"]);
    host.run(["plan", "apply", &back, "--yes"]).fails(3).says("--confirm before");
    host.run(["plan", "apply", &back, "--confirm", "after"]).fails(3).says("does not match the targets");
    assert_eq!((host.count("POST", "/stop"), host.count("POST", "/rollback")), (0, 0));
    host.run(["plan", "apply", &back, "--confirm", "before"]).ok();
}

#[test]
fn of_several_that_apply_it_at_once_one_does() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    let running: Vec<_> = (0..6).map(|_| host.start(["plan", "apply", &id])).collect();
    let ended: Vec<_> = running.into_iter().map(|one| one.end()).collect();
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);
    assert_eq!(ended.iter().filter(|run| run.code == 0).count(), 1, "{ended:#?}");
    // The others are told so, or see a host that has changed.
    assert_eq!(ended.iter().filter(|run| run.code == 3).count(), 5, "{ended:#?}");
    assert_eq!(read(&host.home.state().join(format!("staged/{id}.json")))["used"].as_i64().map(|at| at > 0), Some(true));
}

#[test]
fn a_look_at_it_does_not_use_it_up_nor_does_what_fails_before_anything_is_sent() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    let plan = host.run(["plan", "apply", &id, "--plan"]).ok();
    assert!(plan.stdout.contains("memory=1536") && plan.stdout.ends_with("nothing was changed\n"), "{plan}");
    host.run(["plan", "apply", &id, "--stage"]).fails(2).says("staged already");
    // The host does not know the token any more when it is to be greeted.
    host.inject(Fault::new("GET", "/version", Trouble::Expired).times(1));
    host.run(["plan", "apply", &id]).fails(4);
    // The journal cannot be written.
    let journal = host.home.state().join("journal.jsonl");
    std::fs::remove_file(&journal).unwrap();
    std::fs::create_dir(&journal).unwrap();
    host.run(["plan", "apply", &id]).fails(1).says("--no-journal");
    std::fs::remove_dir(&journal).unwrap();
    assert_eq!(host.count("PUT", "/lxc/110/config"), 0);
    host.run(["plan", "apply", &id]).ok();
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);
}

#[test]
fn drift_is_shown_and_refused_unless_accepted() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    host.run(["guest", "set", "110", "cores=3"]).ok();
    let drifted = host.run(["plan", "apply", &id]).fails(3).says("has changed since it was staged").says("--accept-drift");
    assert!(drifted.stderr.contains("digest was "), "{drifted}");
    host.run(["plan", "apply", &id, "--accept-drift"]).ok();
    let memory = host.run(["guest", "config", "110", "--jq", ".memory"]).ok();
    assert_eq!(memory.stdout.trim(), "1536");
    // Drift is told before anybody is asked to confirm.
    let stop = stage(&host, &["guest", "stop", "110"]);
    host.run(["guest", "stop", "110", "--yes"]).ok();
    host.run(["plan", "apply", &stop]).fails(3).says("status was running, is stopped");
}

#[test]
fn what_follows_in_the_same_command_belongs_to_it() {
    let host = Host::demo();
    let restore = ["guest", "restore", "--from", "101", "--latest", "--vmid", "150", "--storage", "local-lvm", "--start"];
    let id = stage(&host, &restore);
    host.run(["plan", "show", &id]).ok().shows("started afterwards");
    host.run(["plan", "apply", &id]).ok();
    assert_eq!(host.count("POST", "/lxc/150/status/start"), 1);
    host.run(["plan", "apply", &id]).fails(3).says("150");
}

#[test]
fn archives_and_jobs_are_to_be_as_they_were_too() {
    let host = Host::demo().with_token("root@pam!demo");
    let first = |args: &[&str]| host.run(args).ok().lines()[0].to_owned();
    let archive = first(&["backup", "list", "102", "--filter", "protected=false", "-o", "id"]);
    let job = first(&["backup", "job", "list", "-o", "id"]);
    let delete = stage(&host, &["backup", "delete", &archive]);
    let prune = stage(&host, &["backup", "prune", "--storage", "nas", "--keep", "last=1"]);
    let set = stage(&host, &["backup", "job", "set", &job, "--comment", "x"]);
    let notes = stage(&host, &["backup", "notes", &archive, "mine"]);
    host.run(["backup", "notes", &archive, "theirs"]).ok();
    host.run(["backup", "protect", &archive]).ok();
    host.run(["backup", "job", "set", &job, "--schedule", "05:00"]).ok();
    host.run(["plan", "apply", &delete, "--confirm", archive.rsplit('/').next().unwrap()]).fails(3).says("protected");
    host.run(["plan", "apply", &prune, "--confirm", "nas"]).fails(3).says("archives that go was ");
    host.run(["plan", "apply", &set]).fails(3).says("schedule was ").says("is 05:00");
    host.run(["plan", "apply", &notes]).fails(3).says("notes was db, is theirs");
}

#[test]
fn it_is_good_for_seven_days() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    let file = host.home.state().join(format!("staged/{id}.json"));
    let staged = read(&file);
    let (created, expires) = (staged["created"].as_i64().unwrap(), staged["expires"].as_i64().unwrap());
    assert_eq!(expires - created, 7 * 24 * 3600);
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    set(&file, "expires", (now - 1).into());
    host.run(["plan", "apply", &id]).fails(3).says("has expired");
    host.run(["plan", "list"]).ok().shows("expired");
    assert_eq!(host.count("PUT", "/lxc/110/config"), 0);
}

#[test]
fn it_is_bound_to_host_token_context_and_calls() {
    let host = Host::demo();
    let id = stage(&host, &["guest", "set", "110", "memory=1536"]);
    let file = host.home.state().join(format!("staged/{id}.json"));
    let whole = read(&file);
    // Another token in the same surroundings.
    let mut other = host.felhom(["plan", "apply", &id]);
    other.env("FELHOM_TOKEN_ID", "root@pam!demo").env("FELHOM_TOKEN_SECRET", host.secret("root@pam!demo"));
    run(&mut other).fails(3).says("for another token: staged for felhom@pve!agent, now root@pam!demo");
    // The same host, but trusted by its certificate and not by its CA.
    let mut other = host.felhom(["plan", "apply", &id]);
    other.env_remove("FELHOM_CA_FILE").env("FELHOM_FINGERPRINT", host.fingerprint());
    run(&mut other).fails(3).says("for another host");
    let altered = |key: &str, value: Value, says: &str| {
        std::fs::write(&file, whole.to_string()).unwrap();
        set(&file, key, value);
        host.run(["plan", "apply", &id]).fails(3).says(says);
    };
    let mut command = whole["command"].clone();
    *command.as_array_mut().unwrap().iter_mut().find(|word| *word == "memory=1536").unwrap() = "memory=9999".into();
    altered("command", command, "would make other calls");
    assert_eq!(host.count("PUT", "/lxc/110/config"), 0);
    std::fs::write(&file, whole.to_string()).unwrap();
    host.run(["plan", "apply", &id]).ok();
}

#[test]
fn it_is_bound_to_its_context() {
    let site = super::site::Site::new();
    let id = stage(&site.host, &["guest", "set", "110", "memory=1536"]);
    let config = std::fs::read_to_string(site.host.home.config_file()).unwrap();
    site.host.home.configure(&format!("current = \"allow\"\n{config}"));
    // The same host and the same token, under another name.
    run(&mut site.host.home.felhom(["plan", "apply", &id])).fails(3).says("for another context").says("now allow");
    site.host.run(["plan", "apply", &id]).ok();
}

#[test]
fn a_context_that_denies_closes_it_too() {
    let site = super::site::Site::new();
    let staged = site.in_context("stage", &super::site::owned(&["guest", "set", "110", "memory=1536"]), &["-o", "id"]).ok();
    let id = staged.lines()[0].to_owned();
    let config = std::fs::read_to_string(site.host.home.config_file()).unwrap();
    site.host.home.configure(&config.replace("writes = \"stage\"", "writes = \"deny\""));
    run(&mut site.host.home.felhom(["plan", "apply", &id])).fails(3).says("writes = \"deny\"");
    assert_eq!(site.host.count("PUT", "/lxc/110/config"), 0);
    site.host.home.configure(&config);
    run(&mut site.host.home.felhom(["plan", "apply", &id])).ok();
    assert_eq!(site.host.count("PUT", "/lxc/110/config"), 1);
}

#[test]
fn discarding() {
    let host = Host::demo();
    let pending = stage(&host, &["guest", "set", "110", "memory=1536"]);
    let applied = stage(&host, &["guest", "set", "110", "cores=3"]);
    host.run(["plan", "apply", &applied]).ok();
    host.run(["plan", "discard", &pending, "nosuch"]).fails(5);
    host.run(["plan", "show", &pending]).ok();
    host.run(["plan", "discard", &pending, &applied]).ok().says(&format!("{applied} (it was applied)"));
    host.run(["plan", "show", &pending]).fails(5);
    host.run(["plan", "apply", &pending]).fails(5);
    assert_eq!(host.count("PUT", "/lxc/110/config"), 1);
}
