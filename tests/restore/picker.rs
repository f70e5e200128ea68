//! Choosing a backup at a terminal.

use crate::backup::archive;
use crate::support::{Host, Terminal};

#[test]
fn the_picker_shows_age_size_and_notes() {
    let host = Host::baseline();
    let older = archive(&host, "101");
    let volid = archive(&host, "102");
    host.with_state(|state| {
        let ctime = &mut state.volume_mut(&older).unwrap().ctime;
        *ctime = ctime.map(|t| t - 3600);
    })
    .unwrap();
    host.run(["backup", "notes", &volid, "before the upgrade"]).ok();
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(120, 30, &env, &["guest", "restore"]) else { return };
    let screen = terminal.until("before the upgrade");
    assert!(screen.contains("before the upgrade") && screen.contains("MiB") && screen.contains(" ago"), "{screen}");
    terminal.press("Enter");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    let restored = host.with_state(|state| state.guests.get(&100).map(felhom::demo::state::Guest::name)).unwrap();
    assert_eq!(restored.as_deref(), Some("ct102-restored"), "{screen}");
}

#[test]
fn choosing_nothing_is_a_refusal() {
    let host = Host::baseline();
    archive(&host, "101");
    let mut env = host.home.env();
    env.extend(host.env());
    let Some(terminal) = Terminal::start(120, 30, &env, &["guest", "restore"]) else { return };
    terminal.until("Which backup?");
    terminal.press("Escape");
    let (code, screen) = terminal.end();
    assert_eq!(code, 3, "{screen}");
    assert_eq!(host.count("POST", "/lxc"), 0);
}
