use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::*;
use crate::config::context::{Fence, FenceVia, SshHost, Transport, Writes};
use crate::config::env::Env;
use crate::config::secrets::Source;

const HAND_MADE: &str = r#"# my hosts
current = "home"  # the one in the cellar

# the cellar
[contexts.home]
writes = "allow"     # for now
token_id = "felhom@pve!agent"
secret = "keyring"
ca_file = "~/pki/home.pem"

# first node
[[contexts.home.endpoints]]
url = "192.0.2.10"   # short form
# second node
[[contexts.home.endpoints]]
url = "pve2"

# the office
[contexts.work]
transport = "local"
"#;

struct Place {
    _dir: tempfile::TempDir,
    paths: Paths,
    quiet: Interrupt,
}

fn place(text: &str) -> Place {
    let dir = tempfile::tempdir().expect("a folder");
    let paths = Paths::from_env(&Env::from_pairs([("HOME", dir.path())])).expect("a home");
    if !text.is_empty() {
        std::fs::create_dir_all(&paths.config).expect("a folder");
        std::fs::write(paths.config_file(), text).expect("a file");
    }
    Place { _dir: dir, paths, quiet: Interrupt::never().expect("a socket pair") }
}

impl Place {
    fn edit(&self, change: impl FnOnce(&mut Editor) -> Result<()>) -> Result<bool> {
        let mut editor = Editor::open(&self.paths, &self.quiet)?;
        change(&mut editor)?;
        editor.save()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.paths.config_file()).expect("the file")
    }

    fn config(&self) -> Config {
        Config::load(&self.paths).expect("what is written can be read")
    }
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(url.parse().expect("a url"))
}

#[test]
fn a_first_context_makes_a_private_file_that_reads_well() {
    let place = place("");
    let context = Context {
        token_id: Some("felhom@pve!agent".to_owned()),
        secret: Some(Source::Command(["pass", "show", "pve/home"].map(str::to_owned).to_vec())),
        ca_file: Some(place.paths.config.join("home-ca.pem")),
        writes: Writes::Stage,
        protected_tags: vec!["protected".to_owned()],
        endpoints: vec![Endpoint { server_name: Some("pve1".to_owned()), ..endpoint("192.0.2.10") }],
        ssh: Some(SshHost { host: "root@192.0.2.10".to_owned() }),
        fence: Some(Fence { via: FenceVia::Local, host: None }),
        preset: Some("agent".to_owned()),
        ..Context::new("home")
    };
    let saved = place.edit(|editor| {
        editor.add(&context)?;
        editor.make_current("home")
    });
    assert_eq!(saved.ok(), Some(true));
    let wanted = r#"current = "home"

[contexts.home]
token_id = "felhom@pve!agent"
secret = 'command:["pass","show","pve/home"]'
ca_file = "home-ca.pem"
writes = "stage"
protected_tags = ["protected"]
preset = "agent"

[[contexts.home.endpoints]]
url = "https://192.0.2.10:8006"
server_name = "pve1"

[contexts.home.ssh]
host = "root@192.0.2.10"

[contexts.home.fence]
via = "local"
"#;
    assert_eq!(place.text(), wanted);
    assert_eq!(place.config().contexts["home"], context);
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!((mode(&place.paths.config_file()), mode(&place.paths.config)), (0o600, 0o700));
}

#[test]
fn comments_order_and_forms_stay() {
    let place = place(HAND_MADE);
    let mut home = place.config().contexts["home"].clone();
    assert_eq!(place.edit(|editor| editor.set(&home)).ok(), Some(false), "nothing differs, nothing is written");
    assert_eq!(place.text(), HAND_MADE);

    home.writes = Writes::Deny;
    home.managed_tag = Some("felhom".to_owned());
    home.endpoints[1].server_name = Some("pve2.lan".to_owned());
    home.endpoints.push(endpoint("pve3"));
    assert_eq!(place.edit(|editor| editor.set(&home)).ok(), Some(true));
    let wanted = HAND_MADE
        .replace("writes = \"allow\"     # for now", "writes = \"deny\"     # for now")
        .replace("home.pem\"\n", "home.pem\"\nmanaged_tag = \"felhom\"\n")
        .replace(
            "url = \"pve2\"\n",
            "url = \"pve2\"\nserver_name = \"pve2.lan\"\n\n[[contexts.home.endpoints]]\nurl = \"https://pve3:8006\"\n",
        );
    assert_eq!(place.text(), wanted);

    place.edit(|editor| editor.make_current("work")).expect("it is there");
    assert_eq!(place.text(), wanted.replace("current = \"home\"", "current = \"work\""));
}

#[test]
fn what_is_taken_back_is_taken_out() {
    let place = place(HAND_MADE);
    let mut home = place.config().contexts["home"].clone();
    home.ca_file = None;
    home.system_roots = true;
    home.endpoints.remove(0);
    place.edit(|editor| editor.set(&home)).expect("it is right");
    assert_eq!(place.config().contexts["home"], home);
    assert!(place.text().contains("# second node\n[[contexts.home.endpoints]]\nurl = \"pve2\"\n"), "{}", place.text());
    assert!(!place.text().contains("first node"), "{}", place.text());

    let gone = Editor::open(&place.paths, &place.quiet).and_then(|mut editor| {
        let gone = editor.remove("home")?;
        editor.save().map(|_| gone)
    });
    assert_eq!(gone.expect("it was there"), home);
    assert_eq!(place.text(), "# the office\n[contexts.work]\ntransport = \"local\"\n");
    assert_eq!(place.config().current, None, "the current one went with it");
}

#[test]
fn inline_forms_are_edited_too() {
    let place = place("[contexts]\nhome = { endpoints = [{ url = \"pve1\" }, { url = \"pve2\" }], secret = \"keyring\" }\n");
    let fingerprint = Fingerprint([0xab; 32]);
    place.edit(|editor| editor.pin_leaf("home", &"pve2".parse().expect("a url"), fingerprint)).expect("it is right");
    let home = &place.config().contexts["home"];
    assert_eq!((home.endpoints[0].fingerprint, home.endpoints[1].fingerprint), (None, Some(fingerprint)));
    assert_eq!(home.secret, Some(Source::Keyring));
    place.edit(|editor| editor.add(&Context { transport: Transport::Local, ..Context::new("work") })).expect("it is right");
    assert_eq!(place.config().names(), ["home", "work"]);
}

#[test]
fn wrong_changes_leave_the_file_alone() {
    let place = place(HAND_MADE);
    let fault = place.edit(|editor| editor.add(&Context::new("home"))).expect_err("it is there already");
    assert_eq!((fault.kind, fault.message.as_str()), (Kind::Refused, "there is a context home already"));
    for name in ["env", "../x", "a b"] {
        assert!(place.edit(|editor| editor.add(&Context { transport: Transport::Local, ..Context::new(name) })).is_err(), "{name}");
    }
    let relative = Context { transport: Transport::Local, ca_file: Some("ca.pem".into()), ..Context::new("new") };
    assert!(place.edit(|editor| editor.add(&relative)).is_err_and(|fault| fault.message.contains("are its paths absolute?")));
    let fault = place.edit(|editor| editor.add(&Context::new("new"))).expect_err("no endpoint");
    assert!(fault.message.contains("transport https needs an endpoint"), "{fault}");
    assert_eq!(place.edit(|editor| editor.make_current("x")).expect_err("there is none").message, "there is no context 'x'");
    assert!(place.edit(|editor| editor.remove("x").map(drop)).is_err());
    assert_eq!(place.text(), HAND_MADE);
}

#[test]
fn a_text_from_an_editor_must_be_right_and_fresh() {
    let place = place("[contexts.home]\ntransprt = \"local\"\n");
    let broken = place.text();
    let fixed = "[contexts.home]\ntransport = \"local\"\n";
    let fault = place.edit(|editor| editor.replace_text(&broken, "[contexts.home]\nwrites = 1\n".to_owned())).expect_err("it is wrong");
    assert_eq!(fault.message, "config.toml:2: contexts.home.writes: must be a string, not a number");
    let fault = place.edit(|editor| editor.replace_text("", fixed.to_owned())).expect_err("it is not what they began with");
    assert_eq!(fault.kind, Kind::Conflict);
    place.edit(|editor| editor.replace_text(&broken, fixed.to_owned())).expect("a broken file can be mended");
    assert_eq!(place.text(), fixed);
}

#[test]
fn an_exposed_secret_is_not_quietly_covered_up() {
    let place = place("[contexts.home]\ntransport = \"local\"\nsecret = \"literal:geheim\"\n");
    std::fs::set_permissions(place.paths.config_file(), PermissionsExt::from_mode(0o644)).expect("a mode");
    let fault = place.edit(|editor| editor.make_current("home")).expect_err("others could read it");
    assert!(fault.message.contains("others may read it (mode 0644)"), "{fault}");
}

#[test]
fn one_at_a_time() {
    let place = place(HAND_MADE);
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let (paths, quiet) = (place.paths.clone(), place.quiet.clone());
            std::thread::spawn(move || {
                let mut editor = Editor::open(&paths, &quiet)?;
                editor.add(&Context { transport: Transport::Local, ..Context::new(format!("t{i}")) })?;
                editor.save()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic").ok(), Some(true));
    }
    assert_eq!(place.config().contexts.len(), 10, "nobody's change was lost");
}

#[cfg(feature = "demo")]
#[test]
fn a_pinned_ca_is_kept_beside_and_takes_over() {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).expect("a CA");
    let place = place("[[contexts.home.endpoints]]\nurl = \"pve1\"\n");
    place.edit(|editor| editor.pin_leaf("home", &"pve1".parse().expect("a url"), Fingerprint([1; 32]))).expect("it is right");
    place.edit(|editor| editor.pin_ca("home", &format!("{}{}", key.serialize_pem(), ca.pem()))).expect("it is right");
    let home = &place.config().contexts["home"];
    assert_eq!(home.ca_file, Some(place.paths.config.join("home-ca.pem")));
    assert_eq!(home.endpoints[0].fingerprint, None);
    assert!(place.text().contains("ca_file = \"home-ca.pem\""), "{}", place.text());
    let kept = std::fs::read_to_string(place.paths.config.join("home-ca.pem")).expect("it is kept");
    assert!(kept.starts_with("-----BEGIN CERTIFICATE-----") && !kept.contains("KEY"), "only the certificate is kept");
    assert!(home.trust(&home.endpoints[0]).is_ok_and(|trust| trust.is_some()));
    assert!(place.edit(|editor| editor.pin_ca("home", "nonsense")).is_err());
}

mod any {
    use proptest::prelude::*;

    use super::*;

    fn endpoints() -> impl Strategy<Value = Vec<Endpoint>> {
        let one = ("pve[1-4]", proptest::option::of(any::<[u8; 32]>()), proptest::option::of("[a-z]{1,8}"));
        proptest::collection::vec(one, 1..4).prop_map(|list| {
            let mut seen = std::collections::BTreeSet::new();
            list.into_iter()
                .filter(|(host, ..)| seen.insert(host.clone()))
                .map(|(host, fingerprint, server_name)| Endpoint {
                    fingerprint: fingerprint.map(Fingerprint),
                    server_name,
                    ..endpoint(&host)
                })
                .collect()
        })
    }

    fn source() -> impl Strategy<Value = Source> {
        prop_oneof![
            Just(Source::Keyring),
            "[a-z/. ]{1,12}".prop_map(|path| Source::File(Path::new("/etc").join(path.trim_start_matches('/')))),
            "[A-Z_]{1,8}".prop_map(Source::Env),
            "[a-z][a-z.-]{0,7}".prop_map(Source::Credential),
            proptest::collection::vec("[^\\x00]{1,9}", 1..4).prop_map(Source::Command),
            "[!-~]{1,20}".prop_map(|text| Source::Literal(crate::secret::Secret::new(text))),
        ]
    }

    prop_compose! {
        fn context()(
            endpoints in endpoints(),
            secret in proptest::option::of(source()),
            transport in prop_oneof![Just(Transport::Https), Just(Transport::Local)],
            writes in prop_oneof![Just(Writes::Allow), Just(Writes::Stage), Just(Writes::Deny)],
            system_roots in any::<bool>(),
            protected_tags in proptest::collection::vec("\\PC{0,6}", 0..3),
            managed_tag in proptest::option::of("\\PC{0,6}"),
            ssh in proptest::option::of("[a-z]{1,6}@[a-z]{1,6}"),
            fence in proptest::option::of("[a-z]{1,6}"),
        ) -> Context {
            Context {
                transport,
                secret,
                system_roots,
                writes,
                protected_tags,
                managed_tag,
                endpoints,
                ssh: ssh.map(|host| SshHost { host }),
                fence: fence.map(|host| if host.as_str() < "h" { Fence { via: FenceVia::Local, host: None } } else { Fence { via: FenceVia::Ssh, host: Some(host) } }),
                ..Context::new("home")
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any edited context is read back unchanged, and other contexts and comments stay the same.
        #[test]
        fn any_change_comes_back(first in context(), then in context()) {
            let place = place("# mine\n\n# the office\n[contexts.work]\ntransport = \"local\" # here\n");
            for context in [first, then] {
                place.edit(|editor| editor.set(&context)).expect("it is right");
                prop_assert_eq!(&place.config().contexts["home"], &context);
                prop_assert!(place.text().contains("# mine\n\n# the office\n[contexts.work]\ntransport = \"local\" # here\n"));
            }
        }
    }
}
