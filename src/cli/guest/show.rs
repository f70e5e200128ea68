//! `felhom guest show`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::api::guests::GuestKind;
use crate::api::lenient;
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::guard::redact;
use crate::ops::guests::{self, Guest};
use crate::ui::{Cell, Detail, Record, units};

use super::list::status_tone;

/// Show a guest's status and resource usage
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom guest show 101\n  felhom guest show web -o json --jq .status")]
pub struct Show {
    /// Guest: VMID, name or NODE/VMID
    #[arg(value_name = "GUEST", add = ArgValueCompleter::new(complete::guests))]
    guest: Option<String>,
}

/// A guest's state.
#[derive(Debug, Serialize)]
struct State {
    #[serde(flatten)]
    guest: Guest,
    /// Proxmox's own: it is neither deleted nor overwritten.
    protection: bool,
    /// What the host says of it besides.
    details: Map<String, Json>,
}

impl Show {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let guest = guests::one(&session, self.guest.as_deref())?;
        let status = guests::with_place(&session, &guest, |place| session.client()?.get(&place.status()))?;
        let config = guests::with_place(&session, &guest, |place| session.client()?.get(&place.config()))?;
        let protection = config.get("protection").and_then(lenient::integer).is_some_and(|flag| flag != 0);
        let details = match redact::json(status) {
            Json::Object(map) => map,
            _ => Map::new(),
        };
        ctx.out.one(&State { guest, protection, details })
    }
}

impl Record for State {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let g = &self.guest;
        let text = |key: &str| Cell::maybe(self.details.get(key).and_then(lenient::text), Cell::Text);
        let bytes =
            |key: &str| Cell::maybe(self.details.get(key).and_then(lenient::integer).and_then(|n| u64::try_from(n).ok()), Cell::Bytes);
        vec![
            ("vmid", Cell::Int(g.vmid.into())),
            ("name", Cell::maybe(g.name.clone(), Cell::Text)),
            ("kind", Cell::text(g.kind.word())),
            ("node", Cell::text(&g.node)),
            ("status", Cell::state(&g.status, status_tone(&g.status))),
            ("lock", text("lock")),
            ("tags", Cell::List(g.tags.clone())),
            ("protection", Cell::Flag(self.protection)),
            ("pool", Cell::maybe(g.pool.clone(), Cell::Text)),
            ("template", Cell::Flag(g.template)),
            ("ha_state", Cell::maybe(g.ha_state.clone(), Cell::Text)),
            ("uptime_s", Cell::maybe(g.uptime_s.filter(|s| *s > 0), Cell::Seconds)),
            ("cpus", text("cpus")),
            ("memory_bytes", bytes("maxmem")),
            ("memory_used_bytes", bytes("mem")),
            ("disk_bytes", bytes("maxdisk")),
        ]
    }

    fn details(&self) -> Vec<Detail> {
        let g = &self.guest;
        let bytes = |key: &str| self.details.get(key).and_then(lenient::integer).and_then(|n| u64::try_from(n).ok());
        let cpus = self.details.get("cpus").and_then(lenient::text);
        let kind = match (g.kind, g.template) {
            (GuestKind::Lxc, false) => "container",
            (GuestKind::Lxc, true) => "container template",
            (GuestKind::Qemu, false) => "VM",
            (GuestKind::Qemu, true) => "VM template",
        };
        let status = match g.uptime_s.filter(|s| *s > 0) {
            Some(uptime) => format!("{}, up {}", g.status, units::seconds(uptime)),
            None => g.status.clone(),
        };
        let cpu = match (&cpus, self.details.get("cpu").and_then(lenient::number)) {
            (Some(cpus), Some(share)) if g.status == "running" => format!("{} of {cpus} CPUs", units::percent(share * 100.0)),
            (Some(cpus), _) => format!("{cpus} CPUs"),
            _ => String::new(),
        };
        let running = g.status == "running";
        vec![
            Detail::new("Guest", Cell::text(g.label())),
            Detail::new("Kind", Cell::text(kind)),
            Detail::new("Node", Cell::text(&g.node)),
            Detail::new("Status", Cell::state(status, status_tone(&g.status))),
            Detail::new("Lock", Cell::maybe(self.details.get("lock").and_then(lenient::text), Cell::Text)),
            Detail::new("CPU", Cell::text(cpu)).group(),
            Detail::usage("Memory", bytes("mem").filter(|_| running), bytes("maxmem")),
            Detail::usage("Disk", bytes("disk").filter(|used| *used > 0), bytes("maxdisk")),
            Detail::new("Tags", Cell::List(g.tags.clone())).group(),
            Detail::new("Pool", Cell::maybe(g.pool.clone(), Cell::Text)),
            Detail::new("HA state", Cell::maybe(g.ha_state.clone(), Cell::Text)),
            Detail::new("Protection", Cell::Flag(self.protection)),
        ]
    }

    fn id(&self) -> String {
        self.guest.vmid.to_string()
    }
}
