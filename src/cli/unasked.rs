//! A session whose API is not asked: for plans without a login, and for work that goes over ssh alone.

use std::sync::Arc;

use crate::api::{Reply, Request};
use crate::config::Context;
use crate::fault::{Fault, Kind, Result};
use crate::guard::Permit;
use crate::interrupt::Interrupt;
use crate::session::Session;
use crate::transport::{Client, Transport};

use super::Ctx;

impl Ctx {
    /// A session on this context as `who`, whose API nobody asks.
    pub fn without_api(&self, context: &Context, who: &str) -> Session {
        let (verb, interrupt, who) = (self.verb.clone(), self.around.interrupt.clone(), who.to_owned());
        let connect = move || Ok(Client::new(Box::new(Unasked { who: who.clone() }), verb.clone(), interrupt.clone()));
        self.open_through(context, Arc::new(connect))
    }
}

struct Unasked {
    who: String,
}

impl Transport for Unasked {
    fn read(&self, request: &Request, _stop: &Interrupt) -> Result<Reply> {
        Err(Fault::new(Kind::Unreachable, format!("{request}: the API is not asked for this")))
    }

    fn write(&self, request: &Request, _permit: &Permit, stop: &Interrupt) -> Result<Reply> {
        self.read(request, stop)
    }

    fn who(&self) -> &str {
        &self.who
    }
}
