//! Disk health from whichever side can tell: the fence where the context has one, else the API.

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

/// Which side is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The fence where there is one, else the API.
    #[default]
    Auto,
    Api,
    Fence,
}

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    pub node: Option<String>,
    pub disk: Option<DevicePath>,
    pub side: Side,
    pub full: bool,
}

/// One row a disk. The fence stands for its own host only; the other nodes are asked through the API.
pub fn read(session: &Session, fence: Option<&Fence>, ask: &Ask) -> Result<Vec<SmartRow>> {
    match (ask.side, fence) {
        (Side::Api, _) | (Side::Auto, None) => by_api(session, ask, None),
        (Side::Fence, None) => Err(no_fence(session)),
        (Side::Fence, Some(fence)) => {
            let (host, rows) = by_fence(fence, ask)?;
            match &ask.node {
                Some(node) if *node != host => Err(elsewhere(session, node, &host)),
                _ => Ok(rows),
            }
        }
        (Side::Auto, Some(fence)) => match by_fence(fence, ask) {
            Ok((host, rows)) if ask.node.as_ref().is_none_or(|node| *node == host) => {
                let mut all = rows;
                if ask.node.is_none() && ask.disk.is_none() {
                    all.extend(by_api(session, ask, Some(&host)).or_else(|fault| {
                        session.person.warn(&format!("the other nodes are not shown: {fault}"));
                        Ok::<_, Fault>(Vec::new())
                    })?);
                }
                Ok(all)
            }
            Ok(_) => by_api(session, ask, None),
            Err(fault) => {
                session.person.warn(&format!("asked through the API instead: {fault}"));
                by_api(session, ask, None)
            }
        },
    }
}

/// The fault of a context without a fence.
pub fn no_fence(session: &Session) -> Fault {
    Fault::config(format!("the context '{}' has no root helper", session.context))
        .with_hint(format!("install it with `felhom fence install --ssh root@HOST --create-user --key FILE -c {}`", session.context))
}

fn elsewhere(session: &Session, node: &str, host: &str) -> Fault {
    Fault::usage(format!("the root helper of '{}' is on {host}, not on {node}", session.context))
        .with_hint("use another context for that node, with its own root helper")
}

fn by_fence(fence: &Fence, ask: &Ask) -> Result<(String, Vec<SmartRow>)> {
    let answer = fence.ask(Smart { disk: ask.disk.clone(), full: ask.full })?;
    let rows = answer.reply.disks.iter().map(|disk| from_smartctl(&answer.host, disk, ask.full)).collect();
    Ok((answer.host, rows))
}

fn by_api(session: &Session, ask: &Ask, but: Option<&str>) -> Result<Vec<SmartRow>> {
    let client = session.client()?;
    each(session, ask.node.as_deref(), |node| {
        if but == Some(node) {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for mut disk in client.get(&nodes::disks(node))? {
            if ask.disk.as_ref().is_some_and(|wanted| wanted.as_str() != disk.devpath) {
                continue;
            }
            match client.get(&nodes::smart(node, &disk.devpath)) {
                Ok(told) => fill(&mut disk, &told),
                // One disk that gives no reading does not hide the others; a denial would be the same for all.
                Err(fault) if fault.exit_code() == 4 => return Err(fault),
                Err(fault) => disk.text = Some(fault.message),
            }
            rows.push(from_api(node, &disk, ask.full));
        }
        if let (Some(wanted), true) = (&ask.disk, rows.is_empty()) {
            return Err(Fault::not_found(format!("{node} has no disk {wanted}")));
        }
        Ok(rows)
    })
}

fn fill(disk: &mut ApiDisk, told: &Json) {
    let text = |key: &str| told[key].as_str().map(ToOwned::to_owned);
    disk.health = text("health").or(disk.health.take());
    disk.smart_type = text("type");
    disk.text = text("text");
    disk.attributes = told["attributes"].as_array().cloned().unwrap_or_default();
    if !told["wearout"].is_null() {
        disk.wearout = told["wearout"].clone();
    }
}

/// The sensors of the fence's host, with the temperatures of its disks.
pub fn sensors(session: &Session, fence: &Fence, node: Option<&str>) -> Result<Vec<SensorRow>> {
    let answer = fence.ask(Sensors {})?;
    if let Some(node) = node.filter(|node| *node != answer.host) {
        return Err(elsewhere(session, node, &answer.host));
    }
    let rows = from_sensors(&answer.host, &answer.reply.sensors);
    match by_fence(fence, &Ask::default()) {
        Ok((_, disks)) => Ok(with_disks(rows, &disks)),
        Err(fault) => {
            session.person.note(&format!("the temperatures of the disks are not shown: {fault}"));
            Ok(rows)
        }
    }
}
