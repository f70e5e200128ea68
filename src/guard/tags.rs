//! Tags that protect guests from being stopped or deleted.

use crate::config::Context;
use crate::fault::Fault;
use crate::guard::{Rules, Target};

/// Tags that protect guests, and the tag of guests that felhom may stop and delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRules {
    pub protected: Vec<String>,
    pub managed: Option<String>,
}

impl Default for TagRules {
    fn default() -> Self {
        Self { protected: vec!["protected".into(), "production".into()], managed: None }
    }
}

impl TagRules {
    /// Returns the tags of a context, with defaults for protected tags.
    pub fn of(context: &Context) -> Self {
        let usual = Self::default();
        Self {
            protected: if context.protected_tags.is_empty() { usual.protected } else { context.protected_tags.clone() },
            managed: context.managed_tag.clone(),
        }
    }

    fn guards(&self, tag: &str) -> bool {
        self.protected.iter().any(|one| one == tag) || self.managed.as_deref() == Some(tag)
    }
}

/// The kind of change that tags may forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardedAction {
    Stop,
    Shutdown,
    Reboot,
    Delete,
    Rollback,
    Overwrite,
}

impl GuardedAction {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Shutdown => "shut down",
            Self::Reboot => "reboot",
            Self::Delete => "delete",
            Self::Rollback => "roll back",
            Self::Overwrite => "overwrite",
        }
    }

    /// Whether only managed guests may be stopped and deleted.
    fn needs_managed(self) -> bool {
        matches!(self, Self::Stop | Self::Shutdown | Self::Delete | Self::Overwrite)
    }
}

/// Returns why the guest's tags forbid it. `tags` is `None` if they could not be read, which counts as protected.
pub fn refusal(
    rules: &Rules,
    tag_rules: &TagRules,
    guest: &Target,
    tags: Option<&[String]>,
    guarded_action: GuardedAction,
) -> Option<Fault> {
    if rules.force {
        return None;
    }
    let word = guarded_action.word();
    let Some(tags) = tags else {
        return Some(
            Fault::refused(format!("refusing to {word} {guest}: its tags cannot be read, so it counts as protected"))
                .with_hint("grant VM.Audit on the guest to read its tags, or add --force"),
        );
    };
    if let Some(tag) = tags.iter().find(|tag| tag_rules.protected.contains(tag)) {
        return Some(
            Fault::refused(format!("refusing to {word} {guest}: it is tagged '{tag}'"))
                .with_hint("add --force to change it once; --plan shows what would be done"),
        );
    }
    match &tag_rules.managed {
        Some(managed) if guarded_action.needs_managed() && !tags.contains(managed) => {
            Some(Fault::refused(format!("refusing to {word} {guest}: it lacks the managed tag '{managed}'")).with_hint(format!(
                "add the tag with `felhom guest tag add {guest_id} {managed}`, or add --force to change the guest once",
                guest_id = guest.vmid.map(|v| v.to_string()).unwrap_or_default()
            )))
        }
        _ => None,
    }
}

/// Returns why protection cannot be removed: protected tags (`before`, `after`), or the guest's own `protection` (`unprotects`).
pub fn taken_away(
    rules: &Rules,
    tag_rules: &TagRules,
    guest: &Target,
    before: &[String],
    after: &[String],
    unprotects: bool,
) -> Option<Fault> {
    if rules.force {
        return None;
    }
    let hint = "it guards this guest against being stopped or deleted by mistake; --force takes it away";
    if unprotects {
        return Some(Fault::refused(format!("refusing to switch off the protection of {guest}")).with_hint(hint));
    }
    let tag = before.iter().find(|tag| tag_rules.guards(tag) && !after.contains(tag))?;
    Some(Fault::refused(format!("refusing to remove the tag '{tag}' from {guest}")).with_hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web() -> Target {
        Target { vmid: Some(101), name: Some("web".into()), ..Target::default() }
    }

    fn tags(list: &[&str]) -> Vec<String> {
        list.iter().map(|tag| (*tag).to_owned()).collect()
    }

    #[test]
    fn protected_and_unread_tags_refuse_and_force_passes() {
        let (rules, set) = (Rules::default(), TagRules::default());
        let why = |list: Option<&[&str]>, guarded_action| {
            let list = list.map(tags);
            refusal(&rules, &set, &web(), list.as_deref(), guarded_action).map(|fault| fault.message)
        };
        assert_eq!(
            why(Some(&["a", "production"]), GuardedAction::Stop).as_deref(),
            Some("refusing to stop 101 (web): it is tagged 'production'")
        );
        assert!(why(None, GuardedAction::Rollback).is_some_and(|text| text.contains("counts as protected")));
        assert_eq!(why(Some(&["prod"]), GuardedAction::Delete), None);
        let forced = Rules { force: true, ..Rules::default() };
        assert!(refusal(&forced, &set, &web(), None, GuardedAction::Delete).is_none());
    }

    #[test]
    fn with_a_managed_tag_only_those_that_have_it_are_stopped_or_deleted() {
        let set = TagRules { managed: Some("felhom".into()), ..TagRules::default() };
        let asks = |list: &[&str], guarded_action| refusal(&Rules::default(), &set, &web(), Some(&tags(list)), guarded_action).is_some();
        assert!(asks(&["other"], GuardedAction::Stop) && asks(&[], GuardedAction::Delete));
        assert!(!asks(&["felhom"], GuardedAction::Stop) && !asks(&[], GuardedAction::Reboot));
    }

    #[test]
    fn a_guard_is_not_taken_away_by_the_way() {
        let set = TagRules { managed: Some("felhom".into()), ..TagRules::default() };
        let asks =
            |before: &[&str], after: &[&str], off| taken_away(&Rules::default(), &set, &web(), &tags(before), &tags(after), off).is_some();
        assert!(asks(&["protected", "a"], &["a"], false) && asks(&["felhom"], &[], false) && asks(&[], &[], true));
        assert!(!asks(&["protected", "a"], &["protected"], false));
    }
}
