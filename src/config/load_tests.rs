use super::*;
use crate::config::env::Env;
use crate::transport::tls::Trust;

const FP: &str = "E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55";

fn paths() -> Paths {
    Paths::from_env(&Env::from_pairs([("HOME", "/home/a")])).expect("a home is enough")
}

fn parse(text: &str) -> Result<Config> {
    Config::parse(text, 0o644, &paths())
}

/// Returns a valid context with additional lines from line 4.
fn with(lines: &str) -> Result<Config> {
    parse(&format!("[contexts.home]\nendpoints = [{{ url = \"pve1\" }}]\n# line 3\n{lines}\n"))
}

fn message(result: Result<Config>) -> String {
    let fault = result.expect_err("it is wrong");
    assert_eq!(fault.exit_code(), 2, "{fault}");
    fault.message
}

#[test]
fn understands_the_documented_example() {
    let text = format!(
        r#"
current = "home"
[contexts.home]
transport = "https"                     # https | ssh | local
token_id = "felhom@pve!agent"
secret = 'command:["pass","show","pve/home"]'
ca_file = "home-ca.pem"
writes = "stage"
protected_tags = ["protected", "production"]
managed_tag = "felhom"
preset = "agent"
proxy = "http://proxy:3128"
[[contexts.home.endpoints]]
url = "https://192.0.2.10:8006"
fingerprint = "{FP}"
server_name = "pve1"
[[contexts.home.endpoints]]
url = "pve2"
[contexts.home.ssh]
host = "root@192.0.2.10"
[contexts.home.fence]
via = "ssh"
host = "felhom@192.0.2.10"
[contexts.node]
transport = "local"
"#
    );
    let config = parse(&text).expect("it is the example");
    assert_eq!(config.current.as_deref(), Some("home"));
    let home = &config.contexts["home"];
    assert_eq!(home.secret, Some(Source::Command(["pass", "show", "pve/home"].map(str::to_owned).to_vec())));
    assert_eq!(home.ca_file.as_deref(), Some(Path::new("/home/a/.config/felhom/home-ca.pem")));
    assert_eq!((home.writes, home.transport), (Writes::Stage, Transport::Https));
    assert_eq!(home.protected_tags, ["protected", "production"]);
    assert_eq!(home.endpoints[0].fingerprint, FP.parse().ok());
    assert_eq!(home.endpoints[1].url.to_string(), "https://pve2:8006");
    assert_eq!(home.fence, Some(Fence { via: FenceVia::Ssh, host: Some("felhom@192.0.2.10".to_owned()) }));
    assert_eq!((home.preset.as_deref(), home.proxy.as_deref()), (Some("agent"), Some("http://proxy:3128")));
    assert!(config.contexts["node"].acts_as_root() && !home.acts_as_root());
}

#[test]
fn an_empty_file_is_an_empty_configuration() {
    let config = parse("").expect("nothing is wrong with nothing");
    assert!(config.contexts.is_empty() && config.current.is_none());
}

#[test]
fn unknown_keys_name_their_line_and_what_was_meant() {
    let endpoints =
        "[contexts.home]\ntoken_id = \"felhom@pve!agent\"\n\n[[contexts.home.endpoints]]\nurl = \"pve1\"\nfinger_print = \"x\"\n";
    for (text, wanted) in [
        (endpoints, "config.toml:6: unknown key 'finger_print' in contexts.home.endpoints; did you mean 'fingerprint'?"),
        ("\ncurent = \"home\"\n", "config.toml:2: unknown key 'curent'; did you mean 'current'?"),
        ("[contexts.home]\nwrite = \"deny\"\n", "config.toml:2: unknown key 'write' in contexts.home; did you mean 'writes'?"),
        ("[contexts.home]\n[contexts.home.ssh]\nport = 22\n", "config.toml:3: unknown key 'port' in contexts.home.ssh"),
        (
            "[contexts.home]\nendpoints = [\n  { url = \"pve1\" },\n  { ulr = \"pve2\" },\n]\n",
            "config.toml:4: unknown key 'ulr' in contexts.home.endpoints; did you mean 'url'?",
        ),
        ("[context.home]\n", "config.toml:1: unknown key 'context'; did you mean 'contexts'?"),
    ] {
        assert_eq!(message(parse(text)), wanted);
    }
}

#[test]
fn wrong_types_and_words_name_their_line() {
    for (lines, wanted) in [
        ("writes = 1", "config.toml:4: contexts.home.writes: must be a string, not a number"),
        ("writes = \"none\"", "config.toml:4: contexts.home.writes: must be one of 'allow', 'stage', 'deny', not 'none'"),
        ("system_roots = \"yes\"", "config.toml:4: contexts.home.system_roots: must be true or false, not a string"),
        ("protected_tags = [\"a\", 1]", "config.toml:4: contexts.home.protected_tags: must be a list of strings, not a list"),
        ("ssh = \"root@pve1\"", "config.toml:4: contexts.home.ssh: must be a table, not a string"),
        ("insecure = true", "config.toml:4: contexts.home.insecure: must be a string, not true or false"),
        ("insecure = \"i understand\"", "config.toml:4: contexts.home.insecure: must be \"I understand\", word for word, or left out"),
        ("token_id = \"felhom@pve\"", "config.toml:4: contexts.home.token_id: a token id is USER@REALM!TOKEN, e.g. felhom@pve!agent"),
        ("fence = { via = \"ssh\" }", "config.toml:4: contexts.home.fence: via ssh needs a host"),
        (
            "ssh = { host = \"-oProxyCommand=x\" }",
            "config.toml:4: contexts.home.ssh.host: an ssh destination is USER@HOST or ssh://USER@HOST:PORT",
        ),
        ("ca_file = \"a.pem\"\nsystem_roots = true", "config.toml:1: contexts.home: system_roots and ca_file exclude each other"),
        ("ca_file = \"a.pem\"\ninsecure = \"I understand\"", "config.toml:1: contexts.home: insecure and ca_file exclude each other"),
        (
            "[contexts.\"a b\"]",
            "config.toml:4: contexts.a b: a context's name is up to 64 letters, digits, `-`, `_` or `.`, and begins with a letter or digit",
        ),
    ] {
        assert_eq!(message(with(lines)), wanted, "{lines}");
    }
    for (text, wanted) in [
        ("contexts = 1\n", "config.toml:1: contexts: must be a table, not a number"),
        ("contexts.home = 1\n", "config.toml:1: contexts.home: must be a table, not a number"),
        ("current = \"work\"\n", "config.toml:1: current: there is no context 'work'"),
        ("[contexts.home]\n", "config.toml:1: contexts.home: transport https needs an endpoint ([[contexts.NAME.endpoints]] with a url)"),
        ("[contexts.home]\ntransport = \"ssh\"\n", "config.toml:1: contexts.home: transport ssh needs [contexts.NAME.ssh] with a host"),
        ("[[contexts.home.endpoints]]\nserver_name = \"pve1\"\n", "config.toml:1: contexts.home.endpoints: the url is missing"),
        (
            "[[contexts.home.endpoints]]\nurl = \"http://pve1\"\n",
            "config.toml:2: contexts.home.endpoints.url: http is not spoken: the token would travel in the clear; write https://HOST:PORT",
        ),
    ] {
        assert_eq!(message(parse(text)), wanted, "{text}");
    }
}

#[test]
fn what_is_not_toml_names_its_line() {
    let message = message(parse("current = \"home\"\n[contexts.home\n"));
    assert!(message.starts_with("config.toml:2: not TOML: "), "{message}");
    let fault = parse("a = = 1").expect_err("it is wrong");
    assert_eq!(fault.hint(), "edit /home/a/.config/felhom/config.toml with `felhom context edit`");
}

#[test]
fn a_secret_in_the_file_needs_the_mode_and_the_word() {
    let bare = with("secret = \"11111111-2222-3333-4444-555555555555\"");
    let literal = "[contexts.home]\nendpoints = [{ url = \"pve1\" }]\nsecret = \"literal:11111111-2222\"\n";
    for complaint in [message(bare), message(parse(literal))] {
        assert!(!complaint.contains("1111"), "{complaint}");
    }
    assert_eq!(
        message(parse(literal)),
        "config.toml:3: contexts.home.secret: the secret stands in this file, and others may read it (mode 0644)"
    );
    assert!(Config::parse(literal, 0o640, &paths()).is_err());
    let config = Config::parse(literal, 0o600, &paths()).expect("nobody else can read it");
    assert!(matches!(&config.contexts["home"].secret, Some(Source::Literal(secret)) if secret.reveal() == "11111111-2222"));
    assert!(!format!("{config:?}").contains("1111"));
}

#[test]
fn a_real_file_decides_by_its_own_mode() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a folder");
    let paths = Paths::from_env(&Env::from_pairs([("HOME", "/x"), ("XDG_CONFIG_HOME", &dir.path().to_string_lossy())])).expect("a home");
    assert!(Config::load(&paths).expect("no file is fine").contexts.is_empty());
    std::fs::create_dir(&paths.config).expect("the folder");
    std::fs::write(paths.config_file(), "[contexts.home]\ntransport = \"local\"\nsecret = \"literal:x\"\n").expect("the file");
    for (mode, fine) in [(0o644, false), (0o604, false), (0o600, true), (0o400, true)] {
        std::fs::set_permissions(paths.config_file(), PermissionsExt::from_mode(mode)).expect("the mode");
        assert_eq!(Config::load(&paths).is_ok(), fine, "{mode:o}");
    }
}

#[test]
fn trust_is_the_endpoints_leaf_before_the_contexts_ca() {
    let leaf = &with(&format!("[[contexts.a.endpoints]]\nurl = \"pve1\"\nfingerprint = \"{FP}\"")).expect("it is right").contexts["a"];
    assert!(matches!(leaf.trust(&leaf.endpoints[0]), Ok(Some(Trust::Pinned(_)))));
    let nothing = &with("").expect("it is right").contexts["home"];
    assert!(matches!(nothing.trust(&nothing.endpoints[0]), Ok(None)), "first contact");
    let roots = &with("system_roots = true").expect("it is right").contexts["home"];
    assert!(matches!(roots.trust(&roots.endpoints[0]), Ok(Some(Trust::System { server_name: None }))));
    let insecure = &with("insecure = \"I understand\"").expect("it is right").contexts["home"];
    assert!(matches!(insecure.trust(&insecure.endpoints[0]), Ok(Some(Trust::Insecure))));
    let gone = &with("ca_file = \"gone.pem\"").expect("it is right").contexts["home"];
    let fault = gone.trust(&gone.endpoints[0]).expect_err("there is no such file");
    assert!(fault.message.starts_with("cannot read the CA of context home, /home/a/.config/felhom/gone.pem: "), "{fault}");
}
