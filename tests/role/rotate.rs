//! A fresh token without a gap, and taking everything away again.

use felhom::demo::state::Subject;

use super::support::{Fresh, texts, token, user};

#[test]
fn the_tokens_take_turns_and_the_old_one_goes_last() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh.as_admin(&["role", "rotate"]).fails(3).says("--yes");
    let rotated = fresh
        .as_admin(&["role", "rotate", "--yes", "-o", "json"])
        .ok()
        .says("felhom@pve!agent-b took the place of felhom@pve!agent")
        .json();
    assert_eq!((rotated[0]["token_id"].as_str(), rotated[0]["status"].as_str()), (Some("felhom@pve!agent-b"), Some("ok")));
    assert!(fresh.config().contains("felhom@pve!agent-b"), "{}", fresh.config());
    let names: Vec<String> = fresh.host.with_state(|state| state.access.users["felhom@pve"].tokens.keys().cloned().collect()).unwrap();
    assert!(names.contains(&"agent-b".to_owned()) && !names.contains(&"agent".to_owned()), "{names:?}");
    assert_eq!(fresh.stored().len(), 1, "the old secret is forgotten");
    fresh.felhom(&["guest", "list"]).ok();
    // The proof came before the end of the old one.
    let calls: Vec<String> =
        fresh.host.requests().iter().map(|r| format!("{} {} {}", r.method, r.path, r.who.clone().unwrap_or_default())).collect();
    let at = |text: &str| calls.iter().rposition(|call| call == text).unwrap_or_else(|| panic!("{text}: {calls:#?}"));
    assert!(at("GET /access/permissions felhom@pve!agent-b") < at("DELETE /access/users/felhom@pve/token/agent root@pam!rig"));
    fresh.as_admin(&["role", "rotate", "--yes"]).ok();
    assert_eq!(fresh.roles_of(&token("agent"), "/"), ["FelhomAgent"]);
    fresh.felhom(&["guest", "list"]).ok();
    assert_eq!(fresh.bootstrap(&[]).ok().stdout, "nothing to do\n");
}

#[test]
fn a_rotation_that_fails_leaves_the_old_token_at_work() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh.host.inject("PUT /access/acl 500:no x1".parse().unwrap());
    let run = fresh.as_admin(&["role", "rotate", "--yes"]);
    assert_ne!(run.code, 0);
    fresh.felhom(&["guest", "list"]).ok();
    // The second try uses the token that is left over.
    fresh.as_admin(&["role", "rotate", "--yes"]).ok();
    fresh.felhom(&["guest", "list"]).ok();
}

#[test]
fn a_token_that_has_ended_is_not_followed_by_one_that_has() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh
        .host
        .with_state(|state| state.access.users.get_mut("felhom@pve").unwrap().tokens.get_mut("agent").unwrap().expire = 1_000_000_000)
        .unwrap();
    fresh.as_admin(&["role", "rotate", "--yes"]).fails(2).says("--expire DATE");
    fresh.as_admin(&["role", "rotate", "--yes", "--expire", "2001-01-01"]).fails(2).says("that is past");
    fresh.as_admin(&["role", "rotate", "--yes", "--expire", "2100-01-01T00:00:00Z"]).ok();
    let end = fresh.host.with_state(|s| s.access.users["felhom@pve"].tokens["agent-b"].expire).unwrap();
    assert_eq!(end, 4_102_444_800);
    fresh.felhom(&["guest", "list"]).ok();
    // The next one ends with it, unless it is told otherwise.
    fresh.as_admin(&["role", "rotate", "--yes"]).ok();
    let end = fresh.host.with_state(|s| s.access.users["felhom@pve"].tokens["agent"].expire).unwrap();
    assert_eq!(end, 4_102_444_800);
}

#[test]
fn revoke_takes_what_bootstrap_made_in_order() {
    let fresh = Fresh::new();
    fresh.host.with_state(|state| state.access.users.remove("felhom@pve")).unwrap();
    fresh.bootstrap(&[]).ok();
    let plan = fresh.as_admin(&["role", "revoke", "--plan=pveum"]).ok();
    let words: Vec<&str> = plan.lines().iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(words[..5], ["acl", "acl", "user", "user", "role"], "{plan}");
    fresh.as_admin(&["role", "revoke"]).fails(3).says("--confirm");
    fresh.as_admin(&["role", "revoke", "--confirm", "felhom@pve!agent"]).ok();
    let left = fresh.host.with_state(|s| (s.access.users.contains_key("felhom@pve"), s.access.roles.len(), s.access.acl.len())).unwrap();
    assert_eq!(left, (false, 0, 0));
    assert!(fresh.stored().is_empty() && !fresh.config().contains("token_id"), "{}", fresh.config());
}

#[test]
fn revoke_leaves_what_others_use() {
    let fresh = Fresh::new();
    fresh.bootstrap(&[]).ok();
    fresh.grant("/vms/103", user(), "PVEAuditor");
    let run = fresh.as_admin(&["role", "revoke", "--confirm", "felhom@pve!agent", "-o", "json"]).ok();
    let stays = texts(&run.json()[0]["stays"]);
    // The baseline's own user was there before.
    assert_eq!(stays, ["user felhom@pve: not created by bootstrap"]);
    assert_eq!(fresh.roles_of(&user(), "/vms/103"), ["PVEAuditor"]);
    assert!(fresh.roles_of(&user(), "/").is_empty());
}

#[test]
fn revoke_takes_nothing_whose_other_uses_it_cannot_see() {
    let fresh = Fresh::new();
    fresh.host.with_state(|state| state.access.users.remove("felhom@pve")).unwrap();
    fresh.bootstrap(&[]).ok();
    fresh.grant("/vms/103", user(), "PVEAuditor");
    // May change users, and sees no entry of the access control list.
    let nobody = [Subject::User("nobody@pve".into()), Subject::Token("nobody@pve!tok".into())];
    nobody.into_iter().for_each(|who| fresh.grant("/access", who, "PVEUserAdmin"));
    let secret = fresh.write("tok.secret", &fresh.host.secret("nobody@pve!tok"));
    let secret = format!("file:{}", secret.display());
    let words = ["role", "revoke", "--confirm", "felhom@pve!agent", "--admin-token", "nobody@pve!tok", "--admin-secret", &secret];
    let run = fresh.felhom(&[&words[..], &["-o", "json"]].concat()).ok();
    let stays = texts(&run.json()[0]["stays"]);
    assert!(matches!(&stays[..], [one] if one.starts_with("user felhom@pve: ") && one.contains("Sys.Audit on /access")), "{stays:?}");
    assert_eq!(fresh.roles_of(&user(), "/vms/103"), ["PVEAuditor"]);
    assert!(fresh.host.with_state(|state| state.access.users["felhom@pve"].tokens.is_empty()).unwrap());
}
