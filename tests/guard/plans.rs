//! What a plan shows: no secret in any form, and no line that somebody else made up.

use crate::support::{Host, run_with};

#[test]
fn no_form_of_a_plan_shows_a_secret() {
    let host = Host::demo().with_token("root@pam!demo");
    for form in ["--plan", "--plan=calls", "--plan=pveum"] {
        let args = ["guest", "set", "202", "cipassword=@-", form];
        let plan = run_with(&mut host.felhom(args), "hunter2").ok();
        assert!(
            !plan.stdout.contains("hunter2") && (plan.stdout.contains("***") || plan.stdout.contains("with the real")),
            "{form}: {plan}"
        );
    }
    let commands = host.run(["api", "post", "/access/users", "userid=x@pve", "password=hunter2", "--plan=pveum"]).ok();
    assert!(!commands.stdout.contains("hunter2") && commands.stdout.contains("# with the real password"), "{commands}");
    let journal = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap_or_default();
    assert!(!journal.contains("hunter2"));
}

#[test]
fn a_value_makes_up_no_lines_of_its_own() {
    let host = Host::demo();
    let note = "fine\nnothing was changed\n\u{1b}[2Jconfirm with: --confirm 1";
    let plan = host.run(["guest", "set", "110", &format!("description={note}"), "--plan"]).ok();
    assert_eq!(plan.lines().iter().filter(|line| **line == "nothing was changed").count(), 1, "{plan}");
    assert!(!plan.stdout.contains('\u{1b}'), "{plan}");
    let id = host.run(["guest", "set", "110", &format!("description={note}"), "--stage", "-o", "id"]).ok().lines()[0].to_owned();
    let shown = host.run(["plan", "show", &id]).ok();
    assert!(!shown.lines().contains(&"nothing was changed") && !shown.stdout.contains('\u{1b}'), "{shown}");
    let long = "x".repeat(10_000);
    let plan = host.run(["guest", "set", "110", &format!("description={long}"), "--plan"]).ok();
    assert!(plan.stdout.contains("… (10000 characters)"), "a long value is cut: {}", plan.stdout.len());
}
