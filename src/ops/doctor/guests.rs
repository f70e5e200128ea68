//! Guests that hold a lock although nothing works on them.

use super::{Patient, Report};
use crate::api::GuestKind;
use crate::api::tasks::{self, Filter};
use crate::fault::Result;
use crate::ops::guests::{Guest, all};

pub fn look(patient: &Patient<'_>, report: &mut Report) {
    let guests = match all(patient.session) {
        Ok(guests) => guests,
        Err(fault) => return report.fault("locks", &fault),
    };
    if guests.is_empty() {
        return report.note("locks", "no guest is visible", "without VM.Audit the host shows none; `felhom role check` tells");
    }
    let locked: Vec<&Guest> = guests.iter().filter(|guest| guest.lock.is_some()).collect();
    if locked.is_empty() {
        return report.ok("locks", format!("none of {} guests is locked", guests.len()));
    }
    for guest in locked {
        let lock = guest.lock.as_deref().unwrap_or_default();
        match at_work(patient, guest) {
            Ok(true) => report.ok("locks", format!("{} is locked ({lock}) by a running task", guest.label())),
            Ok(false) => report.problem(
                "locks",
                format!("{} is locked ({lock}), but no task works on it", guest.label()),
                format!("`{} unlock {}` on {}, once it is sure that nothing does", tool(guest), guest.vmid, guest.node),
            ),
            Err(fault) => report.fault("locks", &fault),
        }
    }
}

fn at_work(patient: &Patient<'_>, guest: &Guest) -> Result<bool> {
    let filter = Filter { vmid: Some(guest.vmid), running: true, limit: 10, ..Filter::default() };
    Ok(!patient.session.client()?.get(&tasks::list(&guest.node, &filter))?.is_empty())
}

fn tool(guest: &Guest) -> &'static str {
    match guest.kind {
        GuestKind::Lxc => "pct",
        GuestKind::Qemu => "qm",
    }
}
