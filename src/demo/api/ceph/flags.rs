//! Flags of all OSDs.

use serde_json::{Value, json};

use super::{FLAG, ready};
use crate::demo::api::{Answer, Reply, Req, Route};
use crate::demo::state::Map;
use crate::demo::tasks::{Effect, TaskSpec};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/cluster/ceph/flags", list),
    ("PUT", "/cluster/ceph/flags", set_several),
    ("GET", "/cluster/ceph/flags/{flag}", read),
    ("PUT", "/cluster/ceph/flags/{flag}", set),
];

const FLAGS: &[(&str, &str)] = &[
    ("nobackfill", "Backfilling of PGs is suspended."),
    ("nodeep-scrub", "Deep Scrubbing is disabled."),
    ("nodown", "OSD failure reports are being ignored, such that the monitors will not mark OSDs down."),
    ("noin", "OSDs that were previously marked out will not be marked back in when they start."),
    ("noout", "OSDs will not automatically be marked out after the configured interval."),
    ("norebalance", "Rebalancing of PGs is suspended."),
    ("norecover", "Recovery of PGs is suspended."),
    ("noscrub", "Scrubbing is disabled."),
    ("notieragent", "Cache tiering activity is suspended."),
    ("noup", "OSDs are not allowed to start."),
    ("pause", "Pauses read and writes."),
];

fn is_set(req: &Req<'_>, flag: &str) -> bool {
    req.state.section(FLAG).any(|(name, _)| name == flag)
}

fn list(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let rows = FLAGS.iter().map(|(name, text)| json!({ "name": name, "description": text, "value": u8::from(is_set(req, name)) }));
    Ok(rows.collect::<Value>().into())
}

fn read(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    Ok(json!(u8::from(is_set(req, req.params.text("flag")))).into())
}

fn set(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let flag = req.params.text("flag").to_owned();
    if req.params.flag("value") {
        req.state.section_mut(FLAG).insert(flag, Map::new());
    } else {
        req.state.section_mut(FLAG).remove(&flag);
    }
    Ok(Reply::null())
}

fn set_several(req: &mut Req<'_>) -> Answer {
    ready(req)?;
    let mut spec = TaskSpec::new("cephsetflags", "");
    for (flag, _) in FLAGS {
        let Some(wanted) = req.params.bool(flag).filter(|wanted| *wanted != is_set(req, flag)) else { continue };
        let (word, config) = if wanted { ("set", Some(Map::new())) } else { ("unset", None) };
        let effect = Effect::SetSection { section: FLAG.to_owned(), id: (*flag).to_owned(), config };
        spec = spec.log(format!("{word} {flag}")).takes(0.3).then(effect);
    }
    req.start(spec.ok())
}
