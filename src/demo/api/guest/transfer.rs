//! Uploads, downloads and container templates.

use serde_json::{Value, json};

use super::{disks, random};
use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{State, Volume, sha1_hex};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("POST", "/nodes/{node}/storage/{storage}/upload", upload),
    ("POST", "/nodes/{node}/storage/{storage}/download-url", download),
    ("GET", "/nodes/{node}/aplinfo", templates),
    ("POST", "/nodes/{node}/aplinfo", fetch_template),
    ("GET", "/nodes/{node}/query-url-metadata", url_metadata),
];

const ISO: [&str; 2] = [".iso", ".img"];
const TEMPLATE: [&str; 5] = [".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2", ".tar"];
const IMPORT: [&str; 4] = [".ova", ".qcow2", ".raw", ".vmdk"];

/// Returns the host's name for a file, or the error about its extension.
fn file_name(content: &str, name: &str) -> Result<String, Refusal> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '_' }).collect();
    let ends = |list: &[&str]| list.iter().any(|end| name.to_ascii_lowercase().ends_with(end) && name.len() > end.len());
    match content {
        "iso" if ends(&ISO) => Ok(name),
        "vztmpl" if ends(&TEMPLATE) => Ok(name),
        "import" if ends(&IMPORT) => Ok(name),
        "iso" | "vztmpl" => Err(Refusal::param("filename", "wrong file extension")),
        "import" => Err(Refusal::param("filename", "invalid filename or wrong extension")),
        other => Err(Refusal::param("content", format!("upload content type '{other}' not allowed"))),
    }
}

/// A volume for a new file.
fn volume(state: &State, storage: &str, content: &str, name: &str, size: u64, node: &str, now: i64) -> Volume {
    let format = match content {
        "vztmpl" => match name.rsplit('.').next() {
            Some("zst") => "tzst",
            Some("xz") => "txz",
            Some("gz") => "tgz",
            _ => "tar",
        },
        "import" => name.rsplit('.').next().unwrap_or("raw"),
        _ => "iso",
    };
    let mut volume = Volume::new(format!("{storage}:{content}/{name}"), content, format, size);
    volume.ctime = Some(now);
    volume.node = state.storages.get(storage).is_some_and(|storage| !storage.is_shared()).then(|| node.to_owned());
    volume
}

fn upload(req: &mut Req<'_>) -> Answer {
    let (id, node, now) = (req.params.text("storage").to_owned(), req.node(), req.now());
    disks::usable(req.state, &id, &node)?;
    let content = req.params.text("content").to_owned();
    let file = req.upload.take();
    let given = file.as_ref().map_or_else(|| req.params.text("filename").to_owned(), |file| file.filename.clone());
    let name = file_name(&content, &given)?;
    if !disks::usable(req.state, &id, &node)?.holds(&content) {
        return Err(Refusal::die(format!("storage '{id}' does not support '{content}' content")));
    }
    let (size, digest, start) = file.map(|file| (file.size, file.digest, file.start)).unwrap_or_default();
    let temporary = format!("/var/tmp/pveupload-{}", random::hex(32));
    let mut spec = TaskSpec::new("imgcopy", "").log(format!("starting file import from: {temporary}"));
    if req.params.has("checksum-algorithm") {
        let wanted = req.params.text("checksum").to_lowercase();
        match digest {
            Some(got) if got != wanted => {
                let spec = spec.log("calculating checksum...");
                return req
                    .start(spec.takes(0.2).fail(format!("checksum mismatch: got '{got}' != expect '{}'", req.params.text("checksum"))));
            }
            _ => spec = spec.log("calculating checksum...OK, checksum verified"),
        }
    }
    // The host reads the tar archive of an appliance.
    if name.ends_with(".ova") && start.get(257..262) != Some(b"ustar") {
        for line in
            ["This does not look like a tar archive", "Skipping to next header", "Exiting with failure status due to previous errors"]
        {
            spec = spec.log(format!("tar: {line}"));
        }
        return req.start(spec.fail(format!("command 'tar -t -f {temporary}' failed: exit code 2")));
    }
    let volid = format!("{id}:{content}/{name}");
    let target = disks::path_of(req.state, &volid);
    for line in [
        format!("target node: {node}"),
        format!("target file: {target}"),
        format!("file size is: {size}"),
        format!("command: cp -- {temporary} {target}"),
    ] {
        spec = spec.log(line);
    }
    let full = req.state.storages.get(&id).is_some_and(|storage| storage.free() < size);
    if full {
        let words = format!("import failed: cp: error writing '{target}': No space left on device");
        return req.start(spec.takes(0.5).fail(words));
    }
    let volume = volume(req.state, &id, &content, &name, size, &node, now);
    req.start(spec.takes(0.3).then(Effect::AddVolume(Box::new(volume))).log("finished file import successfully").ok())
}

/// Returns host and port of a URL.
fn authority(url: &str) -> (String, u16) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().unwrap_or(rest);
    let fallback = if scheme == "https" { 443 } else { 80 };
    match host.rsplit_once(':').and_then(|(name, port)| Some((name, port.parse().ok()?))) {
        Some((name, port)) => (name.to_owned(), port),
        None => (host.to_owned(), fallback),
    }
}

fn download(req: &mut Req<'_>) -> Answer {
    let (id, node, now) = (req.params.text("storage").to_owned(), req.node(), req.now());
    let content = req.params.text("content").to_owned();
    let given = req.params.text("filename").to_owned();
    let url = req.params.text("url").to_owned();
    if req.params.has("checksum") != req.params.has("checksum-algorithm") {
        let (name, other) =
            if req.params.has("checksum") { ("checksum-algorithm", "checksum") } else { ("checksum", "checksum-algorithm") };
        return Err(Refusal::param(name, format!("missing property required by '{other}'")));
    }
    let name = file_name(&content, &given)?;
    if !disks::usable(req.state, &id, &node)?.holds(&content) {
        return Err(Refusal::die(format!("storage '{id}' is not configured for content-type '{content}'")));
    }
    let volid = format!("{id}:{content}/{name}");
    let target = disks::path_of(req.state, &volid);
    let zone = super::times::zone(req.state, &node);
    let spec = TaskSpec::new("download", name.clone()).log(format!("downloading {url} to {target}"));
    let spec = spec.log(format!("--{}--  {url}", super::times::plain(&zone, now)));
    let (host, port) = authority(&url);
    if host.ends_with(".invalid") || !host.contains('.') && host != "localhost" {
        let words = format!("download failed: wget: unable to resolve host address '{host}'");
        return req.start(spec.takes(0.4).fail(words));
    }
    if host.starts_with("127.") || host == "localhost" {
        let words = format!("download failed: Connecting to {host}:{port}... failed: Connection refused.");
        return req.start(spec.takes(0.2).fail(words));
    }
    let size =
        u64::from(sha1_hex(&url).bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 900 + 100) << 20;
    if req.state.storages.get(&id).is_some_and(|storage| storage.free() < size) {
        return req.start(spec.takes(2.0).fail(format!("download failed: Cannot write to '{target}.tmp_dwnl' (No space left on device).")));
    }
    let mut spec = spec.log(format!("Resolving {host} ({host})... 203.0.113.10"));
    spec = spec.log(format!("Connecting to {host} ({host})|203.0.113.10|:{port}... connected.")).takes(0.3);
    spec = spec
        .log("HTTP request sent, awaiting response... 200 OK")
        .log(format!("Length: {size} ({}M) [application/octet-stream]", size >> 20));
    spec = spec.log(format!("Saving to: '{target}.tmp_dwnl.1200'"));
    for step in 1..=10u64 {
        spec = spec.takes(size as f64 / 1e8 / 10.0).log(format!(
            "{:>6}K ........ ........ ........ ........ {:>3}% 98.4M {}s",
            size / 10_240 * step,
            step * 10,
            10 - step
        ));
    }
    let volume = volume(req.state, &id, &content, &name, size, &node, now);
    spec = spec.then(Effect::AddVolume(Box::new(volume)));
    spec = spec.log(format!("download of '{url}' to '{target}' finished"));
    req.start(spec.ok())
}

fn url_metadata(req: &mut Req<'_>) -> Answer {
    let url = req.params.text("url").to_owned();
    let (host, port) = authority(&url);
    if host.starts_with("127.") || host == "localhost" {
        return Err(Refusal::die(format!("invalid server response: '500 Can't connect to {host}:{port} (Connection refused)'")));
    }
    let name = url.rsplit('/').next().unwrap_or("").split('?').next().unwrap_or("");
    Ok(json!({ "filename": name, "mimetype": "application/octet-stream", "size": 650_000_000 }).into())
}

/// Templates in the index: package, system, version, title, megabytes.
const INDEX: [(&str, &str, &str, &str, u64); 5] = [
    ("debian-13-standard", "debian-13", "13.1-2", "Debian 13 Trixie (standard)", 124),
    ("debian-12-standard", "debian-12", "12.12-1", "Debian 12 Bookworm (standard)", 121),
    ("ubuntu-24.04-standard", "ubuntu-24.04", "24.04-2", "Ubuntu 24.04 Noble (standard)", 135),
    ("alpine-3.22-default", "alpine", "20250617", "LXC default image for alpine 3.22 (20250617)", 3),
    ("fedora-42-default", "fedora", "20250428", "LXC default image for fedora 42 (20250428)", 68),
];

fn template_file(package: &str, version: &str) -> String {
    format!("{package}_{version}_amd64.tar.zst")
}

/// Lists templates; none before the index was fetched (`pveam update`).
fn templates(req: &mut Req<'_>) -> Answer {
    if req.state.section("aplinfo").next().is_none() {
        return Ok(json!([]).into());
    }
    let rows = INDEX.iter().map(|(package, os, version, title, _)| {
        let file = template_file(package, version);
        json!({
            "architecture": "amd64", "description": title, "headline": title, "infopage": "https://www.proxmox.com",
            "location": format!("http://download.proxmox.com/images/system/{file}"), "os": os, "package": package,
            "section": "system", "sha512sum": sha1_hex(&file).repeat(4)[..128].to_owned(), "source": "http://download.proxmox.com/images",
            "template": file, "type": "lxc", "version": version,
        })
    });
    Ok(rows.collect::<Value>().into())
}

fn fetch_template(req: &mut Req<'_>) -> Answer {
    let (id, node, now) = (req.params.text("storage").to_owned(), req.node(), req.now());
    let file = req.params.text("template").to_owned();
    let Some((_, _, _, _, megabytes)) = INDEX.iter().find(|(package, _, version, _, _)| template_file(package, version) == file) else {
        return Err(Refusal::param("template", "no such template"));
    };
    let storage = disks::usable(req.state, &id, &node)?;
    if !storage.holds("vztmpl") {
        return Err(Refusal::die(format!("storage '{id}' does not support 'vztmpl' content")));
    }
    let size = megabytes << 20;
    let target = disks::path_of(req.state, &format!("{id}:vztmpl/{file}"));
    let url = format!("http://download.proxmox.com/images/system/{file}");
    let spec = TaskSpec::new("download", file.clone()).log(format!("downloading {url} to {target}"));
    let volume = volume(req.state, &id, "vztmpl", &file, size, &node, now);
    let spec = spec.takes(0.5 + size as f64 / 1e8).then(Effect::AddVolume(Box::new(volume)));
    req.start(spec.log(format!("download of '{url}' to '{target}' finished")).ok())
}
