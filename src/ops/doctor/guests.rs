//! Guests with a stale lock.

use super::{Report, Target};
use crate::api::GuestKind;
use crate::api::tasks::{self, Filter};
use crate::fault::Result;
use crate::ops::guests::{Guest, all};

pub fn look(target: &Target<'_>, report: &mut Report) {
    let guests = match all(target.session) {
        Ok(guests) => guests,
        Err(fault) => return report.fault("locks", &fault),
    };
    if guests.is_empty() {
        return report.note("locks", "no guest is visible", "run `felhom role check`: VM.Audit may be missing");
    }
    let locked: Vec<&Guest> = guests.iter().filter(|guest| guest.lock.is_some()).collect();
    if locked.is_empty() {
        return report.ok("locks", format!("no locks on {} guests", guests.len()));
    }
    for guest in locked {
        let lock = guest.lock.as_deref().unwrap_or_default();
        match has_task(target, guest) {
            Ok(true) => report.ok("locks", format!("{} is locked ({lock}) by a running task", guest.label())),
            Ok(false) => report.problem(
                "locks",
                format!("{} is locked ({lock}), but has no running task", guest.label()),
                format!("run `{} unlock {}` as root on {}, if no operation is in progress", tool(guest), guest.vmid, guest.node),
            ),
            Err(fault) => report.fault("locks", &fault),
        }
    }
}

fn has_task(target: &Target<'_>, guest: &Guest) -> Result<bool> {
    let filter = Filter { vmid: Some(guest.vmid), running: true, limit: 10, ..Filter::default() };
    Ok(!target.session.client()?.get(&tasks::list(&guest.node, &filter))?.is_empty())
}

fn tool(guest: &Guest) -> &'static str {
    match guest.kind {
        GuestKind::Lxc => "pct",
        GuestKind::Qemu => "qm",
    }
}
