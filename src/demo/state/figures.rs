//! Load figures as a function of the clock, so that all processes and lists agree.

use super::guest::{Guest, GuestKind};
use super::node::Node;

/// The figures of a guest in lists and charts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// CPU usage, 0 to 1.
    pub cpu: f64,
    /// Bytes.
    pub mem: u64,
    pub disk: u64,
    /// Bytes since the guest started.
    pub netin: u64,
    pub netout: u64,
    pub diskread: u64,
    pub diskwrite: u64,
}

impl Guest {
    /// Returns the guest's figures; zeros if it is stopped.
    pub fn figures(&self, now: i64) -> Figures {
        if !self.power.is_on() {
            return Figures::default();
        }
        let up = u64::try_from(self.uptime(now)).unwrap_or(0);
        let (load, swing) = (self.load, wave(i64::from(self.vmid), now));
        Figures {
            cpu: (load.cpu * (1.0 + 0.4 * swing)).clamp(0.0, 1.0),
            mem: share(self.max_memory(), load.memory * (1.0 + 0.05 * swing)),
            disk: if self.kind == GuestKind::Lxc { share(self.max_disk(), load.disk) } else { 0 },
            netin: load.net_in * up,
            netout: load.net_out * up,
            diskread: load.disk_read * up,
            diskwrite: load.disk_write * up,
        }
    }
}

impl Node {
    /// Returns CPU usage (0 to 1) and memory in use (bytes).
    pub fn usage(&self, now: i64) -> (f64, u64) {
        let swing = wave(i64::from(self.id), now);
        ((self.cpu_load * (1.0 + 0.3 * swing)).clamp(0.0, 1.0), share(self.memory, self.memory_load * (1.0 + 0.02 * swing)))
    }

    pub fn uptime(&self, now: i64) -> i64 {
        (now - self.booted).max(0)
    }

    /// Returns the used bytes of the root file system.
    pub fn disk_used(&self) -> u64 {
        share(self.disk, self.disk_load)
    }
}

fn share(of: u64, share: f64) -> u64 {
    (of as f64 * share.clamp(0.0, 1.0)) as u64
}

/// Returns a slow oscillation between -1 and 1 with a phase per `seed`, constant for ten seconds.
fn wave(seed: i64, now: i64) -> f64 {
    let step = (now / 10) as f64;
    let phase = (seed * 37 % 100) as f64;
    ((step + phase) / 9.0).sin() * 0.7 + ((step + phase * 3.0) / 2.3).sin() * 0.3
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::demo::state::{Power, map};

    #[test]
    fn figures_are_zero_at_rest_and_agree_within_ten_seconds() {
        let config = map(json!({ "memory": 1024, "rootfs": "local-lvm:vm-101-disk-0,size=8G" }));
        let mut guest = Guest::new(101, GuestKind::Lxc, "pve1", config);
        assert_eq!(guest.figures(1_000), Figures::default());
        guest.power = Power::Running;
        guest.started = Some(900);
        let busy = guest.figures(1_000);
        assert!(busy.cpu > 0.0 && busy.mem > 0 && busy.mem < guest.max_memory());
        assert_eq!(busy.netin, guest.load.net_in * 100);
        assert_eq!(guest.figures(1_009).mem, busy.mem);
    }
}
