//! Completion: the scripts, and what a real bash offers with them.

use std::path::Path;
use std::time::Instant;

use assert_cmd::Command;

use crate::support::{Demo, Home, Host, need_tool, run};

/// What bash offers at the end of `line`, with the script of the binary under test. Only the line itself counts: how bash cuts it into words depends on its settings.
fn offered(env: &[(String, String)], line: &str) -> Option<Vec<String>> {
    let bash = need_tool("bash")?;
    let folder = Path::new(env!("CARGO_BIN_EXE_felhom")).parent().unwrap().to_owned();
    let script = r#"
source <(felhom completions bash)
complete -p felhom >/dev/null || exit 9
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_KEY=9 COMP_WORDBREAKS=$' \t\n"\'@><=;|&(:'
read -r -a COMP_WORDS <<<"$COMP_LINE"
case $COMP_LINE in *' ') COMP_WORDS+=('');; esac
COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
_felhom_complete felhom "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;
    let mut command = Command::new(bash);
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
    command.env_clear().envs(env.iter().cloned()).env("PATH", path).args(["--norc", "-c", script, "bash", line]);
    let done = run(&mut command).ok();
    Some(done.lines().into_iter().filter(|word| !word.is_empty()).map(str::to_owned).collect())
}

/// The same, asked again where the machine was too busy for an answer in time: what is late is nothing.
#[track_caller]
fn in_time(env: &[(String, String)], line: &str) -> Option<Vec<String>> {
    for _ in 0..20 {
        let names = offered(env, line)?;
        if !names.is_empty() {
            return Some(names);
        }
    }
    panic!("nothing was offered for '{line}'");
}

/// The numbers of the demo site's guests that begin so.
fn vmids(host: &Host, prefix: &str) -> Vec<String> {
    let all = host.with_state(|state| state.guests.keys().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    let some: Vec<String> = all.into_iter().filter(|vmid| vmid.starts_with(prefix)).collect();
    assert!(!some.is_empty(), "no guest begins with {prefix}");
    some
}

fn both(host: &Host) -> Vec<(String, String)> {
    host.home.env().into_iter().chain(host.env()).collect()
}

#[test]
fn there_is_a_script_for_every_shell() {
    let home = Home::new();
    for (shell, holds) in [
        ("bash", "complete -o bashdefault"),
        ("zsh", "#compdef felhom"),
        ("fish", "complete --keep-order --exclusive --command felhom"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer"),
    ] {
        let script = run(&mut home.felhom(["completions", shell])).ok().shows(holds).shows("FELHOM_COMPLETE");
        assert!(!script.stdout.contains("/target/"), "the script names a place of its own: {script}");
    }
    run(&mut home.felhom(["completions", "csh"])).fails(2);
}

#[test]
fn commands_flags_and_live_names() {
    let host = Host::demo();
    let env = both(&host);
    let Some(nouns) = offered(&env, "felhom gu") else { return };
    assert!(nouns.contains(&"guest".to_owned()), "{nouns:?}");
    assert_eq!(in_time(&env, "felhom guest show 1").unwrap(), vmids(&host, "1"));
    assert_eq!(in_time(&env, "felhom guest show web").unwrap(), ["web"]);
    assert_eq!(in_time(&env, "sudo X=1 felhom guest config 20").unwrap(), vmids(&host, "20"));
    assert_eq!(in_time(&env, "cd /tmp; felhom guest config 20").unwrap(), vmids(&host, "20"));
    assert!(in_time(&env, "felhom guest list --node p").unwrap().contains(&"pve1".to_owned()));
    assert!(in_time(&env, "felhom storage content loc").unwrap().contains(&"local".to_owned()));
    assert_eq!(offered(&env, "felhom guest list --status x").unwrap(), Vec::<String>::new());
}

#[test]
fn contexts_come_from_the_configuration() {
    let home = Home::new();
    home.configure(
        "[contexts.home]\ntransport = \"local\"\n[contexts.house]\ntransport = \"local\"\n[contexts.box]\ntransport = \"local\"\n",
    );
    let Some(names) = offered(&home.env(), "felhom -c ho") else { return };
    assert_eq!(names, ["home", "house"]);
    assert_eq!(offered(&home.env(), "felhom context use b").unwrap(), ["box"]);
}

#[test]
fn a_task_id_survives_the_colons() {
    let host = Host::demo();
    let started = host.run(["api", "post", "/nodes/pve1/lxc/101/status/shutdown", "--yes", "-o", "json"]).ok();
    let upid = started.json().as_str().unwrap().to_owned();
    let env = both(&host);
    let escaped = upid.replace('!', "\\!");
    let Some(whole) = in_time(&env, "felhom task show U") else { return };
    assert!(whole.contains(&escaped), "{whole:?} holds no {escaped}");
    // bash replaces what follows the last colon.
    let rest = escaped.strip_prefix("UPID:pve1:").unwrap();
    let some = in_time(&env, "felhom task show UPID:pve1:").unwrap();
    assert!(some.contains(&rest.to_owned()), "{some:?} holds no {rest}");
}

#[test]
fn the_context_of_the_line_is_asked() {
    let (one, other) = (Host::demo(), Host::baseline());
    let context = |name: &str, host: &Host, token: &str| {
        let file = one.home.path().join(format!("{name}.secret"));
        std::fs::write(&file, host.secret(token)).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        format!(
            "[contexts.{name}]\ntoken_id = \"{token}\"\nsecret = \"file:{}\"\n[[contexts.{name}.endpoints]]\nurl = \"{}\"\nfingerprint = \"{}\"\n",
            file.display(),
            host.endpoint(),
            host.fingerprint()
        )
    };
    let text = format!("current = \"one\"\n{}{}", context("one", &one, "felhom@pve!agent"), context("other", &other, "root@pam!rig"));
    one.home.configure(&text);
    let env = one.home.env();
    let Some(first) = in_time(&env, "felhom guest show 20") else { return };
    assert_eq!(first, vmids(&one, "20"));
    assert_ne!(first, vmids(&other, "20"));
    assert_eq!(in_time(&env, "felhom -c other guest show 20").unwrap(), vmids(&other, "20"));
    assert_eq!(in_time(&env, "felhom guest show --context=other 20").unwrap(), vmids(&other, "20"));
}

#[test]
fn nobody_is_asked_who_is_not_trusted_or_would_have_to_be_woken() {
    let host = Host::demo();
    let marker = host.home.path().join("ran");
    for (trust, secret) in [
        (String::new(), "env:S".to_owned()),
        ("insecure = \"I understand\"\n".to_owned(), "env:S".to_owned()),
        (format!("ca_file = \"{}\"\n", host.ca_file().display()), format!("command:[\"touch\",\"{}\"]", marker.display())),
        (format!("ca_file = \"{}\"\n", host.ca_file().display()), "keyring".to_owned()),
    ] {
        host.home.configure(&format!(
            "current = \"home\"\n[contexts.home]\ntoken_id = \"felhom@pve!agent\"\nsecret = '{secret}'\n{trust}[[contexts.home.endpoints]]\nurl = \"{}\"\n",
            host.endpoint()
        ));
        let mut env = host.home.env();
        env.push(("S".to_owned(), host.secret("felhom@pve!agent")));
        let Some(names) = offered(&env, "felhom guest show 1") else { return };
        assert_eq!(names, Vec::<String>::new(), "with {secret} {trust}");
    }
    assert!(host.requests().is_empty() && !marker.exists());
}

#[test]
fn a_slow_host_offers_nothing_in_time() {
    let host = Host::demo();
    host.inject("GET */cluster/resources slow:5000".parse().unwrap());
    let env = both(&host);
    let begun = Instant::now();
    let Some(names) = offered(&env, "felhom guest show 1") else { return };
    assert_eq!(names, Vec::<String>::new());
    // The shell and a debug build take their part; the host's five seconds are not waited for.
    assert!(begun.elapsed().as_millis() < 3000, "{:?}", begun.elapsed());
}

#[test]
fn the_demo_host_is_offered_where_it_was_used() {
    let demo = Demo::new();
    let Some(none) = offered(&demo.home.env(), "felhom demo guest show 1") else { return };
    assert_eq!(none, Vec::<String>::new());
    assert!(!demo.home.state().join("demo").exists(), "a Tab made a demo host");
    let listed = demo.run(["guest", "list", "-o", "id"]).ok();
    let ones: Vec<&str> = listed.lines().into_iter().filter(|vmid| vmid.starts_with('1')).collect();
    assert_eq!(in_time(&demo.home.env(), "felhom demo guest show 1").unwrap(), ones);
    let words = offered(&demo.home.env(), "felhom demo s").unwrap();
    assert!(["serve", "state", "storage"].iter().all(|word| words.contains(&(*word).to_owned())), "{words:?}");
}

#[test]
fn hostile_names_are_left_out() {
    let host = Host::demo();
    host.with_state(|state| {
        state.guests.get_mut(&101).unwrap().config.insert("hostname".into(), "web$(touch pwned)".into());
    })
    .unwrap();
    let Some(numbers) = in_time(&both(&host), "felhom guest show 101") else { return };
    assert_eq!(numbers, ["101"], "its number is fine");
    assert_eq!(offered(&both(&host), "felhom guest show we").unwrap(), Vec::<String>::new());
}

#[test]
fn objects_of_declared_commands_are_offered() {
    let host = Host::demo().with_token("root@pam!demo");
    for (line, wanted) in [
        ("felhom pool show ", vec!["lab", "production"]),
        ("felhom access user set v", vec!["viewer@pve"]),
        ("felhom access acl grant / --role PVEAud", vec!["PVEAuditor"]),
        ("felhom node dns show --node pve", vec!["pve1", "pve2", "pve3"]),
    ] {
        let Some(mut names) = in_time(&both(&host), line) else { return };
        names.retain(|name| !name.starts_with('-'));
        assert_eq!(names, wanted, "{line}");
    }
}
