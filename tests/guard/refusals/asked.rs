//! Refusals by the person at the terminal.

use super::{Said, writes};
use crate::role::support::Fresh;
use crate::support::{Host, Terminal, need_tool};

/// Environment, arguments, question, and the key that says no.
type Case<'a> = (&'a [(String, String)], &'a [&'a str], &'a str, &'a str);

/// Whether there is a terminal to ask on.
pub fn possible() -> bool {
    need_tool("tmux").is_some()
}

pub fn at_a_terminal(said: &mut Said) {
    let host = Host::demo();
    host.run(["snapshot", "create", "110", "before"]).ok();
    let before = writes(&host);
    let fresh = Fresh::new();
    let address = fresh.address();
    let bootstrap = ["role", "bootstrap", "--host", &address, "--store", "file"];
    let known = [&bootstrap[..], &["--fingerprint", fresh.host.fingerprint()]].concat();
    let (here, there) = ([host.home.env(), host.env()].concat(), fresh.host.home.env());
    let cases: [Case<'_>; 7] = [
        (&here, &["guest", "stop", "110"], "(y/n)", "n"),
        (&here, &["guest", "show"], "Which guest?", "Escape"),
        (&here, &["backup", "show"], "Which backup?", "Escape"),
        (&here, &["snapshot", "rollback", "110"], "Which snapshot?", "Escape"),
        (&there, &bootstrap, "Is this the right host?", "n"),
        (&there, &known, "Password of root@pam", "Enter"),
        (&there, &[&known[..], &["--admin", "root"]].concat(), "Which realm?", "Escape"),
    ];
    // All at once: most of the time goes into drawing.
    let terminals: Vec<_> = cases.iter().map_while(|(env, args, ..)| Terminal::start(200, 60, env, args)).collect();
    for (terminal, (.., question, key)) in terminals.iter().zip(&cases) {
        terminal.until(question);
        terminal.press(key);
        if *key == "n" {
            terminal.press("Enter");
        }
    }
    for terminal in terminals {
        let (code, screen) = terminal.end();
        said.ended(code, &screen);
    }
    assert_eq!(writes(&host), before);
}
