//! What felhom trusts on this machine: owners and modes of its files, what killed runs have left, filters, certificates.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Demo, Home, Host, need_tool, run};

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_configuration_that_others_can_write_is_not_obeyed() {
    let home = Home::new();
    let ran = home.path().join("ran");
    home.configure(&format!(
        "current = \"x\"\n[contexts.x]\ntoken_id = \"a@pve!bb\"\nsecret = 'command:[\"touch\",\"{}\"]'\n[[contexts.x.endpoints]]\nurl = \"https://127.0.0.1:1\"\n",
        ran.display()
    ));
    let file = home.config_file();
    let folder = file.parent().unwrap().to_owned();
    for (path, bad, good) in [(&file, 0o666, 0o600), (&file, 0o660, 0o600), (&folder, 0o777, 0o700)] {
        chmod(path, bad);
        let refused = run(&mut home.felhom(["guest", "list"])).fails(2);
        refused.says(&format!("chmod go-w {}", path.display()));
        chmod(path, good);
    }
    assert!(!ran.exists(), "a command of the file was run");
}

#[test]
fn a_configuration_of_another_user_is_not_obeyed() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a file to another user");
        return;
    }
    let home = Home::new();
    home.configure("current = \"x\"\n[contexts.x]\ntransport = \"local\"\n");
    std::os::unix::fs::chown(home.config_file(), Some(65534), None).unwrap();
    run(&mut home.felhom(["guest", "list"])).fails(2).says(&format!("chown 0 {}", home.config_file().display()));
}

#[test]
fn state_folders_are_private_whatever_the_umask() {
    let home = Home::new();
    let mut command = assert_cmd::Command::new("sh");
    command.env_clear().envs(home.env()).args(["-c", "umask 000; exec \"$0\" demo guest stop 110 --yes", env!("CARGO_BIN_EXE_felhom")]);
    run(&mut command).ok();
    for folder in [home.state(), home.state().join("demo")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
}

#[test]
fn one_broken_staged_change_does_not_hide_the_others() {
    let host = Host::demo();
    host.run(["guest", "stop", "110", "--stage"]).ok();
    let shelf = std::fs::read_dir(host.home.state()).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        path.is_dir() && std::fs::read_dir(path).unwrap().any(|entry| entry.unwrap().path().extension().is_some_and(|end| end == "json"))
    });
    std::fs::write(shelf.unwrap().join("20200101-000000-dead.json"), "{ torn").unwrap();
    let list = host.run(["plan", "list", "-o", "json"]).ok();
    let states: Vec<String> = list.json().as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap().to_owned()).collect();
    assert_eq!(states, ["pending", "broken"], "{list}");
    assert!(list.stderr.contains("20200101-000000-dead"), "{list}");
}

#[test]
fn what_a_killed_run_left_beside_the_configuration_is_removed() {
    let home = Home::new();
    home.configure("[contexts.a]\ntransport = \"local\"\n[contexts.b]\ntransport = \"local\"\n");
    chmod(&home.config_file(), 0o600);
    let left = home.config_file().with_file_name(".config.toml.999999999.new");
    std::fs::write(&left, "").unwrap();
    run(&mut home.felhom(["context", "use", "b"])).ok();
    assert!(!left.exists());
}

#[test]
fn a_password_in_a_url_is_masked() {
    let host = Host::demo();
    let call = ["api", "post", "/nodes/pve1/storage/local/download-url", "url=https://me:geheim@example.org/x.iso", "--plan", "-o", "json"];
    let plan = host.run(call).ok();
    assert!(!plan.stdout.contains("geheim") && plan.stdout.contains("example.org"), "{plan}");
}

#[test]
fn a_filter_without_an_end_is_an_error() {
    let host = Host::demo();
    for filter in ["def f: [f]; f", "reduce range(1000000) as $i (0; [.])"] {
        let ended = host.run(["guest", "list", "--jq", filter]).fails(1);
        ended.says("--jq");
    }
    assert_eq!(host.run(["guest", "list", "--jq", ".[0].vmid"]).ok().stdout, "101\n");
}

#[test]
fn the_demo_contacts_no_real_host() {
    let demo = Demo::new();
    let add =
        ["context", "add", "real", "--endpoint", "https://192.0.2.1", "--token-id", "a@pve!bb", "--secret", "env:X", "--system-roots"];
    demo.run(add).fails(3).says("192.0.2.1");
    demo.run(add.iter().chain(&["--offline"])).ok();
    demo.run(["context", "test", "real"]).fails(3);
}

#[test]
fn the_endpoint_of_the_environment_wins_over_its_context() {
    let host = Host::demo();
    let other = "[contexts.other]\ntransport = \"local\"\n";
    host.home.configure(other);
    chmod(&host.home.config_file(), 0o600);
    let listed = run(host.felhom(["guest", "list", "--jq", ".[0].context"]).env("FELHOM_CONTEXT", "other")).ok();
    assert_eq!(listed.stdout, "env\n");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a server that is not felhom's")]
fn a_weak_rsa_certificate_is_refused_with_that_reason() {
    if need_tool("openssl").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (key, cert) = (path("key.pem"), path("cert.pem"));
    let made = assert_cmd::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", &key, "-out", &cert, "-subj", "/CN=pve1", "-days", "2"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = std::process::Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-key",
            &key,
            "-cert",
            &cert,
            "-cipher",
            "DEFAULT@SECLEVEL=0",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    crate::support::eventually("the server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let home = Home::new();
    let mut command = home.felhom(["guest", "list"]);
    command.envs([("FELHOM_TOKEN_ID", "a@pve!bb"), ("FELHOM_TOKEN_SECRET", "x"), ("FELHOM_CA_FILE", cert.as_str())]);
    let refused = run(command.env("FELHOM_ENDPOINT", format!("https://127.0.0.1:{port}")));
    server.kill().unwrap();
    server.wait().unwrap();
    refused.fails(9).says("1024 bits");
}
