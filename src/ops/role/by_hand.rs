//! Commands for root on the node to grant a privilege by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::measure::role_name;
use super::presets::PRESETS;
use super::sides::Sides;
use crate::api::access::Subject;

/// The host's roles with their privileges.
pub type Roles = BTreeMap<String, BTreeSet<String>>;

/// The commands: preparation, then the grant for token and user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// Removes `NoAccess`, which overrides other roles; creates the role, or adds missing privileges.
    pub first: Vec<String>,
    pub token: String,
    pub user: String,
}

/// Returns the commands that grant the privileges on a path. If the host's roles are unknown, felhom's are assumed to be complete.
pub fn by_hand(token_id: &str, privileges: &[&str], path: &str, roles: Option<&Roles>, sides: Option<&Sides>) -> ByHand {
    let name = role_with(privileges.first().copied().unwrap_or_default());
    let user = token_id.split('!').next().unwrap_or_default();
    let list = |subject: &Subject| sides.map_or_else(|| name.clone(), |sides| sides.roles_with(subject, path, &name).join(","));
    ByHand {
        first: sides
            .map(|sides| sides.no_access(path))
            .unwrap_or_default()
            .into_iter()
            .chain(complete_role(&name, privileges, roles))
            .collect(),
        token: format!("pveum acl modify {path} --tokens '{token_id}' --roles {}", list(&Subject::Token(token_id.to_owned()))),
        user: format!("pveum acl modify {path} --users '{user}' --roles {}", list(&Subject::User(user.to_owned()))),
    }
}

/// Returns the role to grant: of the first preset with this privilege, otherwise a role with this privilege only.
pub fn role_with(privilege: &str) -> String {
    let preset = PRESETS.iter().find(|preset| preset.privileges.contains(&privilege));
    preset.map_or_else(|| role_name(&[privilege.to_owned()]), |preset| preset.role.to_owned())
}

fn complete_role(name: &str, privileges: &[&str], roles: Option<&Roles>) -> Option<String> {
    let preset = PRESETS.iter().find(|preset| preset.role == name);
    if !name.starts_with("Felhom") {
        return None;
    }
    let Some(there) = roles.and_then(|roles| roles.get(name)) else {
        let known = roles.is_some();
        let all = preset.map_or_else(|| privileges.join(","), |preset| preset.privileges.join(","));
        return (known || preset.is_none()).then(|| format!("pveum role add {name} --privs {all}"));
    };
    let lacking: Vec<&str> = privileges.iter().copied().filter(|privilege| !there.contains(*privilege)).collect();
    (!lacking.is_empty()).then(|| format!("pveum role modify {name} --privs {} --append 1", lacking.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(privileges: &[&str], roles: Option<&Roles>) -> Option<String> {
        by_hand("felhom@pve!agent", privileges, "/", roles, None).first.pop()
    }

    #[test]
    fn a_missing_or_incomplete_role_is_completed_first() {
        let none = Roles::new();
        let thin = Roles::from([("FelhomAgent".to_owned(), ["VM.Audit".to_owned()].into())]);
        assert_eq!(role(&["VM.Audit"], None), None);
        assert!(role(&["VM.Audit"], Some(&none)).is_some_and(|line| line.starts_with("pveum role add FelhomAgent --privs VM.Allocate,")));
        assert_eq!(role(&["VM.Audit"], Some(&thin)), None);
        let lacks = role(&["VM.Backup", "VM.Audit", "VM.Snapshot"], Some(&thin));
        assert_eq!(lacks.as_deref(), Some("pveum role modify FelhomAgent --privs VM.Backup,VM.Snapshot --append 1"));
    }

    #[test]
    fn administrator_is_never_granted() {
        let by_hand = by_hand("felhom@pve!agent", &["Sys.Modify"], "/", None, None);
        assert_eq!(by_hand.first, ["pveum role add FelhomSysModify --privs Sys.Modify"]);
        assert_eq!(by_hand.token, "pveum acl modify / --tokens 'felhom@pve!agent' --roles FelhomSysModify");
        assert_eq!(role_with("VM.GuestAgent.Audit"), "FelhomAuditor");
    }
}
