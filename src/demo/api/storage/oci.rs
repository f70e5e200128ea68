//! Images of OCI registries.

use serde_json::{Value, json};

use crate::demo::api::{Answer, Refusal, Req, Route};
use crate::demo::state::{INTERNET, Volume};
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] =
    &[("GET", "/nodes/{node}/query-oci-repo-tags", tags), ("POST", "/nodes/{node}/storage/{storage}/oci-registry-pull", pull)];

/// Images that the demo site can pull: name, tags, megabytes.
const IMAGES: &[(&str, &[&str], u64)] = &[
    ("docker.io/library/debian", &["12", "13", "bookworm", "latest", "trixie"], 49),
    ("docker.io/library/alpine", &["3.21", "3.22", "latest"], 4),
    ("docker.io/library/nginx", &["1.28", "1.29", "latest", "stable"], 72),
];

fn image(name: &str) -> Option<&'static (&'static str, &'static [&'static str], u64)> {
    let name = name.trim_start_matches("docker://");
    let full = match name.split('/').count() {
        1 => format!("docker.io/library/{name}"),
        2 => format!("docker.io/{name}"),
        _ => name.to_owned(),
    };
    IMAGES.iter().find(|(known, ..)| *known == full)
}

/// Refuses where `skopeo` is not installed.
fn installed(req: &Req<'_>, purpose: &str) -> Result<(), Refusal> {
    match req.state.sections.contains_key(INTERNET) {
        true => Ok(()),
        false => Err(Refusal::die(format!(
            "Install 'skopeo' to {purpose} OCI {}.",
            if purpose == "pull" { "images from registries" } else { "registries" }
        ))),
    }
}

fn tags(req: &mut Req<'_>) -> Answer {
    installed(req, "list tags from")?;
    let reference = req.params.text("reference");
    match image(reference) {
        Some((_, tags, _)) => Ok(tags.iter().map(|tag| json!(tag)).collect::<Value>().into()),
        None => Err(Refusal::die(format!("command 'skopeo list-tags docker://{reference}' failed: exit code 1"))),
    }
}

fn pull(req: &mut Req<'_>) -> Answer {
    installed(req, "pull")?;
    let (id, reference, node) = (req.params.text("storage").to_owned(), req.params.text("reference").to_owned(), req.node());
    let storage = req.storage(&id)?;
    if storage.text("path").is_none() {
        return Err(Refusal::die(format!("can't upload to storage type '{}', not a file based storage!", storage.kind())));
    }
    if !storage.holds("vztmpl") {
        return Err(Refusal::die(format!("storage '{id}' is not configured for content-type 'vztmpl'")));
    }
    let wanted = req.params.get("filename").unwrap_or(&reference);
    let name: String = wanted
        .rsplit('/')
        .next()
        .unwrap_or(wanted)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '_' })
        .collect();
    let file = format!("{name}.tar");
    let volid = format!("{id}:vztmpl/{file}");
    if req.state.volume(&volid).is_some() {
        return Err(Refusal::die(format!("refusing to override existing file '{file}'")));
    }
    let spec = TaskSpec::new("ociregistrypull", file).log(format!("Getting image source signatures for docker://{reference}")).takes(1.0);
    let (repository, tag) = reference.rsplit_once(':').unwrap_or((&reference, "latest"));
    let Some((_, _, size)) = image(repository).filter(|(_, tags, _)| tags.contains(&tag)) else {
        let spec = spec.log("reading manifest: manifest unknown");
        return req.start(spec.fail(format!(
            "command 'skopeo copy docker://{reference} oci-archive:/var/lib/vz/template/cache/{name}.tar' failed: exit code 1"
        )));
    };
    let mut volume = Volume::new(volid, "vztmpl", "tar", size << 20);
    volume.ctime = Some(req.now());
    volume.node = (!req.storage(&id)?.is_shared()).then_some(node);
    let spec = spec.log("Copying blob").takes(2.0).log("Writing manifest to image destination");
    req.start(spec.then(Effect::AddVolume(Box::new(volume))).ok())
}
