//! Every wait ends soon after its time limit, and soon after Ctrl-C.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use felhom::demo::Options;
use felhom::demo::faults::{Fault, Trouble};
use felhom::interrupt::Interrupt;

use crate::support::{Home, Host, Run, Running, demo_options};

/// How long everything here stalls.
const STALL: u64 = 20_000;
/// The time limit in these tests, and how late a busy machine may be.
const LIMIT: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_millis(1500);

/// Something that never ends by itself: a name, the environment and the arguments.
type Case = (&'static str, Vec<(String, String)>, Vec<String>);

fn words(args: &[&str]) -> Vec<String> {
    args.iter().map(|arg| (*arg).to_owned()).collect()
}

fn configured(home: &Home, text: &str) -> Vec<(String, String)> {
    home.configure(text);
    home.env()
}

/// A listener whose queue is full: no connection to it is ever made.
fn full() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(stream);
        assert!(queue.len() < 10_000, "the queue never fills up");
    }
    (listener, queue)
}

fn each(cases: &[Case], test: impl Fn(&Case) + Sync) {
    std::thread::scope(|scope| cases.iter().for_each(|case| drop(scope.spawn(|| test(case)))));
}

/// Runs the cases at the same time: with a time limit, and with a signal.
fn both(cases: &[Case]) {
    each(cases, |(what, env, args)| {
        let begun = Instant::now();
        let run = Running::start(env, args.iter().cloned().chain(words(&["--timeout", "1s"]))).end();
        let took = begun.elapsed();
        assert!(run.code != 0 && took >= LIMIT && took < LIMIT + LATE, "{what}: {took:?} {run}");
    });
    each(cases, |(what, env, args)| {
        let mut run = Running::start(env, args);
        let _ = Interrupt::never().unwrap().wait(Duration::from_millis(700));
        assert!(run.is_running(), "{what}");
        run.interrupt();
        let begun = Instant::now();
        let run = run.end();
        assert!(run.code == 130 && begun.elapsed() < LATE, "{what}: {:?} {run}", begun.elapsed());
    });
}

#[test]
fn timeout_and_ctrl_c_end_every_wait_for_a_connection_or_an_answer() {
    let stalled = |trouble| {
        let host = Host::demo();
        host.inject(Fault::new("GET", "/cluster/resources", trouble));
        host
    };
    let (headers, body) = (stalled(Trouble::Slow { ms: STALL }), stalled(Trouble::Stall { ms: STALL }));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (queue, _connections) = full();
    let env = |host: &Host| [host.home.env(), host.env()].concat();
    let at = |listener: &TcpListener| {
        let endpoint = ("FELHOM_ENDPOINT".to_owned(), format!("https://{}", listener.local_addr().unwrap()));
        env(&headers).into_iter().filter(|(name, _)| name != "FELHOM_ENDPOINT").chain([endpoint]).collect::<Vec<_>>()
    };
    let list = words(&["guest", "list"]);
    both(&[
        ("connect", at(&queue), list.clone()),
        ("TLS", at(&silent), list.clone()),
        ("headers", env(&headers), list.clone()),
        ("body", env(&body), list),
        ("a look at a certificate", headers.home.env(), words(&["context", "add", "new", "--endpoint", &at(&silent).last().unwrap().1])),
    ]);
}

#[test]
fn timeout_and_ctrl_c_end_ssh_and_every_child_process_with_its_descendants() {
    let (over_ssh, secret) = (Home::new(), Home::new());
    let tools = tempfile::tempdir().unwrap();
    let ssh = tools.path().join("ssh");
    // It leaves a process behind that keeps its output open.
    std::fs::write(&ssh, "#!/bin/sh\nsetsid sleep 20 &\nsleep 20\n").unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut env = configured(&over_ssh, "current = \"h\"\n[contexts.h]\ntransport = \"ssh\"\n[contexts.h.ssh]\nhost = \"node\"\n");
    env.retain(|(name, _)| name != "PATH");
    env.push(("PATH".to_owned(), format!("{}:/usr/bin:/bin", tools.path().display())));
    let command = r#"'command:["sh","-c","setsid sleep 20 & sleep 20"]'"#;
    let text = format!(
        "current = \"h\"\n[contexts.h]\ntoken_id = \"a@pve!bb\"\nsecret = {command}\nsystem_roots = true\n[[contexts.h.endpoints]]\nurl = \"https://127.0.0.1:1\"\n"
    );
    both(&[("ssh", env, words(&["guest", "list"])), ("a secret's command", configured(&secret, &text), words(&["guest", "list"]))]);
}

#[test]
fn timeout_ends_a_wait_whose_log_never_stops_growing() {
    let host = Host::with(&Options { speed: 0.01, ..demo_options() });
    let upid = host.run(["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot", "--detach"]).ok();
    let upid = upid.stdout.trim().to_owned();
    host.with_state(|state| {
        let task = state.tasks.iter_mut().find(|task| task.upid() == upid).unwrap();
        let line = task.lines[0].clone();
        task.lines.splice(0..0, std::iter::repeat_n(line, 50_000));
    })
    .unwrap();
    host.inject(Fault::new("GET", "/nodes/*/tasks/*/log", Trouble::Slow { ms: 150 }));
    let begun = Instant::now();
    let run = host.run(["task", "wait", &upid, "--timeout", "2s"]).fails(8);
    assert!(begun.elapsed() < Duration::from_secs(2) + LATE, "{:?} {run}", begun.elapsed());
}

#[test]
fn a_change_that_is_interrupted_while_it_is_sent_names_what_was_sent() {
    let host = Host::demo();
    host.inject(Fault::new("POST", "/nodes/*/vzdump", Trouble::Slow { ms: STALL }));
    let backup = ["api", "post", "/nodes/pve1/vzdump", "vmid=101", "storage=local", "mode=snapshot"];
    let sent = || host.count("POST", "/vzdump");
    let run = host.start(backup);
    crate::support::eventually("it is sent", || sent() == 1);
    run.interrupt();
    let run: Run = run.end().fails(130);
    run.says("POST /nodes/pve1/vzdump").says("felhom task list");
    // At the time limit the answer counts as lost, and the task is found.
    let begun = Instant::now();
    let run = host.run(backup.iter().chain(&["--timeout", "1s"])).ok();
    assert!(run.stdout.starts_with("UPID:pve1:") && begun.elapsed() < Duration::from_secs(8), "{:?} {run}", begun.elapsed());
    assert_eq!(sent(), 2);
}
