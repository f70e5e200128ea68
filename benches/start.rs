//! What is claimed about speed and memory, measured: from the start of the process to its end, and for the list of guests next to
//! curl, which asks the same host the same in turn with it. `cargo bench` prints the figures.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark may end where it stands, and prints its figures")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use felhom::demo::{Host, Options};

const GUESTS: usize = 2005;

fn main() {
    let host = Host::start(&Options { guests: Some(GUESTS), ..Options::default() }).unwrap();
    let home = tempfile::tempdir().unwrap();
    let bench = Bench { host, home };
    println!("{:<34} {:>10} {:>10} {:>10}  claim", "from start to exit", "median", "best", "peak MiB");
    bench.alone(&["--version"], 60, "5 ms");
    bench.alone(&["--help"], 60, "5 ms");
    bench.with_curl(&["guest", "list"], 40, "1.05 x curl, 15 MiB, one request");
    bench.with_curl(&["guest", "list", "-o", "json"], 40, "1.05 x curl, 15 MiB, one request");
}

struct Bench {
    host: Host,
    home: tempfile::TempDir,
}

impl Bench {
    fn token(&self) -> (String, String) {
        let (token, secret) = self.host.tokens().into_iter().find(|(id, _)| id == "felhom@pve!agent").unwrap();
        (token, secret.reveal().to_owned())
    }

    fn felhom(&self, args: &[&str]) -> Command {
        let mut command = quiet(env!("CARGO_BIN_EXE_felhom"));
        let (token, secret) = self.token();
        command.args(args).env("FELHOM_ENDPOINT", self.host.endpoint()).env("FELHOM_CA_FILE", self.host.ca_file());
        command.env("FELHOM_TOKEN_ID", token).env("FELHOM_TOKEN_SECRET", secret);
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"] {
            command.env(name, self.home.path());
        }
        command
    }

    /// The request of `felhom guest list`.
    fn curl(&self) -> Command {
        let mut command = quiet("curl");
        let (token, secret) = self.token();
        command.args(["--silent", "--fail", "--cacert"]).arg(self.host.ca_file());
        command.args(["--header", &format!("Authorization: PVEAPIToken={token}={secret}")]);
        command.arg(format!("{}/api2/json/cluster/resources?type=vm", self.host.endpoint()));
        command
    }

    fn alone(&self, args: &[&str], times: usize, claim: &str) {
        let took = (0..times).map(|_| time(self.felhom(args))).collect();
        print(&name(args), took, peak(|| self.felhom(args)), claim);
    }

    fn with_curl(&self, args: &[&str], times: usize, claim: &str) {
        if self.curl().arg("--version").status().is_err() {
            println!("curl is not installed: {} stands alone", name(args));
            return self.alone(args, times, claim);
        }
        let before = self.host.requests().len();
        // In turn, so that both meet the same machine.
        let pairs: Vec<(Duration, Duration)> = (0..times).map(|_| (time(self.felhom(args)), time(self.curl()))).collect();
        let requests = (self.host.requests().len() - before) as f64 / times as f64 - 1.0;
        let mut ratios: Vec<f64> = pairs.iter().map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        let (ours, theirs) = pairs.into_iter().unzip();
        print(&name(args), ours, peak(|| self.felhom(args)), &format!("{claim} ({requests} requests)"));
        print("curl, in turn with it", theirs, peak(|| self.curl()), &format!("median of the pairs: {:.2} x curl", ratios[times / 2]));
    }
}

fn name(args: &[&str]) -> String {
    format!("felhom {}", args.join(" "))
}

fn quiet(program: &str) -> Command {
    #[expect(clippy::disallowed_methods, reason = "what is measured is started here")]
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn time(mut command: Command) -> Duration {
    let begun = Instant::now();
    assert!(command.status().unwrap().success(), "{command:?} failed");
    begun.elapsed()
}

fn print(name: &str, mut took: Vec<Duration>, peak: u64, claim: &str) {
    took.sort();
    let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    let mib = format!("{:.1}", peak as f64 / 1024.0);
    println!("{name:<34} {:>10} {:>10} {mib:>10}  {claim}", ms(took[took.len() / 2]), ms(took[0]));
}

/// The most memory that was resident in one of five runs, in KiB: the system's own mark, read until the process is gone.
fn peak(command: impl Fn() -> Command) -> u64 {
    let one = || {
        let mut child = command().spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().unwrap().is_none() {
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = peak.max(mark.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default());
        }
        peak
    };
    (0..5).map(|_| one()).max().unwrap_or_default()
}
