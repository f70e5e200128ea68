use super::*;
use crate::config::Paths;

const BASE: &[(&str, &str)] = &[("FELHOM_ENDPOINT", "pve9"), ("FELHOM_TOKEN_ID", "felhom@pve!agent"), ("FELHOM_TOKEN_SECRET", "geheim")];

fn config(current: &str) -> Config {
    let paths = Paths::from_env(&Env::from_pairs([("HOME", "/home/a")])).expect("a home is enough");
    let text = format!("{current}\n[contexts.home]\ntransport = \"local\"\n[contexts.work]\ntransport = \"local\"\n");
    Config::parse(&text, 0o644, &paths).expect("it is right")
}

fn env(more: &[(&str, &str)]) -> Env {
    Env::from_pairs(BASE.iter().chain(more).copied())
}

fn name(env: &Env, flag: Option<&str>) -> String {
    config("current = \"home\"").resolve(env, flag).expect("there is one").name
}

#[test]
fn the_flag_wins_then_the_variables_then_the_current_one() {
    assert_eq!(name(&Env::default(), None), "home");
    assert_eq!(name(&env(&[]), None), "env");
    assert_eq!(name(&env(&[("FELHOM_CONTEXT", "work")]), None), "env");
    assert_eq!(name(&env(&[("FELHOM_CONTEXT", "work")]), Some("home")), "home");
    assert_eq!(name(&Env::from_pairs([("FELHOM_ENDPOINT", "")]), None), "home", "an empty variable is none");
}

#[test]
fn the_environment_makes_a_whole_context() {
    let fp = "ab".repeat(32);
    let context = from_env(&env(&[("FELHOM_FINGERPRINT", &fp), ("FELHOM_CA_FILE", "ca.pem")])).expect("it is right").expect("it is there");
    assert_eq!(context.endpoints[0].url.to_string(), "https://pve9:8006");
    assert_eq!(context.endpoints[0].fingerprint, Some(Fingerprint([0xab; 32])));
    assert_eq!(context.secret, Some(Source::Env("FELHOM_TOKEN_SECRET".to_owned())));
    assert_eq!(context.ca_file, Some(PathBuf::from("ca.pem")), "relative to where the command runs, as on any command line");
    assert!(!format!("{context:?} {:?}", env(&[])).contains("geheim"));
    let filed = [("FELHOM_ENDPOINT", "pve9"), ("FELHOM_TOKEN_ID", "felhom@pve!agent"), ("FELHOM_TOKEN_SECRET_FILE", "/run/s")];
    let context = from_env(&Env::from_pairs(filed)).expect("it is right").expect("it is there");
    assert_eq!(context.secret, Some(Source::File(PathBuf::from("/run/s"))));
}

#[test]
fn half_an_environment_names_the_variable() {
    for (pairs, wanted) in [
        (&[("FELHOM_ENDPOINT", "pve9")][..], "FELHOM_TOKEN_ID: is not set"),
        (&BASE[..2], "FELHOM_TOKEN_SECRET: is not set, nor is FELHOM_TOKEN_SECRET_FILE"),
        (
            &[("FELHOM_ENDPOINT", "http://pve9")],
            "FELHOM_ENDPOINT: http is not spoken: the token would travel in the clear; write https://HOST:PORT",
        ),
        (
            &[("FELHOM_ENDPOINT", "pve9"), ("FELHOM_TOKEN_ID", "felhom@pve!agent=geheim")],
            "FELHOM_TOKEN_ID: a token id is USER@REALM!TOKEN; what follows the `=` is its secret, which does not belong here",
        ),
    ] {
        let fault = from_env(&Env::from_pairs(pairs.iter().copied())).expect_err("it is wrong");
        assert_eq!((fault.message.as_str(), fault.exit_code()), (wanted, 2));
    }
    let both = from_env(&env(&[("FELHOM_TOKEN_SECRET_FILE", "/x")])).expect_err("it is wrong");
    assert_eq!(both.message, "FELHOM_TOKEN_SECRET: and FELHOM_TOKEN_SECRET_FILE are both set: leave one out");
    let odd = from_env(&env(&[("FELHOM_FINGERPRINT", "AA")])).expect_err("it is wrong");
    assert!(odd.message.starts_with("FELHOM_FINGERPRINT: a fingerprint is "), "{odd}");
}

#[test]
fn an_unknown_context_says_which_there_are() {
    let fault = config("").resolve(&Env::default(), Some("hme")).expect_err("there is none");
    assert_eq!((fault.message.as_str(), fault.hint()), ("there is no context 'hme'; did you mean 'home'?", "configured: home, work"));
    assert_eq!(fault.exit_code(), 2);
    let fault = config("").resolve(&Env::from_pairs([("FELHOM_CONTEXT", "x")]), None).expect_err("there is none");
    assert_eq!(fault.message, "FELHOM_CONTEXT: there is no context 'x'");
    let fault = config("").resolve(&Env::default(), None).expect_err("none is chosen");
    assert_eq!(fault.message, "no context is the current one; there are home, work");
    let fault = Config::default().resolve(&Env::default(), None).expect_err("there is none");
    assert_eq!(fault.message, "no host is configured yet");
}

#[test]
fn a_selection_has_each_context_once() {
    let names = |selection| config("").select(&selection).map(|found| found.into_iter().map(|c| c.name).collect::<Vec<_>>());
    assert_eq!(names(Selection::All).expect("all"), ["home", "work"]);
    let asked = ["work", "home", "work"].map(str::to_owned).to_vec();
    assert_eq!(names(Selection::Names(asked)).expect("both"), ["work", "home"]);
    assert!(names(Selection::Names(vec!["x".to_owned()])).is_err());
    assert!(Config::default().select(&Selection::All).is_err());
}
