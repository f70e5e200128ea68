//! The person at the terminal, as the guard sees them.

use std::sync::Arc;

use crate::fault::Result;
use crate::guard::{Person, Plan};
use crate::secret::Secret;
use crate::ui::{Out, prompt};

use super::plan_view;

pub struct Terminal {
    out: Arc<Out>,
}

impl Terminal {
    pub fn new(out: Arc<Out>) -> Self {
        Self { out }
    }
}

impl Person for Terminal {
    fn present(&self) -> bool {
        prompt::present()
    }

    fn preview(&self, plan: &Plan) {
        for line in plan_view::lines(plan) {
            self.out.note(line);
        }
    }

    fn yes(&self, question: &str) -> Result<bool> {
        prompt::confirm(question, false)
    }

    fn types(&self, word: &str, question: &str) -> Result<bool> {
        prompt::typed(word, question)
    }

    fn choose(&self, question: &str, options: &[String]) -> Result<Option<usize>> {
        prompt::choose(question, options)
    }

    fn password(&self, question: &str) -> Result<Secret> {
        prompt::password(question)
    }

    fn note(&self, text: &str) {
        self.out.note(text);
    }

    fn warn(&self, text: &str) {
        self.out.warn(text);
    }
}
