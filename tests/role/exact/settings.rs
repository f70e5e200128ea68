//! What depends on a parameter: every parameter that the table names, sent with exactly what the table says then, and with less.

use std::collections::BTreeSet;

use felhom::api::{Method, Request, Value};
use felhom::demo::state::State;
use felhom::ops::role::measure::Measured;
use felhom::routes::{Drive, Grant, Privs, ROWS, needs};

use super::{Less, hand_out};
use crate::support::desk::{Demo, LIMITED};

/// One call with several sets of parameters, `key=value key=value`.
struct Tried {
    row: &'static str,
    path: &'static str,
    /// Sent each time.
    base: &'static str,
    with: &'static [&'static [&'static str]],
    /// What stands in a value only, or nowhere: besides the table.
    besides: &'static [(&'static str, &'static str, &'static str)],
}

const NEW: &str = "vmid=150 ostemplate=local:vztmpl/debian-12-rig_1.0_amd64.tar.zst storage=local-lvm rootfs=local-lvm:0.1";
const BRIDGE: &[(&str, &str, &str)] = &[("net", "SDN.Use", "/sdn/zones/localnetwork/vmbr0")];

const COPIED_BRIDGE: (&str, &str, &str) = ("newid", "SDN.Use", "/sdn/zones/localnetwork/vmbr0");

/// A copy, whose volumes and bridges are those of the original.
const fn copied(row: &'static str, path: &'static str, besides: &'static [(&'static str, &'static str, &'static str)]) -> Tried {
    Tried { row, path, base: "newid=150", with: &[&["full=1", "pool=pool1"]], besides }
}

/// Many guests at once: each of those that are named, or all.
const fn several(row: &'static str, path: &'static str) -> Tried {
    Tried { row, path, base: "", with: &[&["vms=101"]], besides: &[] }
}

static TRIED: &[Tried] = &[
    Tried {
        row: "PUT /nodes/{node}/lxc/{vmid}/config",
        path: "/nodes/pve1/lxc/101/config",
        base: "",
        with: &[&[
            "cores=2",
            "cpuunits=200",
            "cpulimit=1",
            "memory=256",
            "swap=128",
            "net1=name=eth1,bridge=vmbr0",
            "nameserver=192.0.2.53",
            "searchdomain=example.org",
            "hostname=other",
            "rootfs=local-lvm:101/vm-101-disk-0.raw,size=1G,quota=1",
            "mp0=dirct:0.1,mp=/data",
            "delete=unused0",
            "delete=mp0",
            "arch=arm64",
            "cmode=shell",
            "console=0",
            "debug=1",
            "description=x",
            "entrypoint=/sbin/other",
            "env=A=1",
            "lock=backup",
            "onboot=1",
            "ostype=debian",
            "protection=1",
            "startup=order=1",
            "tags=a",
            "template=1",
            "timezone=UTC",
            "tty=1",
            "features=nesting=1",
            "cores=2 memory=256 delete=onboot",
        ]],
        besides: BRIDGE,
    },
    Tried {
        row: "PUT /nodes/{node}/qemu/{vmid}/config",
        path: "/nodes/pve1/qemu/201/config",
        base: "",
        with: &[MACHINE, DRIVES],
        besides: BRIDGE,
    },
    Tried {
        row: "POST /nodes/{node}/qemu/{vmid}/config",
        path: "/nodes/pve1/qemu/201/config",
        base: "",
        with: &[MACHINE, DRIVES],
        besides: BRIDGE,
    },
    Tried {
        row: "POST /nodes/{node}/lxc",
        path: "/nodes/pve1/lxc",
        base: NEW,
        with: &[&[
            "hostname=new",
            "ha-managed=1",
            "unprivileged=0",
            "pool=pool1",
            "pool=pool1 cores=2",
            "cores=2",
            "cpuunits=200",
            "cpulimit=1",
            "memory=256",
            "swap=128",
            "net0=name=eth0,bridge=vmbr0",
            "nameserver=192.0.2.53",
            "searchdomain=example.org",
            "mp0=dirct:0.1,mp=/data",
            "arch=amd64",
            "cmode=shell",
            "console=0",
            "debug=1",
            "description=x",
            "entrypoint=/sbin/other",
            "env=A=1",
            "lock=backup",
            "onboot=1",
            "ostype=debian",
            "protection=1",
            "startup=order=1",
            "tags=a",
            "template=1",
            "timezone=UTC",
            "tty=1",
            "features=nesting=1",
        ]],
        besides: BRIDGE,
    },
    Tried {
        row: "POST /nodes/{node}/qemu",
        path: "/nodes/pve1/qemu",
        base: "vmid=250",
        with: &[&["storage=dirct", "ha-managed=1", "start=1", "pool=pool1 memory=64"], MACHINE],
        besides: BRIDGE,
    },
    Tried {
        row: "POST /nodes/{node}/vzdump",
        path: "/nodes/pve1/vzdump",
        base: "vmid=101 storage=local",
        with: &[&["mode=stop", "prune-backups=keep-last=1", "bwlimit=1000", "ionice=5", "performance=max-workers=2", "stop=1"]],
        besides: &[],
    },
    Tried {
        row: "POST /cluster/backup",
        path: "/cluster/backup",
        base: "schedule=daily storage=local",
        with: &[&["vmid=101", "pool=pool1"]],
        besides: &[],
    },
    Tried {
        row: "DELETE /nodes/{node}/storage/{storage}/prunebackups",
        path: "/nodes/pve1/storage/local/prunebackups",
        base: "prune-backups=keep-last=1",
        with: &[&["vmid=101", "type=lxc"]],
        besides: &[],
    },
    copied(
        "POST /nodes/{node}/lxc/{vmid}/clone",
        "/nodes/pve1/lxc/101/clone",
        &[("newid", "Datastore.AllocateSpace", "/storage/local-lvm"), COPIED_BRIDGE],
    ),
    copied(
        "POST /nodes/{node}/qemu/{vmid}/clone",
        "/nodes/pve1/qemu/201/clone",
        &[("newid", "Datastore.AllocateSpace", "/storage/dirct"), COPIED_BRIDGE],
    ),
    several("POST /nodes/{node}/startall", "/nodes/pve1/startall"),
    several("POST /nodes/{node}/stopall", "/nodes/pve1/stopall"),
    several("POST /cluster/bulk-action/guest/start", "/cluster/bulk-action/guest/start"),
    several("POST /cluster/bulk-action/guest/shutdown", "/cluster/bulk-action/guest/shutdown"),
    Tried { row: "GET /access/permissions", path: "/access/permissions", base: "", with: &[&["userid=nobody@pve"]], besides: &[] },
];

const MACHINE: &[&str] = &[
    "cores=2",
    "cpu=host",
    "cpulimit=1",
    "cpuunits=200",
    "numa=1",
    "smp=2",
    "sockets=2",
    "vcpus=1",
    "allow-ksm=0",
    "balloon=32",
    "memory=128",
    "shares=500",
    "acpi=0",
    "audio0=device=AC97",
    "hotplug=disk",
    "kvm=1",
    "machine=q35",
    "rng0=source=/dev/urandom",
    "scsihw=lsi",
    "serial0=socket",
    "smbios1=serial=x",
    "tablet=0",
    "usb0=spice",
    "vga=std",
    "watchdog=model=i6300esb",
    "net1=virtio,bridge=vmbr0",
    "boot=order=net0",
    "bootdisk=scsi0",
    "vmstatestorage=dirct",
    "agent=1",
    "autostart=1",
    "bios=ovmf",
    "description=x",
    "keyboard=de",
    "localtime=1",
    "migrate_downtime=1",
    "migrate_speed=1",
    "name=other",
    "onboot=1",
    "ostype=l26",
    "protection=1",
    "reboot=0",
    "startdate=now",
    "startup=order=1",
    "tags=a",
    "tdf=1",
    "template=1",
    "freeze=1",
    "cipassword=secret1",
    "cicustom=user=local:snippets/a.yaml",
    "citype=nocloud",
    "ciupgrade=0",
    "ciuser=op",
    "ipconfig0=ip=dhcp",
    "nameserver=192.0.2.53",
    "searchdomain=example.org",
    "sshkeys=ssh-ed25519%20AAAA",
];

const DRIVES: &[&str] = &[
    "delete=unused0",
    "cdrom=none",
    "ide1=dirct:0.1",
    "ide1=none,media=cdrom",
    "ide1=dirct:cloudinit",
    "sata1=dirct:0.1",
    "sata1=none,media=cdrom",
    "sata1=dirct:cloudinit",
    "scsi1=dirct:0.1",
    "scsi1=none,media=cdrom",
    "scsi1=dirct:cloudinit",
    "delete=scsi0",
    "virtio1=dirct:0.1",
    "efidisk0=dirct:0.1",
    "tpmstate0=dirct:0.1,version=v2.0",
];

/// `key=value key=value`
fn params(text: &str) -> Vec<(&str, &str)> {
    text.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect()
}

/// Why it was refused, at once or in its task; nothing where it was not.
fn denial(demo: &Demo, method: &str, path: &str, sent: &[(&str, &str)]) -> Result<Option<String>, String> {
    let answer = demo.call(LIMITED, method, path, sent);
    match answer.status {
        403 => return Ok(Some(answer.reason)),
        200 => {}
        _ => return Err(format!("{} {}", answer.status, answer.body)),
    }
    if answer.body["data"].as_str().is_none_or(|data| !data.starts_with("UPID:")) {
        return Ok(None);
    }
    let exit = demo.exit(&answer);
    // A warning is about guests that were passed over, not about what the caller may do.
    if exit == "OK" || exit.starts_with("WARNINGS") {
        Ok(None)
    } else if exit.contains("Permission check failed") {
        Ok(Some(exit))
    } else {
        Err(exit)
    }
}

fn one(grant: &Grant) -> Measured {
    Measured { privileges: [grant.privilege.clone()].into(), paths: [grant.path.clone()].into(), main: false }
}

/// One call with exactly what the table says, and with less.
fn attempt(demo: &Demo, pristine: &State, tried: &Tried, with: &str) -> Vec<String> {
    let name = format!("{} {with}", tried.row);
    let (method, _) = tried.row.split_once(' ').unwrap();
    let sent: Vec<(&str, &str)> = [params(tried.base), params(with)].concat();
    let verb = [Method::Get, Method::Post, Method::Put, Method::Delete].into_iter().find(|m| m.word() == method).unwrap();
    let mut request = Request::new(verb, tried.path.split('/').skip(1).map(str::to_owned).collect());
    request.params = sent.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
    let groups = needs(&request).unwrap().all;
    // What is needed anyway answers a wider question too; of alternatives the first is taken.
    let wider = |any: &Vec<Grant>| groups.iter().any(|one| one.len() < any.len() && one.iter().all(|grant| any.contains(grant)));
    let mut grants: BTreeSet<Grant> = groups.iter().filter(|any| !wider(any)).map(|any| any[0].clone()).collect();
    let stands = |key: &str| sent.iter().any(|(sent, _)| sent.starts_with(key));
    grants.extend(
        tried
            .besides
            .iter()
            .filter(|(key, ..)| stands(key))
            .map(|(_, privilege, path)| Grant { path: (*path).into(), privilege: (*privilege).into() }),
    );
    let go = |held: Vec<Measured>| {
        demo.host
            .with_state(|state| {
                *state = pristine.clone();
                hand_out(state, "rig", &held, Less::Nothing);
            })
            .unwrap();
        denial(demo, method, tried.path, &sent)
    };
    match go(grants.iter().map(one).collect()) {
        Ok(None) => {}
        other => return vec![format!("{name}: does not work with {grants:?}: {other:?}")],
    }
    let mut wrong = Vec::new();
    for left_out in &grants {
        let less = go(grants.iter().filter(|grant| *grant != left_out).map(one).collect());
        if !matches!(&less, Ok(Some(_))) {
            wrong.push(format!("{name}: {} on {} is not needed: {less:?}", left_out.privilege, left_out.path));
        }
    }
    wrong
}

fn prove(from: usize, to: usize) {
    let demo = Demo::start();
    demo.host
        .with_state(|state| {
            // What can be taken away must be there.
            state.guests.get_mut(&101).unwrap().config.insert("onboot".into(), 1.into());
        })
        .unwrap();
    let pristine = demo.host.with_state(|state| state.clone()).unwrap();
    let mut wrong = Vec::new();
    for tried in &TRIED[from..to] {
        for with in tried.with.iter().copied().flatten() {
            wrong.extend(attempt(&demo, &pristine, tried, with));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_containers() {
    prove(0, 1);
}

#[test]
fn of_machines() {
    prove(1, 3);
}

#[test]
fn of_new_guests() {
    prove(3, 5);
}

#[test]
fn of_everything_else() {
    prove(5, TRIED.len());
}

/// The parameters that a row's privileges depend on.
fn options(privs: &Privs, found: &mut BTreeSet<(&'static str, Option<&'static str>)>) {
    match privs {
        Privs::All(list) | Privs::Any(list) => list.iter().for_each(|one| options(one, found)),
        Privs::When(option, inner) | Privs::WhenIs(option, _, inner) | Privs::Without(option, inner) => {
            found.insert((option, None));
            options(inner, found);
        }
        Privs::WhenDrive(option, drive, inner) => {
            found.insert((option, Some(drive.word())));
            options(inner, found);
        }
        Privs::None | Privs::Root | Privs::Need(..) => {}
    }
}

/// What the verbs prove (`backups`, `archives`), or the row's neighbour.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("POST /nodes/{node}/lxc", &["force", "restore", "unusedN"]),
    ("POST /nodes/{node}/qemu", &["archive", "force", "unusedN"]),
    ("PUT /cluster/backup/{id}", &["pool"]),
    ("POST /nodes/{node}/lxc/{vmid}/migrate", &["target-storage"]),
    ("POST /nodes/{node}/qemu/{vmid}/migrate", &["targetstorage"]),
    ("POST /nodes/{node}/lxc/{vmid}/move_volume", &["target-vmid"]),
    ("POST /nodes/{node}/qemu/{vmid}/move_disk", &["target-vmid"]),
];

#[test]
fn every_parameter_that_needs_something_is_tried() {
    let mut missing = Vec::new();
    for row in ROWS {
        let mut named = BTreeSet::new();
        options(&row.privs, &mut named);
        let key = row.key();
        let elsewhere = ELSEWHERE.iter().find(|(name, _)| *name == key).map_or(&[][..], |(_, options)| options);
        let tried: Vec<(&str, &str)> = TRIED
            .iter()
            .filter(|t| t.row == key)
            .flat_map(|t| t.with.iter().copied().flatten().map(|with| params(with)).chain([params(t.base)]))
            .flatten()
            .collect();
        for (option, drive) in named.into_iter().filter(|(option, _)| !elsewhere.contains(option)) {
            let stem = option.strip_suffix('N');
            let fits = |name: &str| stem.map_or(name == option, |stem| name.strip_prefix(stem).is_some_and(|n| n.parse::<u8>().is_ok()));
            let so = |(name, value): &(&str, &str)| {
                let sort = |value: &str| drive.is_none_or(|word| drive_word(value) == word);
                (fits(name) && sort(value)) || (*name == "delete" && fits(value))
            };
            if !tried.iter().any(so) {
                missing.push(format!("{key}: {option} {}", drive.unwrap_or_default()));
            }
        }
    }
    assert!(missing.is_empty(), "never sent:\n{}", missing.join("\n"));
}

fn drive_word(value: &str) -> &'static str {
    let drive = match value {
        _ if value.contains("cloudinit") => Drive::Cloudinit,
        _ if value.contains("media=cdrom") => Drive::Optical,
        _ => Drive::Disk,
    };
    drive.word()
}
