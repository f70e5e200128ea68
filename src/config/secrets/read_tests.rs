use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::secrets::Store;

const SECRET: &str = "11111111-2222-3333-4444-555555555555";

struct Place {
    dir: tempfile::TempDir,
    paths: Paths,
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a folder");
    let paths = Paths::from_env(&Env::from_pairs([("HOME", dir.path())])).expect("a home");
    Place { dir, paths }
}

impl Place {
    fn vault(&self, pairs: &[(&str, &str)]) -> Vault {
        Vault::new(&Env::from_pairs(pairs.iter().copied()), &self.paths, &Interrupt::never().expect("a socket pair"))
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        path
    }
}

fn account() -> Account {
    Account::new("home", "felhom@pve!agent")
}

fn read(vault: &Vault, source: &Source) -> String {
    vault.read(source, &account()).expect("it can be read").reveal().to_owned()
}

fn complaint(vault: &Vault, source: &Source) -> String {
    let fault = vault.read(source, &account()).expect_err("it must be refused");
    assert_eq!(fault.exit_code(), 2, "{fault}");
    assert!(!format!("{fault} {}", fault.hint()).contains("1111"), "{fault}");
    fault.message
}

#[test]
fn a_file_loses_one_newline_and_nothing_else() {
    let place = place();
    for text in [format!("{SECRET}\n"), SECRET.to_owned(), format!("{SECRET}\r\n")] {
        let file = place.file("s", &text, 0o600);
        assert_eq!(read(&place.vault(&[]), &Source::File(file)), SECRET);
    }
    for text in [format!("{SECRET}\n\n"), format!(" {SECRET}"), format!("{SECRET}\nnote: x\n")] {
        let file = place.file("s", &text, 0o600);
        let wanted = format!(
            "cannot read the secret of context home (file:{}): it is not one word of plain characters; a token's secret is a UUID",
            file.display()
        );
        assert_eq!(complaint(&place.vault(&[]), &Source::File(file)), wanted);
    }
    let file = place.file("s", "\n", 0o600);
    assert!(complaint(&place.vault(&[]), &Source::File(file)).ends_with("it is empty"));
}

#[test]
fn a_file_that_others_can_read_is_refused() {
    let place = place();
    for mode in [0o640, 0o604, 0o620, 0o602, 0o601, 0o660, 0o666] {
        let file = place.file("s", SECRET, mode);
        let message = complaint(&place.vault(&[]), &Source::File(file));
        assert!(message.ends_with(&format!("can be read by others (mode {mode:04o})")), "{message}");
    }
    let file = place.file("s", SECRET, 0o400);
    assert_eq!(read(&place.vault(&[]), &Source::File(file)), SECRET);
}

#[test]
fn what_is_not_a_plain_file_is_refused_at_once() {
    let place = place();
    let (vault, at) = (place.vault(&[]), |name: &str| place.dir.path().join(name));
    std::os::unix::fs::symlink(place.file("s", SECRET, 0o600), at("link")).expect("a link");
    assert!(complaint(&vault, &Source::File(at("link"))).ends_with("link is a symbolic link"));
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
    assert!(complaint(&vault, &Source::File(at("pipe"))).ends_with("pipe is not a regular file"), "and does not wait for a writer");
    assert!(complaint(&vault, &Source::File(at(""))).ends_with("is not a regular file"));
    assert!(complaint(&vault, &Source::File(at("gone"))).contains("cannot open "));
    let large = place.file("large", &"1".repeat(70 << 10), 0o600);
    assert!(complaint(&vault, &Source::File(large)).ends_with("is too large for a secret"));
}

#[test]
fn a_variable_is_read_from_the_given_environment_alone() {
    let place = place();
    assert_eq!(read(&place.vault(&[("PVE_SECRET", SECRET)]), &Source::Env("PVE_SECRET".to_owned())), SECRET);
    // PATH is set in the process's environment, but not in this one.
    let message = complaint(&place.vault(&[]), &Source::Env("PATH".to_owned()));
    assert_eq!(message, "cannot read the secret of context home (env:PATH): the environment variable PATH is not set");
}

#[test]
fn a_credential_is_a_file_of_the_unit() {
    let place = place();
    let dir = place.dir.path().to_string_lossy().into_owned();
    // systemd grants a unit with User= access by an ACL, which the mode shows as a group permission.
    place.file("pve-home", SECRET, 0o440);
    let source = Source::Credential("pve-home".to_owned());
    assert_eq!(read(&place.vault(&[("CREDENTIALS_DIRECTORY", &dir)]), &source), SECRET);
    assert!(complaint(&place.vault(&[]), &source).contains("CREDENTIALS_DIRECTORY is not set"));
    let gone = Source::Credential("other".to_owned());
    assert!(complaint(&place.vault(&[("CREDENTIALS_DIRECTORY", &dir)]), &gone).contains("cannot open "));
}

#[cfg(feature = "exec")]
#[test]
fn a_command_gives_its_first_line() {
    let place = place();
    let run = |words: &[&str]| Source::Command(words.iter().map(ToString::to_string).collect());
    let vault = place.vault(&[]);
    assert_eq!(read(&vault, &run(&["printf", "%s\\nnotes: mine\\n", SECRET])), SECRET);
    assert_eq!(read(&vault, &run(&["echo", "$HOME"])), "$HOME", "no shell looks at the words");
    let failed = complaint(&vault, &run(&["sh", "-c", "printf %s%s 11 11; echo 'no such entry' >&2; exit 3"]));
    assert!(failed.ends_with("`sh` ended with 3: no such entry"), "{failed}");
    assert!(complaint(&vault, &run(&["felhom-no-such-program"])).ends_with("`felhom-no-such-program`: no such program"));
    assert!(complaint(&vault, &run(&["true"])).ends_with("it is empty"));
}

#[test]
fn the_file_store_keeps_reads_and_forgets() {
    let place = place();
    let vault = place.vault(&[]);
    vault.probe(Store::File).expect("it works");
    assert_eq!(std::fs::read_dir(place.paths.secrets()).expect("a folder").count(), 0, "the probe leaves nothing");

    let (one, two) = (account(), Account::new("home", "felhom@pve!agent-b"));
    let first = vault.put(Store::File, &one, &Secret::new(SECRET)).expect("it is kept");
    let second = vault.put(Store::File, &two, &Secret::new("other")).expect("it is kept");
    assert_eq!(first, Source::File(place.paths.secrets().join("home.felhom@pve.agent")));
    assert_eq!(read(&vault, &first), SECRET, "a rotation leaves the one in use alone");
    assert_eq!(read(&vault, &second), "other");

    assert_eq!(vault.forget(&first, &one).ok(), Some(true));
    assert_eq!(vault.forget(&first, &one).ok(), Some(false));
    let foreign = place.file("mine", SECRET, 0o600);
    assert_eq!(vault.forget(&Source::File(foreign.clone()), &one).ok(), Some(false));
    assert!(foreign.exists(), "what felhom did not make it does not delete");
}

#[test]
fn a_store_that_does_not_work_is_found_out_beforehand() {
    let place = place();
    std::fs::create_dir_all(&place.paths.config).expect("a folder");
    std::fs::write(place.paths.secrets(), "in the way").expect("a file");
    let fault = place.vault(&[]).probe(Store::File).expect_err("a file is in the way");
    assert!(fault.message.starts_with("the file store does not work: cannot create the folder "), "{fault}");
}

#[test]
fn a_literal_is_itself() {
    assert_eq!(read(&place().vault(&[]), &Source::Literal(Secret::new(SECRET))), SECRET);
}
