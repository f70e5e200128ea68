//! Raw calls. The routing table provides their risk; an unknown write counts as irreversible.

use std::io::Read;

use serde_json::{Map, Value as Json};

use crate::api::{Call, Method, Request, Value};
use crate::cli::Ctx;
use crate::fault::{Fault, Result};
use crate::guard::{Change, Item, Outcome, Step, redact, verdict};
use crate::ops::raw;
use crate::routes::{self, ConfirmWord};
use crate::secret::Secret;

use super::Target;

pub fn read(ctx: &Ctx, target: &Target) -> Result<()> {
    let session = ctx.session()?;
    let request = request(Method::Get, target)?;
    let answer: Json = session.client()?.get(&Call::of(request))?;
    ctx.out.value(&redact::json(answer))
}

pub fn write(ctx: &Ctx, method: Method, target: &Target) -> Result<()> {
    let session = ctx.session()?;
    let request = request(method, target)?;
    let mut item =
        Item::new(Item::RAW, crate::guard::Target { name: Some(request.to_string()), ..Default::default() }).word(word(&request));
    if routes::find(&request).is_none() {
        item = item.caution("felhom does not know this call, so it counts as irreversible");
    }
    item = raw::assess(&session, &request, item)?;
    let item = item.step(Step::call("answer", Call::<Json>::of(request.clone())));
    let Some(outcomes) = ctx.outcomes(&session, Change::one(request.to_string(), item), |_, done| {
        raw::verify(&session, &request, done)?;
        let answer = done.outputs.get("answer").cloned().unwrap_or(Json::Null);
        Ok(Map::from_iter([("answer".to_owned(), answer)]))
    })?
    else {
        return Ok(());
    };
    verdict(&outcomes)?;
    match outcomes.first() {
        Some(Outcome { upid: Some(upid), .. }) => ctx.out.value(&Json::String(upid.clone())),
        Some(outcome) => ctx.out.value(&redact::json(outcome.extra.get("answer").cloned().unwrap_or(Json::Null))),
        None => Ok(()),
    }
}

/// Returns the word for `--confirm`: from the routing table, else the path.
fn word(request: &Request) -> String {
    let Some((row, bound)) = routes::find(request) else { return request.path_text() };
    let named = match row.word {
        Some(ConfirmWord::Vmid) => bound.get("vmid").cloned(),
        Some(ConfirmWord::Archive) => bound.get("volume").map(|volume| volume.rsplit('/').next().unwrap_or(volume).to_owned()),
        Some(ConfirmWord::Snapshot) => bound.get("snapname").cloned(),
        Some(ConfirmWord::Node) => bound.get("node").cloned(),
        Some(ConfirmWord::Storage) => bound.get("storage").cloned(),
        Some(ConfirmWord::Last) => request.path.last().cloned(),
        None => None,
    };
    named.unwrap_or_else(|| request.path_text())
}

fn request(method: Method, target: &Target) -> Result<Request> {
    let (path, query) = target.path.split_once('?').unwrap_or((&target.path, ""));
    let path = path.strip_prefix("/api2/json").unwrap_or(path);
    if !path.starts_with('/') {
        return Err(Fault::usage(format!("'{path}' is no path")).with_hint("start the path with a slash: /nodes/pve1/status"));
    }
    let mut request = Request::new(method, segments(path));
    // A query is percent-encoded; parameters are not.
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let pair = pair.replace('+', " ");
        percent_encoding::percent_decode_str(&pair).decode_utf8_lossy().into_owned()
    });
    for pair in query.chain(target.params.iter().cloned()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| Fault::usage(format!("'{pair}' is not KEY=VALUE")))?;
        if key.trim().is_empty() {
            return Err(Fault::usage(format!("'{pair}' has no key")).with_hint("write parameters as KEY=VALUE"));
        }
        let text = match value.strip_prefix('@') {
            Some("-") => stdin()?,
            Some(file) => {
                std::fs::read_to_string(file).map_err(|error| Fault::io(format!("read {file}"), &error))?.trim_end_matches('\n').to_owned()
            }
            None => value.to_owned(),
        };
        let value = if redact::sensitive_at(&request.path, key) { Value::Secret(Secret::new(text)) } else { Value::Text(text) };
        request.params.push((key.to_owned(), value));
    }
    Ok(request)
}

/// Splits a path into segments. A UPID and a volume ID are one segment each; `%2F` is a slash inside a segment.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect::<Vec<_>>()
        .into_iter()
        .fold(Vec::new(), |mut joined: Vec<String>, segment| {
            let in_volume =
                joined.len() >= 5 && joined.get(2).is_some_and(|s| s == "storage") && joined.get(4).is_some_and(|s| s == "content");
            match joined.get_mut(5) {
                Some(volume) if in_volume => {
                    volume.push('/');
                    volume.push_str(&segment);
                }
                _ => joined.push(segment),
            }
            joined
        })
}

fn stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Fault::io("read standard input", &error))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_one_segment() {
        assert_eq!(
            segments("/nodes/pve1/storage/local/content/local:backup/a.tar.zst"),
            ["nodes", "pve1", "storage", "local", "content", "local:backup/a.tar.zst"]
        );
        assert_eq!(segments("/nodes/pve1/tasks/UPID%3Apve1%3A/status"), ["nodes", "pve1", "tasks", "UPID:pve1:", "status"]);
    }
}
