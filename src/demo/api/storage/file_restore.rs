//! Single files in backups on a Proxmox Backup Server.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::base64;

pub(super) const ROUTES: &[Route] = &[("GET", "/nodes/{node}/storage/{storage}/file-restore/list", list)];

/// Files of every guest: path, size (`None` for directories).
const TREE: &[(&str, Option<u64>)] = &[
    ("etc", None),
    ("etc/fstab", Some(37)),
    ("etc/hostname", Some(9)),
    ("etc/passwd", Some(1_183)),
    ("home", None),
    ("root", None),
    ("root/.bashrc", Some(571)),
    ("srv", None),
    ("var", None),
    ("var/log", None),
    ("var/log/dpkg.log", Some(48_211)),
];

fn entry(path: &str, kind: &str, size: Option<u64>, mtime: i64) -> Value {
    let mut row = json!({
        "filepath": base64::encode(path.as_bytes()), "text": path.rsplit('/').next(), "type": kind, "leaf": u8::from(kind == "f"),
        "mtime": mtime,
    });
    if let Some(size) = size {
        row["size"] = size.into();
    }
    row
}

fn list(req: &mut Req<'_>) -> Answer {
    let (id, volume) = (req.params.text("storage"), req.params.text("volume"));
    if req.storage(id)?.kind() != "pbs" {
        return Err(Refusal::die("Only PBS storages supported for file-restore."));
    }
    let volid = if volume.contains(':') { volume.to_owned() } else { format!("{id}:{volume}") };
    let Some(backup) = req.state.volume(&volid) else { return Err(Refusal::die(format!("volume '{volid}' does not exist"))) };
    let (mtime, archive) =
        (backup.ctime.unwrap_or(0), if backup.subtype.as_deref() == Some("qemu") { "drive-scsi0.img.fidx" } else { "root.pxar.didx" });
    let wanted = match req.params.text("filepath") {
        "/" => "/".to_owned(),
        text => base64::decode(text).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default(),
    };
    let wanted = wanted.trim_matches('/');
    if wanted.is_empty() {
        return Ok(json!([entry(&format!("/{archive}"), "v", None, mtime)]).into());
    }
    let Some(below) = wanted.strip_prefix(archive).map(|rest| rest.trim_start_matches('/')) else {
        return Err(Refusal::die(format!("file '/{wanted}' not found")));
    };
    let is_child = |path: &str| match path.rsplit_once('/') {
        Some((parent, _)) => parent == below,
        None => below.is_empty(),
    };
    let rows = TREE.iter().filter(|(path, _)| is_child(path));
    let row =
        |(path, size): &(&str, Option<u64>)| entry(&format!("/{archive}/{path}"), if size.is_some() { "f" } else { "d" }, *size, mtime);
    Ok(rows.map(row).collect::<Value>().into())
}
