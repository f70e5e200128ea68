//! Names and logs that mean harm: to the terminal, the table, the CSV and the journal.

use crate::support::Host;

const NASTY: &str = "web\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}gpj.exe\nroot@pam: ok,\"x\"";

#[test]
fn a_hostile_name_does_no_harm() {
    let host = Host::demo();
    let long = "x".repeat(10_000);
    host.with_state(|state| {
        for (vmid, name) in [(110, NASTY), (111, long.as_str())] {
            let guest = state.guests.get_mut(&vmid).unwrap();
            let key = if guest.config.contains_key("hostname") { "hostname" } else { "name" };
            guest.config.insert(key.to_owned(), name.into());
        }
    })
    .unwrap();
    // In CSV the line break stands within quotes, as the format has it.
    let expected = |format: &str| match format {
        "id" => 13,
        "csv" => 15,
        _ => 14,
    };
    let harmless = |text: &str| text.chars().all(|c| c == '\n' || (!c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c)));
    for format in ["table", "csv", "id"] {
        let run = host.run(["guest", "list", "-o", format]).ok();
        assert!(harmless(&run.stdout), "{format}: {:?}", run.stdout);
        assert_eq!(run.lines().len(), expected(format), "{format}");
    }
    let json = host.run(["guest", "list", "-o", "json"]).ok();
    assert_eq!(json.json().as_array().unwrap().iter().filter(|guest| guest["name"] == NASTY).count(), 1, "the data itself is whole");
    let stopped = host.run(["guest", "stop", "110", "111", "--yes"]).ok();
    assert!(harmless(&stopped.stdout) && harmless(&stopped.stderr), "{stopped}");
    let journal = std::fs::read_to_string(host.home.state().join("journal.jsonl")).unwrap();
    assert!(harmless(&journal), "one record is one line, without control characters");
    let history = host.run(["history"]).ok();
    assert!(harmless(&history.stdout), "{history}");
}
