//! Results of changes to the configuration.

use serde::Serialize;

use crate::cli::Ctx;
use crate::fault::Result;
use crate::ops::context::LoginInfo;
use crate::ui::{Cell, Format, Record};

use super::view::View;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Add,
    Use,
    Edit,
    Remove,
    Trust,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    Unchanged,
    Planned,
}

/// The result of a command that changes felhom's configuration.
#[derive(Debug, Serialize)]
pub struct Changed {
    pub context: Option<String>,
    pub action: Action,
    pub status: Status,
    /// The changes, one sentence each.
    pub changed: Vec<String>,
    /// The context after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<View>,
    /// The host's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<LoginInfo>,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Use => "use",
            Self::Edit => "edit",
            Self::Remove => "remove",
            Self::Trust => "trust",
        }
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unchanged => "unchanged",
            Self::Planned => "planned",
        }
    }
}

impl Changed {
    pub fn new(action: Action, context: Option<&str>) -> Self {
        Self { context: context.map(str::to_owned), action, status: Status::Ok, changed: Vec::new(), settings: None, proof: None }
    }

    pub fn and(&mut self, what: impl Into<String>) {
        self.changed.push(what.into());
    }

    /// Prints sentences as text, the record as JSON.
    pub fn show(mut self, ctx: &Ctx) -> Result<()> {
        if self.changed.is_empty() && self.status == Status::Ok {
            self.status = Status::Unchanged;
        }
        if ctx.out.format() != Format::Table || ctx.out.options().columns.is_some() {
            return ctx.out.one(&self);
        }
        let then = if self.status == Status::Planned { "then " } else { "" };
        let mut text: String = self.changed.iter().map(|line| format!("{then}{line}\n")).collect();
        if self.status != Status::Ok {
            text.push_str("nothing was changed\n");
        }
        ctx.out.text(&text)
    }
}

impl Record for Changed {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("context", Cell::maybe(self.context.clone(), Cell::Text)),
            ("action", Cell::text(self.action.word())),
            ("status", Cell::text(self.status.word())),
            ("changed", Cell::List(self.changed.clone())),
        ]
    }

    fn id(&self) -> String {
        self.context.clone().unwrap_or_default()
    }
}
