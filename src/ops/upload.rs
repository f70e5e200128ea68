//! Uploading files to a storage.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ring::digest::{self, SHA256};
use serde_json::{Map, Value as Json, json};

use crate::api::storage::{self, Storage, Volume};
use crate::api::{Attachment, Risk, cluster};
use crate::fault::{Fault, Kind, Result};
use crate::guard::{Item, Step, Target, plan};
use crate::ops::{nodes, root_only};
use crate::routes::Grant;
use crate::session::{Session, stopped};
use crate::units;

/// Content types that can be uploaded, with their file extensions.
const CONTENT: &[(&str, &[&str])] = &[
    ("iso", &[".iso", ".img"]),
    ("vztmpl", &[".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"]),
    ("import", &[".qcow2", ".raw", ".vmdk", ".ova"]),
];

/// Hash algorithms that the host verifies, with the number of hexadecimal digits.
const ALGORITHMS: &[(&str, usize)] = &[("md5", 32), ("sha1", 40), ("sha224", 56), ("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// A storage on a node, with its content.
pub struct Place {
    pub node: String,
    storage: Storage,
    volumes: Vec<Volume>,
}

/// Options of all files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub content: Option<String>,
    pub name: Option<String>,
    /// Algorithm and digest.
    pub checksum: Option<(String, String)>,
    /// Compute the checksum before the upload.
    pub verify: bool,
    pub overwrite: bool,
}

/// Finds the node that takes files for a storage.
pub fn place(session: &Session, id: &str, node: Option<&str>) -> Result<Place> {
    let mut found = nodes::each(session, node, |node| {
        let listed = session.client()?.get(&storage::list(node))?;
        Ok(listed.into_iter().filter(|storage| storage.storage == id).map(|storage| (node.to_owned(), storage)).collect())
    })?;
    let names: Vec<&str> = found.iter().map(|(node, _)| node.as_str()).collect();
    let shared = found.first().is_some_and(|(_, storage)| storage.shared);
    match names[..] {
        [] => {
            return Err(Fault::not_found(format!("there is no storage '{id}' that this token may see"))
                .with_hint("list the visible storages with `felhom storage list`"));
        }
        [_, _, ..] if !shared => {
            return Err(
                Fault::usage(format!("'{id}' is a different storage on each of {}", names.join(", "))).with_hint("name one with --node")
            );
        }
        _ => {}
    }
    let active = found.iter().position(|(_, storage)| storage.active).unwrap_or_default();
    let (node, storage) = found.swap_remove(active);
    if !storage.enabled || !storage.active {
        let state = if storage.enabled { "not active" } else { "disabled" };
        return Err(Fault::refused(format!("cannot upload to '{id}': it is {state} on {node}"))
            .with_hint(format!("check it with `felhom storage list --node {node}`")));
    }
    if !session.rules.plan {
        may_upload(session, id)?;
    }
    let volumes = session.client()?.get(&storage::content(&node, id))?;
    Ok(Place { node, storage, volumes })
}

/// Checks the privilege, which the host does only after it has received the file.
fn may_upload(session: &Session, id: &str) -> Result<()> {
    let (path, privilege) = (format!("/storage/{id}"), "Datastore.AllocateTemplate");
    let held = session.client()?.get(&cluster::permissions_on(&path))?;
    if root_only::is_root(session.who()) || plan::holds(&held, &Grant { path: path.clone(), privilege: privilege.to_owned() }) {
        return Ok(());
    }
    let mut fault = Fault::new(Kind::Denied, format!("cannot upload to '{id}': permission denied"));
    (fault.path, fault.privilege) = (Some(path), Some(privilege.to_owned()));
    Err(fault)
}

/// Prepares the upload of one file. Everything that the host would refuse after the transfer is checked before it.
pub fn prepare(session: &Session, place: &Place, path: &Path, options: &Options) -> Result<(Item, Attachment)> {
    let size = size(path)?;
    let name = options.name.clone().unwrap_or_else(|| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    let content = content(options.content.as_deref(), &name)?;
    check_name(&name)?;
    let id = &place.storage.storage;
    if !place.storage.allows(content) {
        return Err(Fault::refused(format!("storage '{id}' does not take {content}; it takes {}", place.storage.content))
            .with_hint(format!("choose another storage, or run `felhom storage set {id} --content {},{content}`", place.storage.content)));
    }
    if let Some(free) = place.storage.avail.filter(|free| *free < size) {
        let (size, free) = (units::bytes(size), units::bytes(free));
        return Err(Fault::refused(format!("'{name}' has {size}, and storage '{id}' has {free} free")).with_hint("free some space first"));
    }
    let volume = format!("{id}:{content}/{name}");
    let target = Target { node: Some(place.node.clone()), name: Some(volume.clone()), ..Target::default() };
    let mut item = Item::new("upload", target).extra("volume", volume.as_str()).extra("size_bytes", size).fact("size", size);
    if let Some(old) = place.volumes.iter().find(|known| known.volid == volume) {
        let old = old.size.map_or_else(String::new, |size| format!(" ({})", units::bytes(size)));
        if !options.overwrite {
            return Err(Fault::refused_as(Kind::Exists, format!("'{volume}' exists already{old}, and the host would overwrite it"))
                .with_hint("add --overwrite, or choose another name with --name"));
        }
        item = item.risk(Risk::Disruptive).loses(format!("{volume}{old}"));
    }
    let checksum = match &options.checksum {
        Some(given) => Some(given.clone()),
        None if options.verify => Some(("sha256".to_owned(), sha256(session, path)?)),
        None => None,
    };
    if let Some((algorithm, digest)) = &checksum {
        item = item.extra("checksum", format!("{algorithm}:{digest}"));
    }
    let checksum = checksum.as_ref().map(|(algorithm, digest)| (algorithm.as_str(), digest.as_str()));
    let file = Attachment::new(path.to_owned(), name, size);
    let call = storage::upload(&place.node, id, content, checksum, file.clone());
    Ok((item.step(Step::call("upload", call)), file))
}

/// Checks that the volume exists with the size of the file.
pub fn verify(session: &Session, place: &Place, item: &Item) -> Result<Map<String, Json>> {
    let (volume, size) = (item.extra.get("volume").and_then(Json::as_str), item.extra.get("size_bytes").and_then(Json::as_u64));
    let listed = session.client()?.get(&storage::content(&place.node, &place.storage.storage))?;
    let Some(found) = listed.iter().find(|found| Some(found.volid.as_str()) == volume) else {
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but '{}' is missing", volume.unwrap_or_default())));
    };
    // The size of a disk image is that of the disk, not of the file.
    if found.content == "iso" && found.size != size {
        let [there, here] = [found.size, size].map(Option::unwrap_or_default);
        return Err(Fault::new(Kind::TaskFailed, format!("task succeeded, but '{}' has {there} bytes instead of {here}", found.volid)));
    }
    Ok(Map::from_iter([("format".to_owned(), json!(found.format))]))
}

/// Parses `sha256:HEX`.
pub fn checksum(text: &str) -> Result<(String, String), String> {
    let (algorithm, digest) = text.split_once(':').ok_or("expected ALGORITHM:HEX, for example sha256:9f86d0…")?;
    let algorithm = algorithm.to_ascii_lowercase();
    let names = || ALGORITHMS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let (_, digits) = ALGORITHMS
        .iter()
        .find(|(name, _)| *name == algorithm)
        .ok_or_else(|| format!("unknown algorithm '{algorithm}'; the host knows {}", names()))?;
    if digest.len() != *digits || !digest.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("a {algorithm} checksum has {digits} hexadecimal digits"));
    }
    Ok((algorithm, digest.to_ascii_lowercase()))
}

fn size(path: &Path) -> Result<u64> {
    let shown = path.display();
    let found = path.metadata().map_err(|error| {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Other };
        Fault::new(kind, format!("cannot read '{shown}': {error}")).with_hint("check the path of the file")
    })?;
    if !found.is_file() {
        return Err(Fault::usage(format!("'{shown}' is not a regular file")).with_hint("name a file to upload"));
    }
    if found.len() == 0 {
        return Err(Fault::usage(format!("'{shown}' is empty")).with_hint("check the file"));
    }
    File::open(path).map_err(|error| Fault::io(format!("cannot read '{shown}'"), &error))?;
    Ok(found.len())
}

/// Returns the content type of a file by its extension.
fn content(given: Option<&str>, name: &str) -> Result<&'static str> {
    let lower = name.to_ascii_lowercase();
    let fits = |ends: &[&str]| ends.iter().any(|end| lower.ends_with(end) && lower.len() > end.len());
    let known = CONTENT.iter().find(|(_, ends)| fits(ends)).map(|(content, _)| *content);
    match given {
        None => known.ok_or_else(|| {
            let all: Vec<&str> = CONTENT.iter().flat_map(|(_, ends)| ends.iter().copied()).collect();
            Fault::usage(format!("the extension of '{name}' names no content type"))
                .with_hint(format!("rename it with --name; the host takes {}", all.join(", ")))
        }),
        Some(wanted) => {
            let (content, ends) = CONTENT
                .iter()
                .find(|(content, _)| *content == wanted)
                .ok_or_else(|| Fault::usage(format!("content '{wanted}' cannot be uploaded")).with_hint("choose iso, vztmpl or import"))?;
            if !fits(ends) {
                return Err(Fault::usage(format!("'{name}' has no extension of {wanted} files"))
                    .with_hint(format!("rename it with --name; the host takes {} for {wanted}", ends.join(", "))));
            }
            Ok(content)
        }
    }
}

/// The host replaces other characters without a message.
fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    if name.len() <= 255 && name.chars().all(allowed) {
        return Ok(());
    }
    let kept: String = name.chars().map(|c| if allowed(c) { c } else { '_' }).take(200).collect();
    Err(Fault::usage(format!("'{name}' has characters that the host would replace")).with_hint(format!("name it with --name {kept}")))
}

/// Computes a file's checksum.
fn sha256(session: &Session, path: &Path) -> Result<String> {
    let failed = |error: &std::io::Error| Fault::io(format!("cannot read '{}'", path.display()), error);
    let mut file = File::open(path).map_err(|error| failed(&error))?;
    let (mut hash, mut chunk) = (digest::Context::new(&SHA256), vec![0; 1 << 20]);
    loop {
        session.interrupt.check().map_err(|signal| stopped(signal, "computing the checksum was interrupted; nothing was sent"))?;
        match file.read(&mut chunk).map_err(|error| failed(&error))? {
            0 => break,
            n => hash.update(&chunk[..n]),
        }
    }
    Ok(hash.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Checks that no two files get the same name.
pub fn distinct(files: &[PathBuf], options: &Options) -> Result<()> {
    if files.len() > 1 && (options.name.is_some() || options.checksum.is_some()) {
        let flag = if options.name.is_some() { "--name" } else { "--checksum" };
        return Err(Fault::usage(format!("{flag} is about one file")).with_hint("upload the files one by one, or use --verify"));
    }
    let mut names: Vec<_> = files.iter().filter_map(|file| file.file_name()).collect();
    names.sort();
    match names.windows(2).find(|two| two[0] == two[1]) {
        Some(two) => {
            Err(Fault::usage(format!("two files are called '{}'", two[0].to_string_lossy()))
                .with_hint("upload them one by one with --name"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_names_the_content() {
        assert_eq!(content(None, "debian-13.ISO").unwrap(), "iso");
        assert_eq!(content(None, "debian-13.tar.zst").unwrap(), "vztmpl");
        assert_eq!(content(Some("import"), "disk.qcow2").unwrap(), "import");
        for (given, name) in [(None, "notes.txt"), (None, ".iso"), (Some("iso"), "a.qcow2"), (Some("backup"), "a.iso")] {
            assert_eq!(content(given, name).unwrap_err().kind, Kind::Usage, "{name}");
        }
    }

    #[test]
    fn names_are_those_that_the_host_keeps() {
        assert!(check_name("debian-13.1_amd64+x.iso").is_ok());
        let fault = check_name("my file.iso").unwrap_err();
        assert!(fault.hint().contains("--name my_file.iso"), "{fault:?}");
    }

    #[test]
    fn checksums_are_checked_before_sending() {
        assert_eq!(checksum(&format!("SHA256:{}", "AB".repeat(32))).unwrap(), ("sha256".into(), "ab".repeat(32)));
        for wrong in ["sha256", "sha256:12", "crc32:12345678", "md5:zz"] {
            assert!(checksum(wrong).is_err(), "{wrong}");
        }
    }
}
