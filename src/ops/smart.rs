//! Disk health from the root helper if the context has one, otherwise from the API.

use serde_json::Value as Json;

use crate::api::nodes;
use crate::fault::{Fault, Result};
use crate::fence::client::Fence;
use crate::fence::request::{Sensors, Smart};
use crate::fence::sensors::{SensorRow, from_sensors, with_disks};
use crate::fence::smart::{ApiDisk, SmartRow, from_api, from_smartctl};
use crate::fence::text::DevicePath;
use crate::session::Session;

use super::nodes::each;

/// The source of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The root helper if there is one, otherwise the API.
    #[default]
    Auto,
    Api,
    Fence,
}

/// Options of a query.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub node: Option<String>,
    pub disk: Option<DevicePath>,
    pub side: Side,
    pub full: bool,
}

/// Returns a row per disk. The root helper knows its own host only; other nodes are read through the API.
pub fn read(session: &Session, fence: Option<&Fence>, query: &Query) -> Result<Vec<SmartRow>> {
    match (query.side, fence) {
        (Side::Api, _) | (Side::Auto, None) => by_api(session, query, None),
        (Side::Fence, None) => Err(no_fence(session)),
        (Side::Fence, Some(fence)) => {
            let (host, rows) = by_fence(fence, query)?;
            match &query.node {
                Some(node) if *node != host => Err(elsewhere(session, node, &host)),
                _ => Ok(rows),
            }
        }
        (Side::Auto, Some(fence)) => match by_fence(fence, query) {
            Ok((host, rows)) if query.node.as_ref().is_none_or(|node| *node == host) => {
                let mut all = rows;
                if query.node.is_none() && query.disk.is_none() {
                    all.extend(by_api(session, query, Some(&host)).or_else(|fault| {
                        session.person.warn(&format!("cannot read the other nodes: {fault}"));
                        Ok::<_, Fault>(Vec::new())
                    })?);
                }
                Ok(all)
            }
            Ok(_) => by_api(session, query, None),
            Err(fault) => {
                session.person.warn(&format!("using the API: {fault}"));
                by_api(session, query, None)
            }
        },
    }
}

/// Returns the error for a context without a root helper.
pub fn no_fence(session: &Session) -> Fault {
    Fault::config(format!("the context '{}' has no root helper", session.context))
        .with_hint(format!("install it with `felhom fence install --ssh root@HOST --create-user --key FILE -c {}`", session.context))
}

fn elsewhere(session: &Session, node: &str, host: &str) -> Fault {
    Fault::usage(format!("the root helper of '{}' is on {host}, not on {node}", session.context))
        .with_hint("use another context for that node, with its own root helper")
}

fn by_fence(fence: &Fence, query: &Query) -> Result<(String, Vec<SmartRow>)> {
    let answer = fence.ask(Smart { disk: query.disk.clone(), full: query.full })?;
    let rows = answer.reply.disks.iter().map(|disk| from_smartctl(&answer.host, disk, query.full)).collect();
    Ok((answer.host, rows))
}

fn by_api(session: &Session, query: &Query, but: Option<&str>) -> Result<Vec<SmartRow>> {
    let client = session.client()?;
    each(session, query.node.as_deref(), |node| {
        if but == Some(node) {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for mut disk in client.get(&nodes::disks(node))? {
            if query.disk.as_ref().is_some_and(|wanted| wanted.as_str() != disk.devpath) {
                continue;
            }
            match client.get(&nodes::smart(node, &disk.devpath)) {
                Ok(smart) => fill(&mut disk, &smart),
                // One unreadable disk does not hide the others; a permission error would be the same for all.
                Err(fault) if fault.exit_code() == 4 => return Err(fault),
                Err(fault) => disk.text = Some(fault.message),
            }
            rows.push(from_api(node, &disk, query.full));
        }
        if let (Some(wanted), true) = (&query.disk, rows.is_empty()) {
            return Err(Fault::not_found(format!("no disk {wanted} on {node}")));
        }
        Ok(rows)
    })
}

fn fill(disk: &mut ApiDisk, smart: &Json) {
    let text = |key: &str| smart[key].as_str().map(ToOwned::to_owned);
    disk.health = text("health").or(disk.health.take());
    disk.smart_type = text("type");
    disk.text = text("text");
    disk.attributes = smart["attributes"].as_array().cloned().unwrap_or_default();
    if !smart["wearout"].is_null() {
        disk.wearout = smart["wearout"].clone();
    }
}

/// Returns the sensors of the root helper's host, with the temperatures of its disks.
pub fn sensors(session: &Session, fence: &Fence, node: Option<&str>) -> Result<Vec<SensorRow>> {
    let answer = fence.ask(Sensors {})?;
    if let Some(node) = node.filter(|node| *node != answer.host) {
        return Err(elsewhere(session, node, &answer.host));
    }
    let rows = from_sensors(&answer.host, &answer.reply.sensors);
    match by_fence(fence, &Query::default()) {
        Ok((_, disks)) => Ok(with_disks(rows, &disks)),
        Err(fault) => {
            session.person.note(&format!("cannot read the disk temperatures: {fault}"));
            Ok(rows)
        }
    }
}
