//! A list to choose from, filtered by typing.

use console::{Key, Term};

use super::{clean, failed, interrupted};
use crate::fault::Result;
use crate::ui::table::shorten;

/// Maximum number of options on screen.
const SHOWN: usize = 10;

pub(super) fn ask(question: &str, options: &[String]) -> Result<Option<usize>> {
    let term = Term::stderr();
    let color = console::colors_enabled_stderr();
    let mut picker = Picker::new(question, options);
    let mut drawn = 0;
    let done = loop {
        let (height, width) = term.size_checked().unwrap_or((24, 80));
        // Reserve lines for the question, the help and the cursor.
        picker.shown = usize::from(height).saturating_sub(3).clamp(1, SHOWN);
        let lines = picker.lines(usize::from(width).saturating_sub(1));
        let painted = lines
            .iter()
            .enumerate()
            .map(|(at, line)| if color && at == picker.row() { format!("\u{1b}[36m{line}\u{1b}[0m") } else { line.clone() });
        let text: String = painted.collect::<Vec<_>>().join("\n");
        let redraw = term.clear_last_lines(drawn).and_then(|()| term.write_line(&text));
        redraw.map_err(|e| failed(&e))?;
        drawn = lines.len();
        match term.read_key_raw() {
            Ok(key) => match picker.press(&key) {
                Pressed::On => {}
                Pressed::Chosen(chosen) => break Ok(chosen),
                Pressed::Interrupted => break Err(interrupted()),
            },
            Err(e) => break Err(failed(&e)),
        }
    };
    let _ = term.clear_last_lines(drawn);
    if let Ok(Some(chosen)) = &done {
        let _ = term.write_line(&format!("{question}: {}", clean::line(&options[*chosen])));
    }
    done
}

struct Picker {
    question: String,
    options: Vec<String>,
    filter: String,
    /// Index among the matching options.
    at: usize,
    shown: usize,
}

#[derive(Debug, PartialEq)]
enum Pressed {
    On,
    Chosen(Option<usize>),
    Interrupted,
}

impl Picker {
    fn new(question: &str, options: &[String]) -> Self {
        let options = options.iter().map(|o| clean::line(o).into_owned()).collect();
        Self { question: question.to_owned(), options, filter: String::new(), at: 0, shown: SHOWN }
    }

    /// Returns the options that contain every typed word.
    fn matching(&self) -> Vec<usize> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let fits = |option: &str| {
            let option = option.to_lowercase();
            words.iter().all(|word| option.contains(word.as_str()))
        };
        (0..self.options.len()).filter(|at| fits(&self.options[*at])).collect()
    }

    fn press(&mut self, key: &Key) -> Pressed {
        let matching = self.matching();
        let last = matching.len().saturating_sub(1);
        match key {
            Key::Enter => match matching.get(self.at) {
                Some(option) => return Pressed::Chosen(Some(*option)),
                None => return Pressed::On,
            },
            Key::Escape => return Pressed::Chosen(None),
            Key::CtrlC | Key::Char('\u{3}') => return Pressed::Interrupted,
            Key::ArrowUp => self.at = self.at.checked_sub(1).unwrap_or(last),
            Key::ArrowDown | Key::Tab => self.at = if self.at >= last { 0 } else { self.at + 1 },
            Key::PageUp => self.at = self.at.saturating_sub(self.shown),
            Key::PageDown => self.at = (self.at + self.shown).min(last),
            Key::Home => self.at = 0,
            Key::End => self.at = last,
            Key::Backspace => {
                self.filter.pop();
                self.at = 0;
            }
            Key::Char(c) if !c.is_control() => {
                self.filter.push(*c);
                self.at = 0;
            }
            _ => {}
        }
        Pressed::On
    }

    fn first_shown(&self) -> usize {
        self.at.saturating_sub(self.shown - 1)
    }

    /// Returns the index of the selected line.
    fn row(&self) -> usize {
        1 + self.at - self.first_shown()
    }

    fn lines(&self, width: usize) -> Vec<String> {
        let matching = self.matching();
        let mut lines = vec![format!("{}: {}", self.question, self.filter)];
        for (at, option) in matching.iter().enumerate().skip(self.first_shown()).take(self.shown) {
            lines.push(format!("{} {}", if at == self.at { ">" } else { " " }, self.options[*option]));
        }
        lines.push(match matching.len() {
            0 => "  nothing matches; Backspace widens, Esc leaves".to_owned(),
            n if n > self.shown => format!("  {n} in all; type to narrow, Esc leaves"),
            _ => "  Enter takes it, Esc leaves".to_owned(),
        });
        lines.iter().map(|line| shorten(line, width.max(1))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picker() -> Picker {
        let options: Vec<String> = (101..=130).map(|n| format!("{n}  web{n}")).chain(["200  db\u{1b}[2J".to_owned()]).collect();
        Picker::new("Guest", &options)
    }

    fn press(picker: &mut Picker, text: &str) {
        for c in text.chars() {
            assert_eq!(picker.press(&Key::Char(c)), Pressed::On);
        }
    }

    #[test]
    fn typing_narrows_and_enter_takes() {
        let mut picker = picker();
        press(&mut picker, "WEB 12");
        assert_eq!(picker.matching().len(), 11);
        picker.press(&Key::ArrowDown);
        assert_eq!(picker.press(&Key::Enter), Pressed::Chosen(Some(19)));
        press(&mut picker, "xx");
        assert_eq!(picker.press(&Key::Enter), Pressed::On);
        assert_eq!(picker.lines(80).len(), 2);
        picker.press(&Key::Backspace);
        picker.press(&Key::Backspace);
        assert_eq!(picker.press(&Key::Enter), Pressed::Chosen(Some(11)));
    }

    #[test]
    fn moving_goes_round_and_stays_in_view() {
        let mut picker = picker();
        picker.press(&Key::ArrowUp);
        assert_eq!(picker.press(&Key::Enter), Pressed::Chosen(Some(30)));
        assert_eq!(picker.lines(80)[picker.row()], "> 200  db");
        picker.press(&Key::ArrowDown);
        assert_eq!(picker.lines(80)[picker.row()], "> 101  web101");
        for _ in 0..12 {
            picker.press(&Key::ArrowDown);
        }
        assert_eq!(picker.lines(80)[picker.row()], "> 113  web113");
        assert_eq!(picker.lines(80).len(), SHOWN + 2);
        picker.shown = 2;
        assert_eq!(picker.lines(80)[1..3], ["  112  web112", "> 113  web113"]);
        assert_eq!(picker.row(), 2);
        assert!(picker.lines(7).iter().all(|l| console::measure_text_width(l) <= 7));
    }

    #[test]
    fn leaving() {
        assert_eq!(picker().press(&Key::Escape), Pressed::Chosen(None));
        assert_eq!(picker().press(&Key::CtrlC), Pressed::Interrupted);
        assert_eq!(Picker::new("Guest", &[]).press(&Key::Enter), Pressed::On);
    }
}
