//! Calls over HTTPS with a token or ticket. The only file that uses reqwest.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hyper::ext::ReasonPhrase;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderValue};
use reqwest::{RequestBuilder, Response};
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;

use crate::api::access::{self, Ticket};
use crate::api::{Call, Method, Pace, Reply, Request, answer};
use crate::config::{Context, Endpoint, Env};
use crate::fault::{CHECK_FIRST, Fate, Fault, Kind, Result};
use crate::guard::Permit;
use crate::interrupt::{Interrupt, Signal, TICK};
use crate::redact;
use crate::secret::Secret;
use crate::session;
use crate::transport::clock::Clock;
use crate::transport::tls::{self, Seen};
use crate::transport::{Transport, reads_only, upload};

#[expect(clippy::disallowed_types, reason = "this is the one place that speaks HTTP")]
type Http = reqwest::Client;

/// Characters that are not encoded in path segments and form values.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// Size limit of an answer, to limit memory use.
const MOST: usize = 64 << 20;
const CONNECT: Duration = Duration::from_secs(5);
/// Age at which a ticket is renewed. Tickets are valid for two hours.
const RENEW: Duration = Duration::from_secs(90 * 60);

/// The authentication.
#[derive(Debug, Clone)]
pub enum Login {
    Token {
        /// `user@realm!token`
        id: String,
        secret: Secret,
    },
    Ticket {
        user: String,
        ticket: Secret,
        csrf: Secret,
    },
    /// None, for the login itself.
    Nobody,
}

impl Login {
    fn who(&self) -> &str {
        match self {
            Self::Token { id, .. } => id,
            Self::Ticket { user, .. } => user,
            Self::Nobody => "nobody",
        }
    }
}

/// The API of a host or cluster with one or more endpoints.
pub struct Https {
    lines: Vec<Line>,
    /// Runs requests on the calling threads until the answer, a signal or the deadline. `None` only while it is dropped.
    runtime: Option<Runtime>,
    /// The interrupt for requests without a caller's limit: logins and texts outside the API.
    interrupt: Interrupt,
    /// The endpoint that answered, reused for the run.
    good: AtomicUsize,
    who: String,
    login: RwLock<(Login, Instant)>,
    renew_after: Duration,
    clock: Clock,
    log: Log,
}

/// Receives every request with its answer and duration. Secrets are masked.
pub type Log = Box<dyn Fn(&str) + Send + Sync>;

/// An endpoint with a persistent connection for reads and a new one per write: the host closes a connection after an error, and a
/// write on a closed connection would have an unknown outcome.
struct Line {
    authority: String,
    tls: rustls::ClientConfig,
    seen: Seen,
    proxy: Option<String>,
    reads: OnceLock<Http>,
    writes: OnceLock<Http>,
}

impl Https {
    /// Creates the transport without sending anything. An endpoint without trust is an error: first contact is handled elsewhere.
    pub fn new(context: &Context, env: &Env, interrupt: Interrupt, login: Login, log: Log) -> Result<Self> {
        let lines = context.endpoints.iter().map(|endpoint| Line::new(context, endpoint, env)).collect::<Result<Vec<_>>>()?;
        if lines.is_empty() {
            return Err(Fault::config(format!("the context '{}' has no endpoint", context.name)).with_hint(format!(
                "add one with `felhom context edit {}`: [[contexts.{0}.endpoints]] url = \"https://HOST:8006\"",
                context.name
            )));
        }
        let who = login.who().to_owned();
        let login = RwLock::new((login, Instant::now()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = Some(runtime.map_err(|error| Fault::io("set up HTTPS", &error))?);
        Ok(Self { lines, runtime, interrupt, good: AtomicUsize::new(0), who, login, renew_after: RENEW, clock: Clock::default(), log })
    }

    /// Sets the age at which a ticket is renewed, for tests.
    #[must_use]
    pub fn renewing_after(mut self, age: Duration) -> Self {
        self.renew_after = age;
        self
    }

    /// Requests a ticket. This request bypasses the guard, because it changes nothing on the host.
    pub fn log_in(&self, user: &str, password: &Secret, challenge: Option<&Secret>) -> Result<Ticket> {
        let call = access::log_in(user, password, challenge);
        let answer = self.exchange_as(&Login::Nobody, &call.request, &self.interrupt.armed()).map_err(|fault| match fault.kind {
            // A login with unknown outcome has changed nothing.
            Kind::Unknown => Fault { kind: Kind::Unreachable, ..fault },
            _ => fault,
        })?;
        answer.read(&call.request)
    }

    /// Reads without the limits and retries of a [`Client`](super::Client).
    pub fn ask<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<T> {
        self.read(&call.request, &self.interrupt.armed())?.read(&call.request)
    }

    /// Returns the current authentication, and renews an old ticket with itself as the password.
    fn login(&self) -> Login {
        let (login, since) = self.login.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Login::Ticket { user, ticket, .. } = &login else { return login };
        if since.elapsed() < self.renew_after {
            return login;
        }
        // If renewal fails, the old ticket is used, and the host decides whether it is valid.
        let Ok(fresh) = self.log_in(user, ticket, None) else { return login };
        if fresh.need_tfa {
            return login;
        }
        let login = Login::Ticket { user: user.clone(), ticket: fresh.ticket(), csrf: fresh.csrf() };
        *self.login.write().unwrap_or_else(PoisonError::into_inner) = (login.clone(), Instant::now());
        login
    }

    /// Tries the endpoints in turn, starting with the one that answered last, until a request is sent.
    fn exchange(&self, request: &Request, stop: &Interrupt) -> Result<Reply> {
        self.exchange_as(&self.login(), request, stop)
    }

    fn exchange_as(&self, login: &Login, request: &Request, stop: &Interrupt) -> Result<Reply> {
        let first = self.good.load(Ordering::Relaxed);
        let mut refused = None;
        for turn in 0..self.lines.len() {
            let index = (first + turn) % self.lines.len();
            match self.lines[index].exchange(self, login, request, stop) {
                // A read may use the next endpoint after any error; a write only if nothing was sent, which `Unreachable` means.
                Err(fault) if fault.kind == Kind::Unreachable => refused = Some(refused.unwrap_or(fault)),
                settled => {
                    self.good.store(index, Ordering::Relaxed);
                    return settled;
                }
            }
        }
        Err(refused.unwrap_or_else(|| Fault::new(Kind::Unreachable, "no endpoint answered")))
    }

    /// Reads a text outside the API that the host serves without authentication.
    pub fn fetch_text(&self, path: &[&str]) -> Result<String> {
        let request = Request::new(Method::Get, path.iter().map(|segment| (*segment).to_owned()).collect());
        let mut refused = None;
        for line in &self.lines {
            match line.fetch_text(self, &request) {
                Err(fault) if fault.kind == Kind::Unreachable => refused = Some(refused.unwrap_or(fault)),
                settled => return settled,
            }
        }
        Err(refused.unwrap_or_else(|| Fault::new(Kind::Unreachable, "no endpoint answered")))
    }

    /// Runs one request on this thread. On a signal or at the deadline, the request and its connection are dropped.
    fn run<T>(&self, stop: &Interrupt, exchange: impl Future<Output = T>) -> Result<T, Signal> {
        let Some(runtime) = &self.runtime else { return Err(Signal::Deadline) };
        runtime.block_on(async {
            let mut exchange = pin!(exchange);
            loop {
                if let Ok(done) = tokio::time::timeout(TICK, &mut exchange).await {
                    return Ok(done);
                }
                stop.check()?;
            }
        })
    }

    fn authorize(login: &Login, builder: RequestBuilder, request: &Request) -> RequestBuilder {
        let secret_header = |text: String| {
            let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("invalid"));
            value.set_sensitive(true);
            value
        };
        match login {
            Login::Nobody => builder,
            Login::Token { id, secret } => builder.header(AUTHORIZATION, secret_header(format!("PVEAPIToken={id}={}", secret.reveal()))),
            Login::Ticket { ticket, csrf, .. } => {
                let cookie = format!("PVEAuthCookie={}", utf8_percent_encode(ticket.reveal(), KEPT));
                let builder = builder.header(COOKIE, secret_header(cookie));
                if request.is_read() { builder } else { builder.header("CSRFPreventionToken", secret_header(csrf.reveal().to_owned())) }
            }
        }
    }

    fn note_clock(&self, response: &Response) {
        let Some(date) = response.headers().get("date").and_then(|d| d.to_str().ok()) else { return };
        let host = jiff::fmt::rfc2822::parse(date).ok().and_then(|host| u64::try_from(host.timestamp().as_second()).ok());
        if let Some(host) = host {
            self.clock.note(host);
        }
    }
}

impl Transport for Https {
    fn read(&self, request: &Request, stop: &Interrupt) -> Result<Reply> {
        reads_only(request)?;
        self.exchange(request, stop)
    }

    fn write(&self, request: &Request, _permit: &Permit, stop: &Interrupt) -> Result<Reply> {
        self.exchange(request, stop)
    }

    fn who(&self) -> &str {
        &self.who
    }

    fn host_time(&self) -> Option<u64> {
        self.clock.now()
    }
}

impl Drop for Https {
    fn drop(&mut self) {
        // A pending name resolution must not delay the end of the program.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Line {
    fn new(context: &Context, endpoint: &Endpoint, env: &Env) -> Result<Self> {
        let authority = endpoint.url.authority();
        let Some(trust) = context.trust(endpoint)? else {
            return Err(Fault::new(Kind::Untrusted, format!("the certificate of {authority} is not trusted yet, so nothing was sent"))
                .with_hint(format!("pin it with `felhom context trust {}`", context.name)));
        };
        let (tls, seen) = tls::client_config(&trust, env)?;
        Ok(Self { authority, tls, seen, proxy: context.proxy.clone(), reads: OnceLock::new(), writes: OnceLock::new() })
    }

    fn client(&self, request: &Request) -> Result<&Http> {
        let (slot, idle) = if request.is_read() { (&self.reads, 4) } else { (&self.writes, 0) };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.build(idle).map_err(|error| Fault::other(format!("cannot set up HTTPS: {error}")))?;
        Ok(slot.get_or_init(|| client))
    }

    fn build(&self, idle: usize) -> reqwest::Result<Http> {
        let mut builder = Http::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .https_only(true)
            .http1_only()
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(idle)
            .no_proxy()
            .user_agent(concat!("felhom/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(reqwest::Proxy::https(proxy)?);
        }
        builder.build()
    }

    fn exchange(&self, all: &Https, login: &Login, request: &Request, stop: &Interrupt) -> Result<Reply> {
        let client = self.client(request)?;
        let mut url = self.url("/api2/json", request);
        let form = form(request);
        // Parameters of DELETE are in the query, as with GET: the host does not read its body.
        let in_query = matches!(request.method, Method::Get | Method::Delete);
        if in_query && !form.is_empty() {
            let _ = write!(url, "?{form}");
        }
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut builder = client.request(method, url).timeout(patience(request));
        if let Some(form) = upload::form(request)? {
            builder = builder.header(CONTENT_TYPE, form.content_type()).body(reqwest::Body::wrap(form));
        } else if !in_query {
            builder = builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        let begun = Instant::now();
        let answered = self.answer(all, Https::authorize(login, builder, request), request, stop);
        let (status, reason, body) =
            answered.inspect_err(|fault| (all.log)(&format!("{request} → {fault} ({} ms)", begun.elapsed().as_millis())))?;
        let said = redact::echo(request, &reason);
        (all.log)(&format!("{request} → {status} {said} ({} bytes, {} ms)", body.len(), begun.elapsed().as_millis()));
        answer::read(request, status, &reason, &body)
    }

    fn url(&self, base: &str, request: &Request) -> String {
        let mut url = format!("https://{}{base}", self.authority);
        for segment in &request.path {
            let _ = write!(url, "/{}", utf8_percent_encode(segment, KEPT));
        }
        url
    }

    fn fetch_text(&self, all: &Https, request: &Request) -> Result<String> {
        let begun = Instant::now();
        let builder = self.client(request)?.get(self.url("", request)).timeout(patience(request));
        let (status, reason, body) = self.answer(all, builder, request, &all.interrupt.armed())?;
        (all.log)(&format!("{request} → {status} {reason} ({} bytes, {} ms)", body.len(), begun.elapsed().as_millis()));
        if status != 200 {
            let kind = if status == 404 { Kind::NotFound } else { Kind::Host };
            return Err(Fault::new(kind, format!("{request}: {} answered {status} {reason}", self.authority)));
        }
        String::from_utf8(body).map_err(|_| Fault::new(Kind::Host, format!("{request}: the answer of {} is not text", self.authority)))
    }

    /// Sends a request and reads its answer.
    fn answer(&self, all: &Https, builder: RequestBuilder, request: &Request, stop: &Interrupt) -> Result<(u16, String, Vec<u8>)> {
        let exchange = async {
            let response = builder.send().await.map_err(|error| self.broken(request, &error))?;
            all.note_clock(&response);
            self.read(request, response).await
        };
        all.run(stop, exchange).unwrap_or_else(|signal| Err(self.stopped(request, signal)))
    }

    async fn read(&self, request: &Request, mut response: Response) -> Result<(u16, String, Vec<u8>)> {
        let status = response.status().as_u16();
        // hyper keeps a reason phrase only if it differs from the usual one.
        let reason = response.extensions().get::<ReasonPhrase>().map_or_else(
            || response.status().canonical_reason().unwrap_or_default().to_owned(),
            |phrase| String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        );
        // Allocate the announced length at once, if it is plausible.
        let length = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let mut body = Vec::with_capacity(length.min(4 << 20));
        while let Some(chunk) = response.chunk().await.map_err(|error| self.cut(request, &error))? {
            body.extend_from_slice(&chunk);
            if body.len() <= MOST {
                continue;
            }
            return Err(self.oversized(request));
        }
        Ok((status, reason, body))
    }

    /// Returns the fault for a missing answer, depending on how far the request got.
    fn broken(&self, request: &Request, error: &reqwest::Error) -> Fault {
        let why = root_cause(error);
        if error.is_connect() || error.is_builder() {
            if let Some(untrusted) = self.seen.fault(&self.authority) {
                return untrusted;
            }
            return Fault::new(Kind::Unreachable, format!("cannot reach {}: {why}", self.authority));
        }
        let why = if error.is_timeout() { format!("no answer within {} s", patience(request).as_secs()) } else { why };
        self.lost(request, &why)
    }

    /// Returns the fault for a signal or the deadline before the answer.
    fn stopped(&self, request: &Request, signal: Signal) -> Fault {
        if signal == Signal::Deadline {
            return self.lost(request, "no answer within the time limit of --timeout");
        }
        let fault = session::stopped(signal, &format!("{request}: interrupted before {} answered", self.authority));
        if request.is_read() || upload::is_incomplete(request) { fault } else { fault.with_hint(CHECK_FIRST) }
    }

    fn cut(&self, request: &Request, error: &reqwest::Error) -> Fault {
        self.lost(request, &format!("the answer broke off: {}", root_cause(error)))
    }

    /// Returns the fault for an unusable answer. A read would fail again; the outcome of a change is unknown.
    fn oversized(&self, request: &Request) -> Fault {
        let fate = if request.is_read() { Fate::Answered } else { Fate::Unknown };
        fate.fault(!request.is_read(), format!("{request}: the answer of {} is larger than {} MiB", self.authority, MOST >> 20))
    }

    fn lost(&self, request: &Request, why: &str) -> Fault {
        let unknown = || Fate::Unknown.fault(!request.is_read(), format!("{request}: no answer from {}: {why}", self.authority));
        upload::broken(request, why).unwrap_or_else(unknown)
    }
}

/// Returns the time limit of an answer. The host's own limit for requests to other nodes is 30 s.
fn patience(request: &Request) -> Duration {
    match (request.pace, request.is_read()) {
        (Pace::Quick, true) => Duration::from_secs(35),
        (Pace::Quick, false) => Duration::from_secs(60),
        (Pace::Slow, _) => Duration::from_secs(180),
        (Pace::Transfer, _) => Duration::from_secs(24 * 3600),
    }
}

/// Encodes `a=1&b=x%3Dy`, escaping every special byte.
fn form(request: &Request) -> String {
    let mut text = String::new();
    for (key, value) in &request.params {
        for value in value.wire() {
            if !text.is_empty() {
                text.push('&');
            }
            let _ = write!(text, "{}={}", utf8_percent_encode(key, KEPT), utf8_percent_encode(&value, KEPT));
        }
    }
    text
}

/// Returns the innermost error: `Connection refused (os error 111)` instead of `error sending request`.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    // rustls has long messages here.
    if text.contains("close_notify") { "the connection was closed".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path;

    #[test]
    fn values_survive_what_would_end_or_split_them() {
        let call: Call<()> = Call::put(path!["nodes"]).with("description", "a=b;c&d+e ünï\n").with("net0", "name=eth0,bridge=vmbr0");
        assert_eq!(form(&call.request), "description=a%3Db%3Bc%26d%2Be%20%C3%BCn%C3%AF%0A&net0=name%3Deth0%2Cbridge%3Dvmbr0");
    }
}
