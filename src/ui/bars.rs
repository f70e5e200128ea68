//! Progress bars on a terminal: one line per task, redrawn in place.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::clean;
use super::progress::{ending, percent_of};
use super::table::{measure, paint, shorten};
use super::units;
use crate::task::{Step, Watched};

/// Shorter tasks get no bar.
const PATIENCE: Duration = Duration::from_millis(250);
const TICK: Duration = Duration::from_millis(120);
/// Columns of the spinner.
const SPINNER: usize = 2;

pub(super) struct Bars {
    multi: MultiProgress,
    color: bool,
    /// The longest label so far, to align the bars.
    widest: Arc<AtomicUsize>,
    tasks: Mutex<HashMap<String, Bar>>,
}

struct Bar {
    began: Instant,
    state: Arc<Mutex<State>>,
    /// The drawn bar, or `None` before the first drawing.
    drawn: Option<ProgressBar>,
}

/// The content of a line. Read at each redraw, so that the elapsed time advances between steps.
#[derive(Debug, Clone)]
struct State {
    task: Watched,
    percent: Option<f64>,
    /// The task's age at that moment.
    elapsed: (Duration, Instant),
    line: String,
    color: bool,
    widest: Arc<AtomicUsize>,
}

impl Bars {
    pub(super) fn new(multi: MultiProgress, color: bool) -> Self {
        Self { multi, color, widest: Arc::default(), tasks: Mutex::default() }
    }

    pub(super) fn begin(&self, task: &Watched) {
        let now = Instant::now();
        self.widest.fetch_max(measure(&clean::line(&task.label)), Ordering::Relaxed);
        let state = State {
            task: task.clone(),
            percent: None,
            elapsed: (Duration::ZERO, now),
            line: String::new(),
            color: self.color,
            widest: Arc::clone(&self.widest),
        };
        self.lock().insert(task.upid.to_string(), Bar { began: now, state: Arc::new(Mutex::new(state)), drawn: None });
    }

    pub(super) fn step(&self, task: &Watched, step: &Step<'_>) {
        let mut tasks = self.lock();
        let Some(bar) = tasks.get_mut(&task.upid.to_string()) else { return };
        {
            let mut state = bar.state.lock().unwrap_or_else(PoisonError::into_inner);
            // Keep the last percentage if a line has none.
            state.percent = step.percent.or(state.percent);
            state.elapsed = (step.elapsed, Instant::now());
            if let Some(line) = step.last_line {
                state.line = clean::line(line.trim()).into_owned();
            }
        }
        if bar.drawn.is_none() && bar.began.elapsed() >= PATIENCE {
            let drawn = self.multi.add(ProgressBar::new_spinner().with_style(style(&bar.state)));
            drawn.tick();
            drawn.enable_steady_tick(TICK);
            bar.drawn = Some(drawn);
        }
    }

    pub(super) fn note(&self, text: &str) {
        let text = clean::line(text).into_owned();
        self.print(&text);
    }

    /// Removes the bar, and prints a line if it was drawn.
    pub(super) fn end(&self, task: &Watched, exitstatus: &str, good: bool) {
        let Some(bar) = self.lock().remove(&task.upid.to_string()) else { return };
        let Some(drawn) = bar.drawn else { return };
        drawn.finish_and_clear();
        self.multi.remove(&drawn);
        let elapsed = bar.state.lock().unwrap_or_else(PoisonError::into_inner).running();
        let (mark, code) = if good { ("✓", "32") } else { ("✗", "31") };
        let mark = if self.color { paint(mark, code) } else { mark.to_owned() };
        let ending = if good && exitstatus == "OK" { String::new() } else { format!("  {}", ending(exitstatus, good)) };
        let text = format!("{}  {}{ending}", task.label, units::seconds(elapsed.as_secs()));
        self.print(&format!("{mark} {}", clean::line(&text)));
    }

    /// Prints a line above the bars.
    fn print(&self, line: &str) {
        // A failed write to stderr cannot be reported anywhere.
        let _ = self.multi.println(line);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Bar>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bars {
    /// Clears half-drawn lines after an interrupted wait.
    fn drop(&mut self) {
        for bar in self.lock().drain().filter_map(|(_, bar)| bar.drawn) {
            bar.finish_and_clear();
        }
    }
}

fn style(state: &Arc<Mutex<State>>) -> ProgressStyle {
    let state = Arc::clone(state);
    let template = ProgressStyle::with_template("{spinner} {line}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    template.with_key("line", move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let width = console::Term::stderr().size_checked().map_or(80, |(_, width)| usize::from(width));
        // Leave the last column free: some terminals wrap when it is filled.
        let _ = out.write_str(&state.draw(width.saturating_sub(SPINNER + 1)));
    })
}

impl State {
    fn running(&self) -> Duration {
        self.elapsed.0 + self.elapsed.1.elapsed()
    }

    fn draw(&self, width: usize) -> String {
        let elapsed = self.running();
        let percent = percent_of(&self.task, self.percent, elapsed);
        let mut tail = String::new();
        if let Some((percent, estimated)) = percent {
            let _ = write!(tail, "{:>4}  ", format!("{}{percent:.0}%", if estimated { "~" } else { "" }));
        }
        tail.push_str(&units::seconds(elapsed.as_secs()));
        // On a narrow terminal, drop the log line first, then the bar, then the end of the label.
        let gauge = percent.filter(|_| width >= 50).map(|(percent, _)| gauge(percent, (width / 5).min(24)));
        let fixed = measure(&tail) + 2 + gauge.as_ref().map_or(0, |g| measure(g) + 2);
        let room = width.saturating_sub(fixed).max(1);
        let mut line = shorten(&clean::line(&self.task.label), room);
        line.push_str(&" ".repeat(self.widest.load(Ordering::Relaxed).min(room).saturating_sub(measure(&line))));
        for part in gauge.iter().chain([&tail]) {
            line.push_str("  ");
            line.push_str(part);
        }
        let line = shorten(&line, width);
        let left = width.saturating_sub(measure(&line) + 2);
        if left < 12 || self.line.is_empty() {
            return line;
        }
        let log = shorten(&self.line, left);
        format!("{line}  {}", if self.color { paint(&log, "2") } else { log })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of at most 24 columns")]
fn gauge(percent: f64, width: usize) -> String {
    let full = ((percent.clamp(0.0, 100.0) / 100.0 * width as f64).round() as usize).min(width);
    "█".repeat(full) + &"░".repeat(width - full)
}

#[cfg(test)]
mod tests {
    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;
    use crate::interrupt::Interrupt;

    /// A terminal that records its output.
    #[derive(Debug, Clone, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn seen(&self) -> String {
            console::strip_ansi_codes(&self.0.lock().unwrap()).into_owned()
        }

        fn put(&self, text: &str) -> std::io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.put(text)?;
            self.put("\n")
        }
        fn write_str(&self, text: &str) -> std::io::Result<()> {
            self.put(text)
        }
        fn clear_line(&self) -> std::io::Result<()> {
            self.put("<clear>")
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn task(label: &str, expected: Option<u64>) -> Watched {
        let upid = "UPID:pve1:0000C530:001ABCDE:6920A000:vzdump:101:root@pam:".parse().unwrap();
        Watched { upid, label: label.into(), expected: expected.map(Duration::from_secs) }
    }

    fn bars() -> (Bars, Screen) {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 200);
        (Bars::new(MultiProgress::with_draw_target(target), false), screen)
    }

    fn step(line: &str) -> Step<'_> {
        Step { percent: Some(40.0), elapsed: Duration::from_secs(7), last_line: Some(line) }
    }

    #[test]
    fn a_short_task_is_not_drawn() {
        let (bars, screen) = bars();
        let task = task("start of 101", None);
        bars.begin(&task);
        bars.step(&task, &step("x"));
        bars.end(&task, "OK", true);
        assert_eq!(screen.seen(), "");
    }

    #[test]
    fn a_long_one_is_and_leaves_a_line() {
        let (bars, screen) = bars();
        let task = task("backup of 101 (web)", None);
        bars.begin(&task);
        Interrupt::never().unwrap().wait(PATIENCE + Duration::from_millis(20)).unwrap();
        bars.step(&task, &step("INFO: \u{1b}[2J40% done"));
        bars.note("the host does not answer");
        assert!(screen.seen().contains("backup of 101 (web)  ██████░░░░░░░░░   40%  7s  INFO: 40% done"), "{}", screen.seen());
        assert!(screen.seen().contains("the host does not answer "), "{}", screen.seen());
        bars.end(&task, "job errors", false);
        assert!(screen.seen().contains("✗ backup of 101 (web)  7s  failed: job errors "), "{}", screen.seen());
        assert!(!screen.0.lock().unwrap().contains("\u{1b}[2J"));
    }

    #[test]
    fn lines_fit_any_width() {
        for label in ["", "backup of 101 (web)", "日本".repeat(20).as_str()] {
            for percent in [None, Some(0.0), Some(55.5), Some(100.0)] {
                for expected in [None, Some(60)] {
                    let state = State {
                        task: task(label, expected),
                        percent,
                        elapsed: (Duration::from_secs(3700), Instant::now()),
                        line: "INFO: a log line of some length, 日本".repeat(5),
                        color: false,
                        widest: Arc::new(30.into()),
                    };
                    for width in 1..160 {
                        let line = state.draw(width);
                        assert!(measure(&line) <= width, "{width}: {line}");
                    }
                }
            }
        }
    }

    #[test]
    fn estimates_are_marked() {
        let state = |percent, expected| State {
            task: task("x", expected),
            percent,
            elapsed: (Duration::from_secs(30), Instant::now()),
            line: String::new(),
            color: false,
            widest: Arc::new(3.into()),
        };
        assert_eq!(state(None, Some(60)).draw(40), "x    ~50%  30s");
        assert_eq!(state(Some(12.4), Some(60)).draw(40), "x     12%  30s");
        assert_eq!(state(None, None).draw(40), "x    30s");
        assert_eq!(state(Some(50.0), None).draw(50), "x    █████░░░░░   50%  30s");
    }
}
