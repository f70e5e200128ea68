//! Commands and files inside a VM, through its guest agent.

use std::time::Duration;

use crate::api::agent::{Exec, MOST_INPUT, MOST_WRITTEN};
use crate::api::{Form, GuestKind, Place, Property, lenient};
use crate::fault::{CHECK_FIRST, Fault, Kind, Result};
use crate::guard::{Item, Step};
use crate::ops::guests::{self, Guest};
use crate::ops::live::{self, Power};
use crate::session::{Session, stopped};
use crate::shell::quote;

/// How often a lost answer about a command's end is asked for again.
const RETRIES: u32 = 5;
/// Pause between two questions about a running command.
const SHORTEST: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_millis(250);

/// Checks that the guest is a running VM with a configured agent.
pub fn check(session: &Session, guest: &Guest, what: &str) -> Result<()> {
    if guest.kind == GuestKind::Lxc {
        return Err(Fault::usage(format!("{what} requires a VM with a guest agent; {} is a container", guest.label()))
            .with_hint("run it in the container over ssh"));
    }
    let config = guests::with_place(session, guest, |place| session.client()?.get(&place.config()))?;
    let agent = config.get("agent").and_then(lenient::text).unwrap_or_default();
    if !Property::parse(Form::Default("enabled"), &agent).flag("enabled") {
        return Err(Fault::refused(format!("{} has no guest agent configured", guest.label()))
            .with_hint(format!("install qemu-guest-agent in it, run `felhom guest set {} agent=1`, and restart it", guest.vmid)));
    }
    running(session, guest)
}

/// Checks that the guest is running.
pub fn running(session: &Session, guest: &Guest) -> Result<()> {
    let power = live::read(session, guest)?.power;
    if power == Power::Running {
        return Ok(());
    }
    let verb = if power == Power::Paused { "resume" } else { "start" };
    Err(Fault::refused(format!("{} is {}, so nothing in it can answer", guest.label(), power.word()))
        .with_hint(format!("run `felhom guest {verb} {}` first", guest.vmid)))
}

/// Adds the way to install the agent to the host's error that it does not answer.
pub fn explain(guest: &Guest, fault: Fault) -> Fault {
    if fault.message.contains("guest agent is not running") {
        let hint =
            format!("check that qemu-guest-agent runs in it; a VM whose agent was just configured must be restarted ({})", guest.vmid);
        return fault.with_hint(hint);
    }
    fault
}

/// Prepares a command.
pub fn exec(guest: &Guest, command: &[String], input: Option<&[u8]>) -> Result<Item> {
    if input.is_some_and(|input| input.len() > MOST_INPUT) {
        return Err(Fault::usage("stdin is larger than 64 KiB, the most that the guest agent passes to a command")
            .with_hint("copy larger input to the guest over the network"));
    }
    let item = Item::new("exec", guest.target()).touches(format!("runs {} in {}", shell(command), guest.label()));
    Ok(item.step(Step::call("exec", guest.place().exec(command, input))))
}

/// Returns a command as a shell would read it.
fn shell(command: &[String]) -> String {
    command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Waits until the command ends.
pub fn wait(session: &Session, guest: &Guest, pid: i64) -> Result<Exec> {
    let client = session.client()?;
    let stop = session.interrupt.armed();
    let (mut pause, mut lost) = (SHORTEST, 0);
    loop {
        // The host reports the end once, so a lost answer is not simply asked for again.
        match guests::with_place(session, guest, |place: &Place| client.poll(&place.exec_status(pid), &stop)) {
            Ok(exec) if exec.exited => return Ok(exec),
            Ok(_) => {}
            Err(fault) if matches!(fault.kind, Kind::Unreachable | Kind::NodeDown) && lost < RETRIES => lost += 1,
            Err(fault) if lost > 0 && fault.message.contains("does not exist") => {
                return Err(Fault::new(Kind::Unknown, format!("the result of the command (PID {pid}) was lost with the connection"))
                    .with_hint(CHECK_FIRST));
            }
            Err(fault) => return Err(fault),
        }
        stop.wait(pause).map_err(|signal| {
            stopped(signal, &format!("the command still runs in {} (PID {pid}); its output cannot be fetched later", guest.label()))
        })?;
        pause = pause.mul_f64(1.5).min(LONGEST);
    }
}

/// Reads a file piece by piece.
pub fn read(session: &Session, guest: &Guest, file: &str, mut write: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let mut offset = 0;
    loop {
        let piece = guests::with_place(session, guest, |place| session.client()?.get(&place.read_file(file, offset)))?;
        write(&piece.content)?;
        offset += piece.content.len() as u64;
        if !piece.truncated || piece.content.is_empty() {
            return Ok(offset);
        }
    }
}

/// Prepares the writing of a file.
pub fn write(guest: &Guest, file: &str, content: &[u8]) -> Result<Item> {
    if !file.starts_with('/') {
        return Err(Fault::usage(format!("'{file}' is no absolute path in the guest")).with_hint("begin the path with a slash: /etc/motd"));
    }
    if content.len() > MOST_WRITTEN {
        return Err(Fault::usage("the file is larger than 60 KiB, the most that the guest agent writes")
            .with_hint("copy larger files over the network, or attach them as an ISO image"));
    }
    let item = Item::new("file-write", guest.target()).touches(format!("{file} in {} is overwritten", guest.label()));
    let item = item.extra("file", file).extra("size_bytes", content.len());
    Ok(item.step(Step::call("file-write", guest.place().write_file(file, content))))
}

/// Compares the written file with what was sent, if the token may read it. Files of the kernel show something else.
pub fn verify(session: &Session, guest: &Guest, file: &str, content: &[u8]) -> Result<()> {
    if ["/proc/", "/sys/", "/dev/"].iter().any(|kernel| file.starts_with(kernel)) {
        return Ok(());
    }
    let mut found = Vec::new();
    let read = read(session, guest, file, |bytes| {
        found.extend_from_slice(bytes);
        if found.len() > content.len() { Err(differs(guest, file)) } else { Ok(()) }
    });
    match read {
        Err(fault) if fault.kind == Kind::Denied => Ok(()),
        Err(fault) => Err(fault),
        Ok(_) if found == content => Ok(()),
        Ok(_) => Err(differs(guest, file)),
    }
}

fn differs(guest: &Guest, file: &str) -> Fault {
    Fault::other(format!("'{file}' in {} differs from what was written", guest.label()))
        .with_hint(format!("compare it with `felhom guest file read {} {file}`", guest.vmid))
}
