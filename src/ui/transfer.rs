//! Progress of uploads: a bar per file on a terminal, lines in a log.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use super::progress::mode;
use super::sink::Sink;
use super::table::{measure, shorten};
use super::{Out, ProgressMode, clean, json as text, units};
use crate::api::Attachment;

/// Interval between two drawings.
const TICK: Duration = Duration::from_millis(100);
/// Interval between two lines of a log.
const EVERY: Duration = Duration::from_secs(30);
/// Columns of a name.
const NAME: usize = 30;

/// Shows uploads until it is dropped.
pub struct Transfers {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Out {
    /// Shows these uploads, as selected by `--progress`.
    pub fn transfers(&self, files: &[Attachment]) -> Transfers {
        let kind = match mode(self.options(), &self.screen) {
            ProgressMode::Bar => Kind::Bars(self.bars()),
            ProgressMode::Plain => Kind::Lines { sink: self.stderr.clone(), json: false },
            ProgressMode::Json => Kind::Lines { sink: self.stderr.clone(), json: true },
            ProgressMode::Auto | ProgressMode::None => return Transfers { stop: None, thread: None },
        };
        let mut shown: Vec<Shown> = files.iter().map(|file| Shown::new(file.clone())).collect();
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                shown.iter_mut().for_each(|one| one.show(&kind));
            }
            shown.iter_mut().for_each(Shown::clear);
        });
        Transfers { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the drawing thread has been reported already.
            let _ = thread.join();
        }
    }
}

enum Kind {
    Bars(MultiProgress),
    Lines { sink: Sink, json: bool },
}

struct Shown {
    file: Attachment,
    /// When the first byte was sent.
    began: Option<Instant>,
    said: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl Shown {
    fn new(file: Attachment) -> Self {
        Self { file, began: None, said: None, bar: None }
    }

    fn show(&mut self, kind: &Kind) {
        let sent = self.file.sent();
        if sent == 0 {
            return;
        }
        if sent == self.file.size {
            return self.clear();
        }
        let elapsed = self.began.get_or_insert_with(Instant::now).elapsed();
        match kind {
            Kind::Bars(multi) => {
                let width = console::Term::stderr().size_checked().map_or(80, |(_, width)| usize::from(width));
                let bar = self.bar.get_or_insert_with(|| {
                    let style = ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
                    multi.add(ProgressBar::new_spinner().with_style(style))
                });
                bar.set_message(line(&self.file, sent, elapsed, width.saturating_sub(3)));
                bar.tick();
            }
            Kind::Lines { sink, json } => {
                if self.said.get_or_insert_with(Instant::now).elapsed() < EVERY {
                    return;
                }
                self.said = Some(Instant::now());
                let said = if *json {
                    text::compact(&json!({"event": "transfer", "file": self.file.name, "sent": sent, "size": self.file.size}))
                } else {
                    line(&self.file, sent, elapsed, 200) + "\n"
                };
                // A failed write to stderr cannot be reported anywhere.
                let _ = sink.write(said.as_bytes());
            }
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

/// `debian-13.iso   42 %  1.2 GiB of 2.9 GiB  110 MiB/s  16s left`
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole percents and seconds are shown"
)]
fn line(file: &Attachment, sent: u64, elapsed: Duration, width: usize) -> String {
    let percent = sent as f64 / file.size.max(1) as f64 * 100.0;
    let mut text = shorten(&clean::line(&file.name), NAME);
    text.push_str(&format!("  {percent:>3.0} %  {} of {}", units::bytes(sent), units::bytes(file.size)));
    let rate = sent as f64 / elapsed.as_secs_f64().max(0.001);
    // The first moment says nothing about the rate.
    if elapsed >= Duration::from_millis(500) && rate >= 1.0 {
        let left = (file.size.saturating_sub(sent)) as f64 / rate;
        text.push_str(&format!("  {}/s  {} left", units::bytes(rate as u64), units::seconds(left as u64)));
    }
    if measure(&text) > width { shorten(&text, width) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_amount_rate_and_remaining_time_and_fits() {
        let file = Attachment::new("x".into(), "debian-13.iso".into(), 3 << 30);
        let text = line(&file, 1 << 30, Duration::from_secs(10), 100);
        assert_eq!(text, "debian-13.iso   33 %  1 GiB of 3 GiB  102.4 MiB/s  20s left");
        for width in 1..100 {
            assert!(measure(&line(&file, 1 << 30, Duration::from_secs(10), width)) <= width);
        }
    }
}
