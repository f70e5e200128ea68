//! Confirmation: yes or no for disruptive changes, a typed word for irreversible ones.

use crate::fault::{Fault, Result};
use crate::guard::{Change, Plan, Rules};
use crate::routes::Risk;
use crate::secret::Secret;

/// The terminal, if there is one.
pub trait Person: Send + Sync {
    /// Whether there is a terminal to ask on.
    fn present(&self) -> bool;
    /// Shows the preview.
    fn preview(&self, plan: &Plan);
    fn yes(&self, question: &str) -> Result<bool>;
    /// Asks to type `word`, and returns whether it was typed.
    fn types(&self, word: &str, question: &str) -> Result<bool>;
    /// Offers a list. Returns `None` if the question was cancelled.
    fn choose(&self, question: &str, options: &[String]) -> Result<Option<usize>>;
    /// Asks for a secret without echo.
    fn password(&self, question: &str) -> Result<Secret>;
    fn note(&self, text: &str);
    fn warn(&self, text: &str);
}

pub(super) fn confirm(change: &Change, plan: &Plan, rules: &Rules, person: &dyn Person) -> Result<()> {
    match change.risk() {
        Risk::Read | Risk::Safe => Ok(()),
        Risk::Disruptive => {
            if rules.yes {
                return Ok(());
            }
            if !person.present() {
                return Err(Fault::refused(format!(
                    "{}: this interrupts running guests{}, and there is no terminal to ask on",
                    change.summary,
                    touched(change)
                ))
                .with_hint("add --yes to answer the question; --plan shows what would be done"));
            }
            person.preview(plan);
            said(person.yes(&format!("{}?", change.summary))?)
        }
        Risk::Irreversible => {
            let words = change.words();
            if !rules.confirm.is_empty() {
                return matches(&rules.confirm, &words);
            }
            let word = words.join(",");
            if !person.present() {
                return Err(Fault::refused(format!(
                    "{}: this cannot be undone, and there is no terminal to confirm it on",
                    change.summary
                ))
                .with_hint(format!("add --confirm {word} (--yes is not enough); --plan shows what would be lost")));
            }
            person.preview(plan);
            said(person.types(&word, &format!("{}: this cannot be undone", change.summary))?)
        }
    }
}

/// Returns the affected objects as part of a sentence, if there are few.
fn touched(change: &Change) -> String {
    match change.items.iter().flat_map(|item| &item.impact.touches).collect::<Vec<_>>()[..] {
        [] | [_, _, _, ..] => String::new(),
        [one] => format!(" ({one})"),
        [one, other] => format!(" ({one}; {other})"),
    }
}

/// Returns an error if the answer was no.
pub fn said(yes: bool) -> Result<()> {
    if yes { Ok(()) } else { Err(Fault::refused("not confirmed: nothing was changed")) }
}

/// Checks that `--confirm` names exactly the resolved targets.
fn matches(given: &[String], words: &[String]) -> Result<()> {
    let mut given = given.to_vec();
    given.sort();
    given.dedup();
    if given == words {
        return Ok(());
    }
    Err(Fault::refused(format!("--confirm {} does not match the targets: {}", given.join(","), words.join(",")))
        .with_hint(format!("check --plan first, then add --confirm {}", words.join(","))))
}
