//! Removal of a node from its cluster.

use super::{Finding, members};
use crate::fault::{Fault, Result};
use crate::guard::Item;
use crate::session::Session;

/// Checks that a node is down: the host kills its corosync first, and a running node keeps believing that it is a member.
pub(super) fn removal(session: &Session, node: &str, item: Item) -> Result<Item> {
    let members = match members(session)? {
        Ok(members) => members,
        Err(why) => return Ok(Finding::Unknown(format!("whether {node} is running: {why}")).on(session, item)),
    };
    let nodes: Vec<_> = members.iter().filter(|member| member.kind == "node").collect();
    let item =
        if nodes.len() == 2 { item.caution("the other node is left alone: it needs `pvecm expected 1` to be quorate") } else { item };
    if !nodes.iter().any(|member| member.name == node && member.online) {
        return Ok(item);
    }
    let fault = Fault::refused(format!("{node} is still running; a removed node must never start with its old configuration"))
        .with_hint(format!("move its guests with `felhom node drain {node}`, then shut it down"));
    Ok(Finding::refused(fault).on(session, item))
}
