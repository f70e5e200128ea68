//! Resource limits and priority of the helper and the programs it starts, independent of the caller's.

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};

/// systemd's defaults for services: no core dumps, since they could contain a password; otherwise unlimited or default values.
/// A soft and a hard limit each, `None` for unlimited.
const LIMITS: [(Resource, Option<u64>, Option<u64>); 11] = [
    (Resource::Core, Some(0), Some(0)),
    (Resource::Nofile, Some(1024), Some(524_288)),
    (Resource::Stack, Some(8 << 20), None),
    (Resource::Memlock, Some(8 << 20), Some(8 << 20)),
    (Resource::Cpu, None, None),
    (Resource::Fsize, None, None),
    (Resource::Data, None, None),
    (Resource::As, None, None),
    (Resource::Rss, None, None),
    (Resource::Nproc, None, None),
    (Resource::Locks, None, None),
];

/// Sets each limit, or the closest one that the caller's hard limits permit without root.
pub(super) fn set() {
    for (resource, soft, hard) in LIMITS {
        if setrlimit(resource, Rlimit { current: soft, maximum: hard }).is_err() {
            let most = getrlimit(resource).maximum;
            let lower = |a: Option<u64>, b: Option<u64>| [a, b].into_iter().flatten().min();
            let _ = setrlimit(resource, Rlimit { current: lower(soft, most), maximum: lower(hard, most) });
        }
    }
    let _ = setpriority_process(None, 0);
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
}
