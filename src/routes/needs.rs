//! The privileges of one request: the row's templates filled with the request's guests, storages and settings.

use super::{Bound, Drive, Privs, find};
use crate::api::{Request, list};

/// A privilege on a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct Grant {
    pub path: String,
    pub privilege: String,
}

/// The privileges of one request: any one privilege of each group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    pub all: Vec<Vec<Grant>>,
}

impl Needs {
    /// Returns the groups without a granted privilege.
    pub fn missing(&self, holds: impl Fn(&Grant) -> bool) -> Vec<Vec<Grant>> {
        self.all.iter().filter(|any| !any.iter().any(&holds)).cloned().collect()
    }
}

/// Returns the privileges of a request, or `None` for an unknown call.
pub fn needs(request: &Request) -> Option<Needs> {
    let (row, bound) = find(request)?;
    let mut needs = Needs::default();
    gather(&row.privs, request, &bound, &mut needs);
    Some(needs)
}

fn gather(privs: &Privs, request: &Request, bound: &Bound, needs: &mut Needs) {
    match privs {
        // No privilege turns a token into root.
        Privs::None | Privs::Root => {}
        Privs::Need(privilege, path) => {
            let on = |path: &str| fill(path, request, bound).into_iter().map(|path| Grant { path, privilege: (*privilege).into() });
            // A guest created in a pool also has the permissions of the pool.
            let made = *path == "/vms/{vmid}" && request.param("vmid").is_some();
            let pool: Vec<Grant> = if made { on("/pool/{pool}").collect() } else { Vec::new() };
            needs.all.extend(on(path).map(|grant| std::iter::once(grant).chain(pool.iter().cloned()).collect()));
        }
        Privs::All(list) => list.iter().for_each(|p| gather(p, request, bound, needs)),
        Privs::Any(list) => {
            // An alternative may consist of several privileges: (a or (b and c)) is (a or b) and (a or c).
            let alternatives = list.iter().filter(|p| applies(p, request)).map(|p| {
                let mut one = Needs::default();
                gather(p, request, bound, &mut one);
                one.all
            });
            needs.all.extend(either(alternatives));
        }
        Privs::When(_, p) | Privs::WhenIs(_, _, p) | Privs::WhenDrive(_, _, p) | Privs::Without(_, p) => {
            if applies(privs, request) {
                gather(p, request, bound, needs);
            }
        }
    }
}

/// Whether an option matches; `netN` matches `net0`, `net1`, …
fn is(option: &str, name: &str) -> bool {
    match option.strip_suffix('N') {
        Some(stem) => name.strip_prefix(stem).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())),
        None => name == option,
    }
}

/// Returns the values sent for this option.
pub(super) fn given<'a>(request: &'a Request, option: &'a str) -> impl Iterator<Item = String> + 'a {
    request.params.iter().filter(move |(name, _)| is(option, name)).map(|(_, value)| value.shown())
}

/// Whether the request deletes the option.
fn goes(request: &Request, option: &str) -> bool {
    request.param("delete").is_some_and(|gone| list::split(&gone.shown()).any(|name| is(option, name)))
}

/// An alternative that depends on a missing option does not apply.
fn applies(privs: &Privs, request: &Request) -> bool {
    match privs {
        Privs::When(option, _) => given(request, option).next().is_some() || goes(request, option),
        Privs::Without(option, _) => given(request, option).next().is_none(),
        Privs::WhenIs(option, value, _) => given(request, option).any(|sent| sent == *value),
        // The host looks up deleted keys. Most drives are disks.
        Privs::WhenDrive(option, drive, _) => {
            given(request, option).any(|sent| Drive::of(&sent) == *drive) || (*drive == Drive::Disk && goes(request, option))
        }
        _ => true,
    }
}

/// Combines lists of groups of which one must be satisfied completely.
pub fn either<T: Clone + PartialEq>(alternatives: impl Iterator<Item = Vec<Vec<T>>>) -> Vec<Vec<T>> {
    let mut groups: Option<Vec<Vec<T>>> = None;
    for alternative in alternatives.filter(|alternative| !alternative.is_empty()) {
        groups = Some(match groups {
            None => alternative,
            Some(known) => known
                .iter()
                .flat_map(|a| {
                    alternative.iter().map(move |b| {
                        let mut both = a.clone();
                        both.extend(b.iter().filter(|one| !a.contains(one)).cloned());
                        both
                    })
                })
                .collect(),
        });
    }
    groups.unwrap_or_default()
}

/// Fills a path template; a list parameter results in one path per item. Empty if a placeholder has no value.
fn fill(template: &str, request: &Request, bound: &Bound) -> Vec<String> {
    let mut texts = vec![String::new()];
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
        let values = if before.ends_with("/storage/") && name != "storage" {
            given(request, name).filter_map(|value| storage_of(name, &value)).collect()
        } else {
            values(name, request, bound)
        };
        texts = texts.iter().flat_map(|text| values.iter().map(move |value| format!("{text}{before}{value}"))).collect();
        rest = tail;
    }
    texts.iter().map(|text| text.clone() + rest).collect()
}

fn values(name: &str, request: &Request, bound: &Bound) -> Vec<String> {
    let told = |name: &str| bound.get(name).cloned().or_else(|| request.param(name).map(crate::api::Value::shown));
    match name {
        _ if bound.contains_key(name) => told(name).into_iter().collect(),
        "realm" => told("userid").and_then(|user| Some(user.rsplit_once('@')?.1.to_owned())).into_iter().collect(),
        "vmid" if request.param(name).is_none() => told("volume").and_then(|volume| owner(&volume)).into_iter().collect(),
        _ => told(name).map(|text| list::split(&text).map(str::to_owned).collect()).unwrap_or_default(),
    }
}

/// Returns the storage on which a value needs privileges: `local-lvm:8` creates a volume there. Existing volumes belong to the guest,
/// or are only read.
fn storage_of(option: &str, value: &str) -> Option<String> {
    if matches!(option, "targetstorage" | "target-storage") {
        // A pair `from:to`, or one storage for all.
        return value.rsplit(':').next().filter(|id| *id != "1").map(str::to_owned);
    }
    let (storage, rest) = value.split_once(':')?;
    let new = rest.split(',').next().is_some_and(|size| size.parse::<f64>().is_ok());
    (new || matches!(option, "ostemplate" | "volume")).then(|| storage.to_owned())
}

/// Returns the guest of a backup by its file name: `vzdump-lxc-101-…`, on a backup server `backup/ct/101/…`.
fn owner(volume: &str) -> Option<String> {
    let mut parts = volume.rsplit_once("backup/")?.1.split(['-', '/']);
    let number = match parts.next()? {
        "vzdump" => parts.nth(1),
        "ct" | "vm" => parts.next(),
        _ => None,
    };
    number.filter(|id| id.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Call;
    use crate::path;

    #[test]
    fn needs_are_filled_from_path_and_parameters() {
        let call: Call<()> =
            Call::post(path!["nodes", "pve1", "vzdump"]).with("vmid", vec!["101".to_owned(), "102".into()]).with("storage", "local");
        let needs = needs(&call.request).expect("known");
        let texts: Vec<String> = needs.all.iter().flatten().map(|g| format!("{} {}", g.privilege, g.path)).collect();
        assert_eq!(texts, ["VM.Backup /vms/101", "VM.Backup /vms/102", "Datastore.AllocateSpace /storage/local"]);
    }

    #[test]
    fn what_a_changed_setting_needs_depends_on_the_setting() {
        let held = |call: Call<()>| -> Vec<String> {
            let needs = needs(&call.request).expect("known");
            needs.all.iter().filter(|any| any.len() == 1).map(|any| any[0].privilege.clone()).collect()
        };
        let put = || Call::put(path!["nodes", "pve1", "lxc", 101, "config"]);
        assert_eq!(held(put().with("memory", "512").with("net3", "name=eth3")), ["VM.Config.Memory", "VM.Config.Network"]);
        assert_eq!(held(put().with("delete", vec!["tags".to_owned(), "mp0".into()])), ["VM.Config.Disk", "VM.Config.Options"]);
        assert_eq!(held(put().with("network", "x")), Vec::<String>::new());
        assert_eq!(held(put().with("mp1", "tank:8,mp=/data")), ["VM.Config.Disk", "Datastore.AllocateSpace"]);
        assert_eq!(held(put().with("mp1", "tank:subvol-101-disk-1,mp=/data")), ["VM.Config.Disk"]);
        let machine = || Call::put(path!["nodes", "pve1", "qemu", 201, "config"]);
        assert_eq!(held(machine().with("ide2", "local:iso/a.iso,media=cdrom")), ["VM.Config.CDROM"]);
        assert_eq!(held(machine().with("ide2", "local-lvm:cloudinit")), ["VM.Config.Cloudinit", "VM.Config.CDROM"]);
        assert_eq!(held(machine().with("scsi1", "tank:8")), ["VM.Config.Disk", "Datastore.AllocateSpace"]);
        assert_eq!(held(machine().with("delete", "scsi1")), ["VM.Config.Disk"]);
    }

    #[test]
    fn what_the_call_does_not_name_stands_in_its_values() {
        let texts = |call: Call<()>| -> Vec<String> {
            let words = |any: &Vec<Grant>| any.iter().map(|g| format!("{} {}", g.privilege, g.path)).collect::<Vec<_>>().join(" | ");
            needs(&call.request).expect("known").all.iter().map(words).collect()
        };
        let archive = "local:backup/vzdump-lxc-101-2026_11_20-12_01_44.tar.zst";
        let content = path!["nodes", "pve1", "storage", "local", "content", archive];
        let both = ["Datastore.AllocateSpace /storage/local", "VM.Backup /vms/101"];
        assert_eq!(texts(Call::delete(content.clone())), both);
        assert_eq!(texts(Call::get(content)), both.map(|one| format!("Datastore.Allocate /storage/local | {one}")));
        let server = path!["nodes", "pve1", "storage", "pbs", "content", "pbs:backup/ct/101/2026-11-20T12:01:44Z"];
        assert_eq!(texts(Call::delete(server)), ["Datastore.AllocateSpace /storage/pbs", "VM.Backup /vms/101"]);
        let prune = || Call::delete(path!["nodes", "pve1", "storage", "local", "prunebackups"]);
        assert_eq!(texts(prune().with("vmid", "101")), both);
        assert_eq!(texts(prune()), ["Datastore.Allocate /storage/local"]);
        let user = Call::post(path!["access", "users"]).with("userid", "felhom@pve");
        assert_eq!(texts(user), ["Realm.AllocateUser /access/realm/pve", "User.Modify /access/groups"]);
        let made = Call::post(path!["nodes", "pve1", "lxc"]).with("vmid", "150").with("pool", "prod").with("cores", "2");
        assert_eq!(texts(made), ["VM.Allocate /vms/150 | VM.Allocate /pool/prod", "VM.Config.CPU /vms/150 | VM.Config.CPU /pool/prod"]);
    }
}
