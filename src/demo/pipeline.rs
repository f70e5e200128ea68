//! The stages of a request, in Proxmox's order: faults, login, route, permissions, parameters, handler.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::api::{self, Answer, Params, Refusal, Req};
use super::auth::{self, Credentials, Who};
use super::faults::{Plan, Trouble};
use super::http::{Body, Request, Response};
use super::mounts;
use super::quorum;
use super::state::{Clock, Map, State, Store};
use super::tasks;
use crate::api::schema;

/// An answered request.
#[derive(Debug, Clone, Serialize)]
pub struct Logged {
    pub method: String,
    /// The path below `/api2/json`.
    pub path: String,
    pub params: Map,
    /// The token or user (`felhom@pve!agent`, `root@pam`), if any.
    pub who: Option<String>,
    pub status: u16,
    pub reason: String,
}

/// The parts that answer a request, shared by the connections.
#[derive(Debug)]
pub struct Pipeline {
    pub store: Store,
    pub faults: Plan,
    pub clock: Clock,
    /// Root directory of the simulated host in the state directory.
    pub host_root: Option<PathBuf>,
    pub log_file: Option<PathBuf>,
    pub logged: Mutex<Vec<Logged>>,
}

/// The path of the schema for the API viewer.
const APIDOC: &str = "/pve-docs/api-viewer/apidoc.js";

/// Parameters that logs mask.
const SECRET: &[&str] = &["password", "confirmation-password", "encryption-key", "cipassword", "key", "value", "ticket", "tfa-challenge"];
/// Calls in which a parameter of such a name is no secret.
const PLAIN: &[(&str, &str)] = &[("/cluster/ceph/flags/", "value")];

impl Pipeline {
    /// Returns the answer and the fault that affects its delivery. Without an answer the connection is closed.
    pub fn answer(&self, request: Request) -> (Option<Response>, Option<Trouble>) {
        let Some(path) = api_path(&request.path) else {
            let outside = match self.faults.strike(&request.method, &request.path) {
                Some(Trouble::Status { code, reason }) => Response::bare(code, reason),
                _ => outside(&request.path),
            };
            return (Some(outside), None);
        };
        let trouble = self.faults.strike(&request.method, &path);
        let mut line = Logged {
            method: request.method.clone(),
            path: path.clone(),
            params: request.params.0.clone(),
            who: None,
            status: 0,
            reason: String::new(),
        };
        let mut response = match &trouble {
            Some(Trouble::Reset | Trouble::Silent { .. }) => None,
            Some(Trouble::Status { code, reason }) => Some(Response::bare(*code, reason.clone())),
            Some(Trouble::Ignored { body }) => Some(Response { body: Body::Json(body.clone()), ..Response::bare(200, "OK".into()) }),
            Some(Trouble::CutAt { .. }) => {
                Some(Response { body: Body::Json("{\"data\":null}".into()), ..Response::bare(200, "OK".into()) })
            }
            Some(Trouble::Redirect { to }) => {
                let location = format!("{}/api2/json{path}", to.trim_end_matches('/'));
                Some(Response { location: Some(location), ..Response::bare(301, "Moved Permanently".into()) })
            }
            Some(Trouble::Expired) => Some(respond(Err(Refusal::unauthenticated("Authentication failed!")))),
            _ => Some(self.carry_out(request, &path, &mut line)),
        };
        if let (Some(Trouble::Padded { bytes }), Some(Response { body: Body::Json(text), .. })) = (&trouble, &mut response) {
            text.push_str(&" ".repeat(*bytes));
        }
        (line.status, line.reason) = response.as_ref().map_or((0, String::new()), |r| (r.status, r.reason.clone()));
        self.log(line);
        match trouble {
            Some(Trouble::LostAnswer) => (None, trouble),
            _ => (response, trouble),
        }
    }

    fn carry_out(&self, request: Request, path: &str, line: &mut Logged) -> Response {
        let now_ms = self.clock.now_ms();
        let is_change = request.method != "GET";
        let answer = self.store.with(|state| {
            let mut settled = tasks::settle(state, now_ms);
            if let Some(root) = self.host_root.as_deref().filter(|_| path.contains("/storage") || path.contains("/disks")) {
                settled |= mounts::copy_mounts(state, root);
            }
            let (answer, who) = dispatch(state, request, path, now_ms);
            ((answer, who), settled || is_change)
        });
        match answer {
            Ok((answer, who)) => {
                line.who = Some(who.name()).filter(|name| !name.is_empty());
                respond(answer)
            }
            Err(fault) => respond(Err(Refusal::die(fault.message))),
        }
    }

    fn log(&self, mut line: Logged) {
        for (key, value) in &mut line.params {
            let plain = PLAIN.iter().any(|(path, name)| line.path.starts_with(path) && key == name);
            if SECRET.contains(&key.as_str()) && !plain {
                *value = Value::String("***".into());
            }
        }
        if let Some(path) = &self.log_file
            && let Ok(text) = serde_json::to_string(&line)
            && let Ok(mut file) = std::fs::File::options().create(true).append(true).open(path)
        {
            // One write, because several processes append to the file.
            let _ = file.write_all(format!("{text}\n").as_bytes());
        }
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Returns the path below `/api2/json`, without a trailing slash.
fn api_path(path: &str) -> Option<String> {
    let below = path.strip_prefix("/api2/json").filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
    let below = below.trim_end_matches('/');
    Some(if below.is_empty() { "/".to_owned() } else { below.to_owned() })
}

/// Answers a request outside `/api2/json`: only the API viewer's schema exists.
fn outside(path: &str) -> Response {
    if path == APIDOC {
        // It requires no login and is not logged as a call.
        return Response { body: Body::Text(schema::apidoc()), ..Response::bare(200, "OK".into()) };
    }
    let (status, reason) =
        if path.starts_with("/api2") { (501, "no such uri".to_owned()) } else { (500, format!("no such file '{path}'")) };
    Response::explained(status, reason)
}

fn dispatch(state: &mut State, request: Request, path: &str, now_ms: i64) -> (Answer, Who) {
    let who = match auth::authenticate(state, &request.method, path, &request.credentials, now_ms / 1000) {
        Ok(who) => who,
        Err(refusal) => return (Err(refusal), Who::default()),
    };
    let answer = route(state, request, path, &who, now_ms);
    (answer, who)
}

pub(super) fn route(state: &mut State, request: Request, path: &str, who: &Who, now_ms: i64) -> Answer {
    let missing = || Refusal::not_implemented(&request.method, path);
    let (method, from_path) = schema::find(&request.method, path).ok_or_else(missing)?;
    let mut params = Params::default();
    for (key, value) in from_path {
        params.set(&key, value);
    }
    for (key, value) in request.params.0 {
        if params.0.get(&key).is_some_and(|known| *known != value) {
            return Err(Refusal::param(&key, "duplicate parameter (already defined in URI) with conflicting values!"));
        }
        params.set(&key, value);
    }
    if who.token.is_some() && !method.allow_token {
        let why = format!("Permission check failed (URI '{path}' not available with API token, need proper ticket.\n)");
        return Err(Refusal::forbidden(why));
    }
    // A refused upload has no body, because its own is still being sent.
    let bare = request.upload.is_some();
    auth::check_permissions(state, who, method.permissions.as_ref(), &params).map_err(|why| Refusal { bare: bare || why.bare, ..why })?;
    if let Some(proxy_to) = &method.proxy_to {
        if !params.has(proxy_to) {
            return Err(Refusal::param(proxy_to, "proxyto parameter does not exist"));
        }
        away(state, &params)?;
    }
    schema::verify(method, &mut params.0).map_err(Refusal::params)?;
    let handler = api::handler(method.verb, method.template).ok_or_else(missing)?;
    let mut req =
        Req { state, who, method: &request.method, path, template: method.template, params, now_ms, upload: request.upload, call };
    quorum::refuse(&mut req).unwrap_or_else(|| handler(&mut req))
}

/// Makes a call for the caller of another one.
fn call(state: &mut State, who: &Who, method: &str, path: &str, params: Params, now_ms: i64) -> Answer {
    let (method, credentials) = (method.to_owned(), Credentials::default());
    let request = Request { method, path: path.to_owned(), params, credentials, upload: None, close: false };
    route(state, request, path, who, now_ms)
}

/// Forwards a call to its node: an unknown node has no address, an offline one does not answer.
fn away(state: &State, params: &Params) -> Result<(), Refusal> {
    let Some(name) = params.get("node").filter(|n| *n != "localhost") else { return Ok(()) };
    match state.nodes.get(name) {
        Some(node) => match node.unreachable.as_deref().or((!node.online).then_some("No route to host")) {
            Some(why) => Err(Refusal { bare: true, ..Refusal::new(595, why) }),
            None => Ok(()),
        },
        None => Err(Refusal::die(format!(
            "hostname lookup '{name}' failed - failed to get address info for: {name}: Temporary failure in name resolution"
        ))),
    }
}

fn respond(answer: Answer) -> Response {
    match answer {
        Ok(reply) => Response { body: Body::Json(reply.into_body().to_string()), ..Response::bare(200, "OK".into()) },
        Err(refusal) => {
            let body = refusal.body().map_or(Body::None, |b| Body::Json(b.to_string()));
            Response { body, ..Response::bare(refusal.status, refusal.reason().to_owned()) }
        }
    }
}
