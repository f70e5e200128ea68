//! `felhom node status`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde::Serialize;
use serde_json::Value as Json;

use crate::api::{lenient, nodes};
use crate::cli::{Ctx, complete};
use crate::fault::Result;
use crate::ops::nodes::pick;
use crate::ui::{Cell, Detail, Record, units};

/// Show a node's status and resource usage
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  felhom node status pve1\n  felhom node status pve1 -o json")]
pub struct Status {
    /// Node [default: the only one]
    #[arg(value_name = "NODE", add = ArgValueCompleter::new(complete::nodes))]
    node: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    context: String,
    node: String,
    details: Json,
}

impl Status {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let session = ctx.session()?;
        let node = pick(&session, self.node.as_deref())?;
        let details = session.client()?.get(&nodes::status(&node))?;
        ctx.out.one(&Shown { context: session.context.clone(), node, details })
    }
}

impl Record for Shown {
    fn fields(&self) -> Vec<(&'static str, Cell)> {
        let at = |pointer: &str| self.details.pointer(pointer);
        let text = |pointer: &str| Cell::maybe(at(pointer).and_then(lenient::text), Cell::Text);
        let bytes = |pointer: &str| Cell::maybe(at(pointer).and_then(lenient::integer).and_then(|n| u64::try_from(n).ok()), Cell::Bytes);
        let load = at("/loadavg").and_then(Json::as_array).map(|list| list.iter().filter_map(lenient::text).collect::<Vec<_>>().join(" "));
        vec![
            ("node", Cell::text(&self.node)),
            ("version", text("/pveversion")),
            ("kernel", text("/current-kernel/release")),
            ("uptime_s", Cell::maybe(at("/uptime").and_then(lenient::integer).and_then(|n| u64::try_from(n).ok()), Cell::Seconds)),
            ("cpu_model", text("/cpuinfo/model")),
            ("cpus", text("/cpuinfo/cpus")),
            ("cpu", Cell::maybe(at("/cpu").and_then(lenient::number), |share| Cell::Percent(share * 100.0))),
            ("load", Cell::maybe(load, Cell::Text)),
            ("memory_used_bytes", bytes("/memory/used")),
            ("memory_bytes", bytes("/memory/total")),
            ("swap_used_bytes", bytes("/swap/used")),
            ("root_used_bytes", bytes("/rootfs/used")),
            ("root_bytes", bytes("/rootfs/total")),
        ]
    }

    fn details(&self) -> Vec<Detail> {
        let at = |pointer: &str| self.details.pointer(pointer);
        let text = |pointer: &str| Cell::maybe(at(pointer).and_then(lenient::text), Cell::Text);
        let number = |pointer: &str| at(pointer).and_then(lenient::integer).and_then(|n| u64::try_from(n).ok());
        let load = at("/loadavg").and_then(Json::as_array).map(|list| list.iter().filter_map(lenient::text).collect::<Vec<_>>().join(" "));
        let cpus = at("/cpuinfo/cpus").and_then(lenient::text);
        let cpu =
            at("/cpu").and_then(lenient::number).zip(cpus).map(|(share, cpus)| format!("{} of {cpus} CPUs", units::percent(share * 100.0)));
        vec![
            Detail::new("Node", Cell::text(&self.node)),
            Detail::new("Version", text("/pveversion")),
            Detail::new("Kernel", text("/current-kernel/release")),
            Detail::new("Uptime", Cell::maybe(number("/uptime"), Cell::Seconds)),
            Detail::new("CPU", Cell::maybe(cpu, Cell::Text)).group(),
            Detail::new("CPU model", text("/cpuinfo/model")),
            Detail::new("Load", Cell::maybe(load, Cell::Text)),
            Detail::usage("Memory", number("/memory/used"), number("/memory/total")).group(),
            Detail::usage("Swap", number("/swap/used"), number("/swap/total")),
            Detail::usage("Root filesystem", number("/rootfs/used"), number("/rootfs/total")),
        ]
    }

    fn id(&self) -> String {
        self.node.clone()
    }
}
