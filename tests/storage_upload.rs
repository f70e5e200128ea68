//! `storage upload` against the demo host.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use felhom::demo::faults::{Fault, Trouble};

use crate::support::{Host, Running, eventually, run};

fn file(host: &Host, name: &str, content: &[u8]) -> String {
    let path = host.home.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A file of this size that takes no space.
fn sparse(host: &Host, name: &str, size: u64) -> String {
    let path = host.home.path().join(name);
    std::fs::File::create(&path).unwrap().set_len(size).unwrap();
    path.to_str().unwrap().to_owned()
}

fn volumes(host: &Host, storage: &str) -> Vec<String> {
    host.run(["storage", "content", storage, "-o", "id"]).ok().lines().iter().map(|line| (*line).to_owned()).collect()
}

fn uploads(host: &Host) -> usize {
    host.requests().iter().filter(|request| request.path.ends_with("/upload")).count()
}

#[test]
fn a_file_is_uploaded_checked_and_listed() {
    let host = Host::baseline();
    let path = file(&host, "tiny.iso", &vec![7; 300_000]);
    let done = host.run(["storage", "upload", "local", &path, "--verify", "-o", "json"]).ok().json();
    let one = &done[0];
    assert_eq!((&one["volume"], &one["size_bytes"], &one["status"]), (&"local:iso/tiny.iso".into(), &300_000.into(), &"ok".into()));
    assert!(one["checksum"].as_str().unwrap().starts_with("sha256:"), "{done}");
    let log = host.run(["task", "log", one["upid"].as_str().unwrap()]).ok();
    assert!(log.stdout.contains("OK, checksum verified") && log.stdout.contains("file size is: 300000"), "{log}");
    assert!(volumes(&host, "local").contains(&"local:iso/tiny.iso".to_owned()));
    let sent = host.requests().into_iter().find(|request| request.path.ends_with("/upload")).unwrap();
    let keys: Vec<&str> = sent.params.keys().map(String::as_str).filter(|key| *key != "node" && *key != "storage").collect();
    assert_eq!(keys, ["content", "checksum-algorithm", "checksum", "filename"], "the only order that a host reads");

    host.run(["storage", "upload", "local", &path]).fails(3).says("local:iso/tiny.iso").says("--overwrite");
    assert_eq!(uploads(&host), 1);
    host.run(["storage", "upload", "local", &path, "--overwrite"]).fails(3).says("--yes");
    host.run(["storage", "upload", "local", &path, "--overwrite", "--yes"]).ok();
    let other = host.run(["storage", "upload", "local", &path, "--name", "other.img", "-o", "json"]).ok().json();
    assert_eq!(other[0]["volume"], "local:iso/other.img");
}

#[test]
fn what_the_host_would_refuse_is_refused_before_the_first_byte() {
    let host = Host::baseline();
    let iso = file(&host, "a.iso", b"x");
    let text = file(&host, "notes.txt", b"x");
    let empty = file(&host, "empty.iso", b"");
    let spaced = file(&host, "my file.iso", b"x");
    let huge = sparse(&host, "huge.iso", 1 << 40);
    for (args, code, says) in [
        (&["local", "nosuch.iso"][..], 5, "nosuch.iso"),
        (&["local", &text], 2, ".qcow2"),
        (&["local", &iso, "--content", "vztmpl"], 2, ".tar.zst"),
        (&["local", &iso, "--content", "backup"], 2, "vztmpl"),
        (&["local", &empty], 2, "empty"),
        (&["local", &spaced], 2, "--name my_file.iso"),
        (&["local", &huge], 3, "1 TiB"),
        (&["local-lvm", &iso], 3, "iso"),
        (&["nosuch", &iso], 5, "nosuch"),
        (&["local", &iso, "--checksum", "sha256:12"], 2, "64"),
        (&["local", &iso, "--checksum", "crc:12"], 2, "sha512"),
        (&["local", &iso, &text, "--name", "b.iso"], 2, "--name"),
        (&["local", &iso, "--read-only"], 3, "read-only"),
    ] {
        let words = [&["storage", "upload"], args].concat();
        host.run(words).fails(code).says(says);
    }
    host.run(["storage", "upload", "local", &iso, "--plan"]).ok().shows("/nodes/pve1/storage/local/upload");
    assert_eq!(uploads(&host), 0);
}

#[test]
fn a_token_without_the_privilege_is_told_before_the_first_byte() {
    let host = Host::demo();
    let iso = file(&host, "a.iso", b"x");
    host.run(["storage", "upload", "nas", &iso]).fails(4).says("Datastore.AllocateTemplate").says("/storage/nas").says("'storage upload'");
    assert_eq!(uploads(&host), 0);
    let root = Host::demo().with_token("root@pam!demo");
    let iso = file(&root, "a.iso", b"x");
    root.run(["storage", "upload", "local", &iso]).fails(2).says("--node");
    root.run(["storage", "upload", "local", &iso, "--node", "pve2"]).ok();
}

#[test]
fn a_wrong_checksum_is_the_tasks_error() {
    let host = Host::baseline();
    let iso = file(&host, "a.iso", b"x");
    let wrong = format!("sha256:{}", "0".repeat(64));
    host.run(["storage", "upload", "local", &iso, "--checksum", &wrong]).fails(6).says("checksum mismatch");
    assert!(!volumes(&host, "local").contains(&"local:iso/a.iso".to_owned()));
}

#[test]
fn several_files_have_a_row_each() {
    let host = Host::baseline();
    let (one, two) = (file(&host, "one.iso", b"1"), file(&host, "two.tar.zst", b"2"));
    let three = file(&host, "three.txt", b"3");
    let done = host.run(["storage", "upload", "local", &one, &two, &three, "-o", "json"]).fails(7).json();
    let statuses: Vec<&str> = done.as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["ok", "ok", "failed"], "{done}");
    assert_eq!(done[1]["volume"], "local:vztmpl/two.tar.zst");
}

#[test]
fn an_interrupted_upload_leaves_nothing() {
    let host = Host::baseline();
    host.with_state(|state| state.storages.get_mut("local").unwrap().total = 1 << 44).unwrap();
    let big = sparse(&host, "big.iso", 200 << 30);
    let through = Forwarder::new(&host, u64::MAX);
    let mut env = [host.home.env(), host.env()].concat();
    env.push(("FELHOM_ENDPOINT".into(), through.endpoint()));
    let running = Running::start(&env, ["storage", "upload", "local", &big]);
    eventually("some of the file is sent", || through.passed() > 1 << 20);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 130, "{ended}");
    assert_eq!(uploads(&host), 0, "the host never had a whole request");
    assert!(!volumes(&host, "local").contains(&"local:iso/big.iso".to_owned()));
}

#[test]
fn an_upload_that_breaks_off_is_safe_to_repeat_and_a_lost_answer_is_not() {
    let host = Host::baseline();
    let path = sparse(&host, "a.iso", 64 << 20);
    let through = Forwarder::new(&host, 1 << 20);
    let mut command = host.felhom(["storage", "upload", "local", &path]);
    run(command.env("FELHOM_ENDPOINT", through.endpoint())).fails(9).says("broke off").says("safe to try again");
    assert_eq!(uploads(&host), 0);
    host.inject(Fault::new("POST", "*/upload", Trouble::CutAt { bytes: 0 }));
    host.run(["storage", "upload", "local", &path]).fails(10).says("before you try again");
    assert_eq!(uploads(&host), 1);
}

/// Passes connections on to the host, and cuts them after so many bytes of the client.
struct Forwarder {
    port: u16,
    passed: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Forwarder {
    fn new(host: &Host, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = host.endpoint().trim_start_matches("https://").to_owned();
        let passed = std::sync::Arc::<std::sync::atomic::AtomicU64>::default();
        let count = passed.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&to).unwrap();
                let (mut back, mut forth) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut back, &mut forth));
                let count = count.clone();
                thread::spawn(move || forward(client, server, limit, &count));
            }
        });
        Self { port, passed }
    }

    fn endpoint(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn passed(&self) -> u64 {
        self.passed.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, limit: u64, count: &std::sync::atomic::AtomicU64) {
    let mut chunk = vec![0; 64 << 10];
    let mut passed = 0;
    from.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        passed += n as u64;
        count.fetch_add(n as u64, std::sync::atomic::Ordering::Relaxed);
        if passed > limit || to.write_all(&chunk[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
