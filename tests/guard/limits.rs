//! What one run does to one host at the most, and when it leaves it alone. The host is one that counts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use felhom::api::{Call, Pace, Reply, Request};
use felhom::fault::{Fault, Kind, Result};
use felhom::guard::{Change, Item, Journal, Outcome, Pass, Permit, Person, Plan, Rules, Step, TagRules, Target, ask, verdict};
use felhom::interrupt::Interrupt;
use felhom::path;
use felhom::secret::Secret;
use felhom::session::{Parts, Session};
use felhom::task::Waits;
use felhom::transport::{Client, Transport};
use serde_json::Map;

#[derive(Default)]
struct Counts {
    writes: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    /// Nobody answers any more.
    dead: AtomicBool,
    said: Mutex<Vec<String>>,
}

struct Host {
    counts: Arc<Counts>,
    takes: Duration,
}

impl Transport for Host {
    fn read(&self, _: &Request, _: &Interrupt) -> Result<Reply> {
        // The tasks so far: none.
        let data = serde_json::value::to_raw_value(&serde_json::json!([])).unwrap();
        Ok(Reply::new(Some(data), None))
    }

    fn write(&self, _: &Request, _: &Permit, _: &Interrupt) -> Result<Reply> {
        self.counts.writes.fetch_add(1, Ordering::SeqCst);
        let now = self.counts.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.counts.most.fetch_max(now, Ordering::SeqCst);
        if !self.takes.is_zero() {
            let _ = Interrupt::never().unwrap().wait(self.takes);
        }
        self.counts.now.fetch_sub(1, Ordering::SeqCst);
        if self.counts.dead.load(Ordering::SeqCst) {
            return Err(Fault::new(Kind::Unreachable, "cannot reach the host: connection refused"));
        }
        Ok(Reply::new(None, None))
    }

    fn who(&self) -> &str {
        "root@pam"
    }
}

/// Says nothing and hears everything.
struct Nobody(Arc<Counts>);

impl Person for Nobody {
    fn present(&self) -> bool {
        false
    }
    fn preview(&self, _: &Plan) {}
    fn yes(&self, _: &str) -> Result<bool> {
        Ok(false)
    }
    fn types(&self, _: &str, _: &str) -> Result<bool> {
        Ok(false)
    }
    fn choose(&self, _: &str, _: &[String]) -> Result<Option<usize>> {
        Ok(None)
    }
    fn password(&self, _: &str) -> Result<Secret> {
        Err(Fault::refused("nobody is here"))
    }
    fn note(&self, _: &str) {}
    fn warn(&self, text: &str) {
        self.0.said.lock().unwrap().push(text.to_owned());
    }
}

/// Carries out so many changes at once on a host that takes its time.
fn carry_out(counts: &Arc<Counts>, items: u32, jobs: usize, pace: Pace, takes: u64) -> Vec<Outcome> {
    let home = tempfile::tempdir().unwrap();
    let host = Host { counts: Arc::clone(counts), takes: Duration::from_millis(takes) };
    let interrupt = Interrupt::never().unwrap();
    let slot = Mutex::new(Some(Client::new(Box::new(host), "test".into(), interrupt.clone())));
    let parts = Parts {
        context: "counting".into(),
        verb: "test".into(),
        command: vec!["felhom".into(), "test".into()],
        rules: Rules { yes: true, ..Rules::default() },
        tags: TagRules::default(),
        identity: String::new(),
        waits: Waits::default(),
        watch: Arc::new(()),
        person: Arc::new(Nobody(Arc::clone(counts))),
        journal: Arc::new(Journal::at(home.path(), false)),
        interrupt,
        state_dir: home.path().to_owned(),
    };
    let session = Session::new(parts, Box::new(move || Ok(slot.lock().unwrap().take().expect("one client"))));
    let mut change = Change::new("count");
    change.jobs = jobs;
    for vmid in 0..items {
        let mut call: Call<()> = Call::put(path!["nodes", "pve1", "lxc", vmid, "config"]);
        call.request.pace = pace;
        let target = Target { vmid: Some(vmid), ..Target::default() };
        change.items.push(Item::new("start", target).step(Step::call("start", call)));
    }
    let Ok(Pass::Go(approved)) = ask(&session, change) else { panic!("it passes") };
    approved.run(&session, |_, _| Ok(Map::new())).unwrap()
}

#[test]
fn ten_requests_at_once_at_the_most() {
    let counts = Arc::<Counts>::default();
    let ended = carry_out(&counts, 40, 40, Pace::Quick, 60);
    assert!(ended.iter().all(Outcome::good));
    assert_eq!((counts.writes.load(Ordering::SeqCst), counts.most.load(Ordering::SeqCst)), (40, 10));
}

#[test]
fn a_hundred_and_twenty_writes_a_minute_after_a_first_burst_of_as_many() {
    let begun = Instant::now();
    let counts = Arc::<Counts>::default();
    assert!(carry_out(&counts, 126, 10, Pace::Quick, 0).iter().all(Outcome::good));
    // Two a second come back: the last of these has to wait until three seconds have gone.
    assert!(begun.elapsed() >= Duration::from_millis(2_950), "{:?}", begun.elapsed());
}

#[test]
fn transfers_are_counted_apart() {
    let begun = Instant::now();
    let counts = Arc::<Counts>::default();
    assert!(carry_out(&counts, 240, 10, Pace::Transfer, 0).iter().all(Outcome::good));
    // As ordinary writes they would take a minute.
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
}

#[test]
fn after_five_failures_in_a_row_the_host_is_left_alone_with_one_line() {
    let counts = Arc::<Counts>::default();
    counts.dead.store(true, Ordering::SeqCst);
    let ended = carry_out(&counts, 30, 1, Pace::Quick, 0);
    assert_eq!(counts.writes.load(Ordering::SeqCst), 5, "and no more");
    assert!(ended.iter().all(|outcome| outcome.fault.as_ref().is_some_and(|fault| fault.kind == Kind::Unreachable)));
    assert_eq!(ended.iter().filter(|outcome| outcome.fault.as_ref().unwrap().message.contains("skipped")).count(), 25);
    let fault = verdict(&ended).unwrap_err();
    assert_eq!(fault.exit_code(), 9);
    let said = counts.said.lock().unwrap();
    assert_eq!(said.iter().filter(|line| line.contains("five failed connections")).count(), 1, "{said:?}");
}
