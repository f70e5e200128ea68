//! A plan for somebody who gives felhom no password: nobody is asked.

use std::sync::Arc;

use crate::cli::Ctx;
use crate::config::Context;
use crate::fault::{Fault, Kind, Result};
use crate::session::Session;
use crate::transport::Client;

/// What `--plan` needs where nobody is asked.
impl Ctx {
    pub(super) fn planning(&self, context: &Context, who: &str) -> Session {
        let (verb, interrupt, who) = (self.verb.clone(), self.around.interrupt.clone(), who.to_owned());
        let connect = move || Ok(Client::new(Box::new(Unasked { who: who.clone() }), verb.clone(), interrupt.clone()));
        self.open_through(context, Arc::new(connect))
    }
}

/// Stands for an administrator who was not asked.
struct Unasked {
    who: String,
}

impl crate::transport::Transport for Unasked {
    fn read(&self, request: &crate::api::Request) -> Result<crate::api::Reply> {
        Err(Fault::new(Kind::Unreachable, format!("{request}: nobody is asked for this plan")))
    }

    fn write(&self, request: &crate::api::Request, _permit: &crate::guard::Permit) -> Result<crate::api::Reply> {
        self.read(request)
    }

    fn who(&self) -> &str {
        &self.who
    }
}
