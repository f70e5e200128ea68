//! Progress of tasks: bars on a terminal, lines in a log, JSON for programs, or nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::bars::Bars;
use super::sink::Sink;
use super::{Format, Options, Out, ProgressMode, Screen, clean, json as text, units};
use crate::task::{Step, Watch, Watched};

/// Interval of lines for tasks without a percentage.
const EVERY: Duration = Duration::from_secs(30);
/// Upper limit of an estimate: only the task's status means done.
const ALMOST: f64 = 99.0;

/// Reports tasks on stderr.
pub struct Progress {
    kind: Kind,
}

enum Kind {
    Bars(Bars),
    Lines { sink: Sink, json: bool, tasks: Mutex<HashMap<String, Said>> },
    Silent,
}

/// The last report on a task.
#[derive(Default)]
struct Said {
    at: Option<Duration>,
    /// The task's age at the last poll.
    elapsed: Option<Duration>,
    percent: Option<f64>,
    line: Option<String>,
}

impl Out {
    /// Creates a reporter as selected by `--progress`.
    pub fn progress(&self) -> Progress {
        let kind = match mode(&self.options, &self.screen) {
            ProgressMode::Bar => Kind::Bars(Bars::new(self.bars(), self.screen.stderr_color)),
            ProgressMode::Plain => Kind::Lines { sink: self.stderr.clone(), json: false, tasks: Mutex::default() },
            ProgressMode::Json => Kind::Lines { sink: self.stderr.clone(), json: true, tasks: Mutex::default() },
            ProgressMode::Auto | ProgressMode::None => Kind::Silent,
        };
        Progress { kind }
    }
}

/// Resolves `auto`. With JSON output, stderr contains only the error object.
pub(super) fn mode(options: &Options, screen: &Screen) -> ProgressMode {
    match options.progress {
        ProgressMode::Auto if options.quiet => ProgressMode::None,
        ProgressMode::Auto if screen.stderr_terminal => ProgressMode::Bar,
        ProgressMode::Auto if matches!(options.format(), Format::Json | Format::Jsonl) => ProgressMode::None,
        ProgressMode::Auto => ProgressMode::Plain,
        ProgressMode::Bar if !screen.stderr_terminal => ProgressMode::Plain,
        chosen => chosen,
    }
}

/// Returns the percentage, and whether it is an estimate from earlier tasks.
pub(super) fn percent_of(task: &Watched, percent: Option<f64>, elapsed: Duration) -> Option<(f64, bool)> {
    let known = percent.filter(|p| p.is_finite()).map(|p| (p.clamp(0.0, 100.0), false));
    known.or_else(|| {
        let expected = task.expected.filter(|e| !e.is_zero())?;
        Some(((elapsed.as_secs_f64() / expected.as_secs_f64() * 100.0).min(ALMOST), true))
    })
}

impl Watch for Progress {
    fn estimates(&self) -> bool {
        matches!(self.kind, Kind::Bars(_))
    }

    fn begin(&self, task: &Watched) {
        match &self.kind {
            Kind::Bars(bars) => bars.begin(task),
            Kind::Lines { sink, json, tasks } => {
                lock(tasks).insert(task.upid.to_string(), Said::default());
                if *json {
                    say_json(sink, "begin", task, json!({}));
                } else {
                    say(sink, &format!("{}: started ({})", task.label, task.upid));
                }
            }
            Kind::Silent => {}
        }
    }

    fn step(&self, task: &Watched, step: &Step<'_>) {
        match &self.kind {
            Kind::Bars(bars) => bars.step(task, step),
            Kind::Lines { sink, json, tasks } => {
                let mut tasks = lock(tasks);
                let said = tasks.entry(task.upid.to_string()).or_default();
                let percent = percent_of(task, step.percent, step.elapsed);
                if *json {
                    if said.is_news(step) {
                        let estimated = percent.is_some_and(|(_, estimated)| estimated);
                        let percent = percent.map(|(percent, _)| (percent * 100.0).round() / 100.0);
                        let elapsed = tenths(step.elapsed);
                        say_json(
                            sink,
                            "step",
                            task,
                            json!({"percent": percent, "estimated": estimated, "elapsed_s": elapsed, "line": step.last_line}),
                        );
                    }
                } else if said.is_due(step) {
                    let percent = percent.map(|(percent, estimated)| format!("{}{percent:.0} %, ", if estimated { "~" } else { "" }));
                    let line = step.last_line.filter(|l| !l.trim().is_empty()).map(|line| format!(", {}", line.trim()));
                    let elapsed = units::seconds(step.elapsed.as_secs());
                    say(sink, &format!("{}: {}{elapsed}{}", task.label, percent.unwrap_or_default(), line.unwrap_or_default()));
                }
            }
            Kind::Silent => {}
        }
    }

    fn note(&self, note: &str) {
        match &self.kind {
            Kind::Bars(bars) => bars.note(note),
            Kind::Lines { sink, json: true, .. } => {
                let _ = sink.write(text::compact(&json!({"event": "note", "line": note})).as_bytes());
            }
            Kind::Lines { sink, .. } => say(sink, note),
            Kind::Silent => {}
        }
    }

    fn end(&self, task: &Watched, exitstatus: &str, good: bool) {
        match &self.kind {
            Kind::Bars(bars) => bars.end(task, exitstatus, good),
            Kind::Lines { sink, json, tasks } => {
                let said = lock(tasks).remove(&task.upid.to_string()).unwrap_or_default();
                if *json {
                    say_json(sink, "end", task, json!({"elapsed_s": said.elapsed.map(tenths), "exitstatus": exitstatus, "good": good}));
                } else {
                    let elapsed = said.elapsed.map(|e| format!(" after {}", units::seconds(e.as_secs())));
                    say(sink, &format!("{}: {}{}", task.label, ending(exitstatus, good), elapsed.unwrap_or_default()));
                }
            }
            Kind::Silent => {}
        }
    }
}

impl Said {
    /// Whether 10 % or 30 s have passed since the last report.
    fn is_due(&mut self, step: &Step<'_>) -> bool {
        self.elapsed = Some(step.elapsed);
        let tens = |percent: Option<f64>| percent.map(|p| (p / 10.0).floor());
        let since = *self.at.get_or_insert(step.elapsed);
        let moved = tens(step.percent).is_some_and(|now| now > 0.0 && tens(self.percent) != Some(now));
        let due = moved || step.elapsed.saturating_sub(since) >= EVERY;
        if due {
            self.at = Some(step.elapsed);
        }
        if step.percent.is_some() {
            self.percent = step.percent;
        }
        due
    }

    /// Whether the step differs from the last report, or that was long ago.
    fn is_news(&mut self, step: &Step<'_>) -> bool {
        self.elapsed = Some(step.elapsed);
        let quiet_for = step.elapsed.saturating_sub(self.at.unwrap_or_default());
        let news = self.at.is_none() || self.percent != step.percent || self.line.as_deref() != step.last_line || quiet_for >= EVERY;
        if news {
            (self.at, self.percent) = (self.elapsed, step.percent);
            self.line = step.last_line.map(ToOwned::to_owned);
        }
        news
    }
}

/// Returns `OK`, or the host's error.
pub(super) fn ending(exitstatus: &str, good: bool) -> String {
    match exitstatus.trim() {
        "" if good => "done".to_owned(),
        "" => "failed".to_owned(),
        status if good => status.to_owned(),
        status => format!("failed: {status}"),
    }
}

fn say(sink: &Sink, line: &str) {
    let _ = sink.write(format!("{}\n", clean::line(line)).as_bytes());
}

fn say_json(sink: &Sink, event: &str, task: &Watched, more: Value) {
    let mut object = Map::new();
    object.insert("event".to_owned(), event.into());
    object.insert("upid".to_owned(), task.upid.to_string().into());
    object.insert("label".to_owned(), task.label.clone().into());
    if let Value::Object(more) = more {
        object.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
    }
    let _ = sink.write(text::compact(&Value::Object(object)).as_bytes());
}

fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(expected: Option<u64>) -> Watched {
        let upid = "UPID:pve1:0000C530:001ABCDE:6920A000:vzdump:101:felhom@pve!agent:".parse().unwrap();
        Watched { upid, label: "backup of 101 (web)".into(), expected: expected.map(Duration::from_secs) }
    }

    fn step(percent: Option<f64>, seconds: u64, line: Option<&str>) -> Step<'_> {
        Step { percent, elapsed: Duration::from_secs(seconds), last_line: line }
    }

    fn watched(options: Options, expected: Option<u64>, steps: &[Step<'_>]) -> Vec<String> {
        let (out, captured) = Out::captured(options, Screen::piped());
        let progress = out.progress();
        let task = task(expected);
        progress.begin(&task);
        for step in steps {
            progress.step(&task, step);
        }
        progress.note("the host does not answer");
        progress.end(&task, "job errors", false);
        assert_eq!(captured.stdout(), "");
        captured.stderr().lines().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn a_line_every_ten_percent() {
        let steps: Vec<Step<'_>> = (0..=25).map(|n| step(Some(f64::from(n)), 1, Some("INFO: x"))).collect();
        let lines = watched(Options::default(), None, &steps);
        assert_eq!(
            lines,
            [
                "backup of 101 (web): started (UPID:pve1:0000C530:001ABCDE:6920A000:vzdump:101:felhom@pve!agent:)",
                "backup of 101 (web): 10 %, 1s, INFO: x",
                "backup of 101 (web): 20 %, 1s, INFO: x",
                "the host does not answer",
                "backup of 101 (web): failed: job errors after 1s",
            ]
        );
    }

    #[test]
    fn or_every_thirty_seconds() {
        let steps: Vec<Step<'_>> = (0..=70).map(|n| step(None, n, Some("tar\u{1b}[31m: x"))).collect();
        let lines = watched(Options::default(), None, &steps);
        assert_eq!(lines[1..3], ["backup of 101 (web): 30s, tar: x", "backup of 101 (web): 1m, tar: x"]);
        assert_eq!(lines.len(), 5);
        let lines = watched(Options::default(), Some(100), &steps);
        assert_eq!(lines[1..3], ["backup of 101 (web): ~30 %, 30s, tar: x", "backup of 101 (web): ~60 %, 1m, tar: x"]);
    }

    #[test]
    fn objects_for_programs() {
        let options = Options { progress: ProgressMode::Json, format: Some(Format::Json), ..Options::default() };
        let steps = [step(Some(12.345), 1, Some("a")), step(Some(12.345), 2, Some("a")), step(None, 3, None)];
        let lines: Vec<Value> = watched(options, Some(4), &steps).iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        let upid = "UPID:pve1:0000C530:001ABCDE:6920A000:vzdump:101:felhom@pve!agent:";
        let label = "backup of 101 (web)";
        assert_eq!(
            lines,
            [
                json!({"event": "begin", "upid": upid, "label": label}),
                json!({"event": "step", "upid": upid, "label": label, "percent": 12.35, "estimated": false, "elapsed_s": 1.0, "line": "a"}),
                json!({"event": "step", "upid": upid, "label": label, "percent": 75.0, "estimated": true, "elapsed_s": 3.0}),
                json!({"event": "note", "line": "the host does not answer"}),
                json!({"event": "end", "upid": upid, "label": label, "elapsed_s": 3.0, "exitstatus": "job errors", "good": false}),
            ]
        );
    }

    #[test]
    fn which_way_auto_goes() {
        let auto = Options::default();
        let of = |options: &Options, screen: Screen| mode(options, &screen);
        assert_eq!(of(&auto, Screen::terminal(80)), ProgressMode::Bar);
        assert_eq!(of(&auto, Screen::piped()), ProgressMode::Plain);
        assert_eq!(of(&Options { quiet: true, ..auto.clone() }, Screen::terminal(80)), ProgressMode::None);
        let json = Options { format: Some(Format::Json), ..auto.clone() };
        assert_eq!(of(&json, Screen::piped()), ProgressMode::None);
        assert_eq!(of(&json, Screen::terminal(80)), ProgressMode::Bar);
        let bar = Options { progress: ProgressMode::Bar, ..auto };
        assert_eq!(of(&bar, Screen::piped()), ProgressMode::Plain);
        assert_eq!(watched(Options { progress: ProgressMode::None, ..Options::default() }, None, &[step(None, 99, None)]), [""; 0]);
    }

    #[test]
    fn estimates_never_claim_the_end() {
        assert_eq!(percent_of(&task(Some(10)), None, Duration::from_secs(500)), Some((99.0, true)));
        assert_eq!(percent_of(&task(Some(10)), Some(3.0), Duration::from_secs(500)), Some((3.0, false)));
        assert_eq!(percent_of(&task(None), None, Duration::from_secs(5)), None);
        assert_eq!(percent_of(&task(Some(0)), None, Duration::from_secs(5)), None);
    }
}
