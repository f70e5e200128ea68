//! What is claimed about speed and memory, measured: from the start of the process to its end. `cargo bench` prints the figures.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may end where it stands, and prints its figures")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use felhom::demo::{Host, Options};

const GUESTS: usize = 2000;

fn main() {
    let host = Host::start(&Options { guests: Some(GUESTS), ..Options::default() }).unwrap();
    let home = tempfile::tempdir().unwrap();
    let bench = Bench { host, home };
    println!("{:<34} {:>10} {:>10} {:>10}  claim", "from start to exit", "median", "best", "peak MiB");
    bench.measure(&["--version"], 60, "5 ms");
    bench.measure(&["--help"], 60, "5 ms");
    bench.measure(&["guest", "list"], 20, "100 ms, 25 MiB, one request");
    bench.measure(&["guest", "list", "-o", "json"], 20, "100 ms, 25 MiB, one request");
}

struct Bench {
    host: Host,
    home: tempfile::TempDir,
}

impl Bench {
    fn command(&self, args: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "the binary that is measured is started here")]
        let mut command = Command::new(env!("CARGO_BIN_EXE_felhom"));
        let (token, secret) = self.host.tokens().into_iter().find(|(id, _)| id == "felhom@pve!agent").unwrap();
        command.env_clear().args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("FELHOM_ENDPOINT", self.host.endpoint()).env("FELHOM_CA_FILE", self.host.ca_file());
        command.env("FELHOM_TOKEN_ID", token).env("FELHOM_TOKEN_SECRET", secret.reveal());
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(name, self.home.path());
        }
        command
    }

    fn measure(&self, args: &[&str], times: usize, claim: &str) {
        let mut took: Vec<Duration> = Vec::new();
        let before = self.host.requests().len();
        for _ in 0..times {
            let mut command = self.command(args);
            let begun = Instant::now();
            assert!(command.status().unwrap().success(), "{args:?} failed");
            took.push(begun.elapsed());
        }
        let requests = (self.host.requests().len() - before) as f64 / times as f64;
        took.sort();
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
        let peak = (0..5).map(|_| self.peak(args)).max().unwrap_or_default();
        let name = format!("felhom {}", args.join(" "));
        let mib = format!("{:.1}", peak as f64 / 1024.0);
        println!("{name:<34} {:>10} {:>10} {mib:>10}  {claim} ({requests} requests)", ms(took[times / 2]), ms(took[0]));
    }

    /// The most memory that was resident, in KiB: the system's own mark, read until the process is gone.
    fn peak(&self, args: &[&str]) -> u64 {
        let mut child = self.command(args).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let mark =
                text.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            peak = peak.max(mark.unwrap_or_default());
        }
        peak
    }
}
