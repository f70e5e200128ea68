//! Guests that are not to be touched by mistake: by their tags, and by Proxmox's own `protection`.

use crate::fault::Fault;
use crate::guard::Item;

/// What the context says about tags.
#[derive(Debug, Clone, Default)]
pub struct TagRules {
    /// Guests with one of these refuse what would hurt them.
    pub protected: Vec<String>,
    /// Where there is one, guests without it are not ours to stop or delete.
    pub managed: Option<String>,
}

/// What hurts a guest, as far as the tag guards are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hurt {
    Stop,
    Delete,
    Rollback,
    Overwrite,
    /// Takes a tag or `protection` away that guards it.
    Unguard,
}

/// What is known of a guest's tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Tags(Vec<String>),
    /// They cannot be read, and count as protected.
    Unreadable,
}

impl TagRules {
    /// Why an item must not run; `None` where nothing guards it.
    pub(super) fn refusal(&self, item: &Item) -> Option<Fault> {
        let (hurt, known) = item.hurts.as_ref()?;
        let target = &item.target;
        let hint = "--force passes this guard once, for those who know what they do";
        if *hurt == Hurt::Unguard {
            return Some(Fault::refused(format!("{target}: this takes away what guards it")).with_hint(hint));
        }
        let tags = match known {
            Known::Unreadable => {
                return Some(Fault::refused(format!("{target}: its tags cannot be read, so it counts as protected")).with_hint(hint));
            }
            Known::Tags(tags) => tags,
        };
        if let Some(tag) = tags.iter().find(|tag| self.protected.contains(tag)) {
            return Some(Fault::refused(format!("{target} is tagged '{tag}': it refuses {}", item.action)).with_hint(hint));
        }
        match &self.managed {
            Some(managed) if matches!(hurt, Hurt::Stop | Hurt::Delete) && !tags.contains(managed) => Some(
                Fault::refused(format!("{target} is not tagged '{managed}': it is not managed from here, and refuses {}", item.action))
                    .with_hint(hint),
            ),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Target;

    fn refusal(rules: &TagRules, hurt: Hurt, tags: &[&str]) -> Option<String> {
        let target = Target { vmid: Some(101), ..Target::default() };
        let known = Known::Tags(tags.iter().map(|t| (*t).to_owned()).collect());
        rules.refusal(&Item::new("stop", target).hurts(hurt, known)).map(|fault| fault.message)
    }

    #[test]
    fn protected_and_unmanaged_guests_refuse() {
        let rules = TagRules { protected: vec!["production".into()], managed: Some("felhom".into()) };
        assert_eq!(refusal(&rules, Hurt::Stop, &["production", "felhom"]).as_deref(), Some("101 is tagged 'production': it refuses stop"));
        assert!(refusal(&rules, Hurt::Delete, &["web"]).is_some_and(|m| m.contains("not managed")));
        assert_eq!(refusal(&rules, Hurt::Rollback, &["web"]), None);
        assert_eq!(refusal(&rules, Hurt::Stop, &["felhom"]), None);
        assert_eq!(refusal(&TagRules::default(), Hurt::Stop, &[]), None);
    }
}
