//! Finds the users of a mounted filesystem: guests, tasks, processes and the kernel.
//!
//! Links in /proc are read but never followed, because accessing a file on a dead network mount would hang.

use std::collections::BTreeSet;
use std::fs;

use super::files;
use super::system::Host;
use crate::fence::mountinfo;

/// Returns everything that uses a path below `mount_point`, or has the same filesystem mounted elsewhere, as a container with a bind mount
/// does.
pub(super) fn users(host: &Host<'_>, mount_point: &str, device: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let below = |path: &str| path.strip_prefix(mount_point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let own = fs::read_link(host.path("/proc/self/ns/mnt")).ok();
    let mut seen_namespaces = BTreeSet::new();
    for entry in fs::read_dir(host.path("/proc")).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid.is_empty() || !pid.bytes().all(|c| c.is_ascii_digit()) || pid == std::process::id().to_string() {
            continue;
        }
        let dir = entry.path();
        let mut links = vec![dir.join("cwd"), dir.join("root"), dir.join("exe")];
        links.extend(fs::read_dir(dir.join("fd")).into_iter().flatten().flatten().map(|fd| fd.path()));
        if links.iter().filter_map(|l| fs::read_link(l).ok()).any(|target| below(&target.to_string_lossy())) {
            found.insert(describe_process(host, &pid));
            continue;
        }
        // Another mount namespace with the filesystem keeps it busy after it is unmounted in this one.
        let namespace = fs::read_link(dir.join("ns/mnt")).ok();
        if namespace.is_some() && namespace != own && seen_namespaces.insert(namespace) {
            let text = fs::read_to_string(dir.join("mountinfo")).unwrap_or_default();
            if mountinfo::parse(&text).iter().any(|m| m.device == device && !below(&m.mount_point)) {
                found.insert(describe_process(host, &pid));
            }
        }
    }
    let table = files::read(host, "/proc/self/mountinfo").ok().flatten().unwrap_or_default();
    for mount in mountinfo::parse(&table) {
        if mount.device == device && mount.mount_point != mount_point {
            found.insert(format!("a second mount at {}", mount.mount_point));
        } else if mount.mount_point != mount_point && below(&mount.mount_point) {
            found.insert(format!("the mount {} below it", mount.mount_point));
        }
    }
    for line in files::read(host, "/proc/swaps").ok().flatten().unwrap_or_default().lines().skip(1) {
        if let Some(file) = line.split_whitespace().next().filter(|f| below(f)) {
            found.insert(format!("the swap file {file}"));
        }
    }
    for entry in fs::read_dir(host.path("/sys/block")).into_iter().flatten().flatten() {
        let file = fs::read_to_string(entry.path().join("loop/backing_file")).unwrap_or_default();
        if below(file.trim_end()) && !file.is_empty() {
            found.insert(format!("the loop device {}", entry.file_name().to_string_lossy()));
        }
    }
    found.into_iter().collect()
}

/// Describes a process: a guest, a task, or its name and PID.
fn describe_process(host: &Host<'_>, pid: &str) -> String {
    let read = |file: &str| fs::read(host.path(&format!("/proc/{pid}/{file}"))).unwrap_or_default();
    let words: Vec<String> = read("cmdline").split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
    // A Proxmox VE worker has its task ID in its command line; a container has its own cgroup; a VM has `-id`.
    if let Some(upid) = words.iter().flat_map(|w| w.split_whitespace()).find(|w| w.starts_with("UPID:")) {
        return format!("task {upid}");
    }
    let cgroup = String::from_utf8_lossy(&read("cgroup")).into_owned();
    if let Some(vmid) = cgroup.lines().find_map(|l| digits(l.split_once("/lxc/")?.1)) {
        return format!("container {vmid}");
    }
    let id = words.iter().position(|w| w == "-id").and_then(|at| words.get(at + 1)).and_then(|w| digits(w));
    if let Some(vmid) = id.filter(|_| words[0].contains("kvm") || words[0].contains("qemu")) {
        return format!("VM {vmid}");
    }
    let name: String = String::from_utf8_lossy(&read("comm")).trim().chars().filter(|c| !c.is_control()).collect();
    format!("{name} (pid {pid})")
}

fn digits(text: &str) -> Option<String> {
    let number: String = text.chars().take_while(char::is_ascii_digit).collect();
    (!number.is_empty()).then_some(number)
}
