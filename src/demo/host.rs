//! The demo host: starting, resetting, and reading the requests that it received.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::faults::{self, Plan};
use super::mounts;
use super::options::Options;
use super::pipeline::{Logged, Pipeline};
use super::pki::Pki;
use super::seed;
use super::server::Server;
use super::state::{Clock, State, Store};
use super::tasks;
use crate::fault::{Fault, Kind, Result};
use crate::secret::Secret;

/// A running demo host. Dropping it stops it.
#[derive(Debug)]
pub struct Host {
    pipeline: Arc<Pipeline>,
    server: Server,
    fingerprint: String,
    ca_pem: String,
    ca_file: PathBuf,
    /// The CA file of a host without a state directory; deleted on drop.
    scratch: Option<PathBuf>,
    password: Secret,
    tokens: Vec<(String, Secret)>,
}

impl Host {
    /// Starts a host. `FELHOM_DEMO_LOG`, `FELHOM_DEMO_FAULTS` and `FELHOM_DEMO_SPEED` override the options.
    pub fn start(options: &Options) -> Result<Self> {
        let mut options = options.clone();
        from_environment(&mut options)?;
        let clock = Clock::new(options.skew_ms);
        let now = clock.now_ms() / 1000;
        let (store, pki, ca_file, scratch) = match &options.state_dir {
            Some(dir) => {
                let store = Store::open(dir, || seed::fresh(&options, now))?;
                let pki = Pki::open(dir, &store.with(|s| (s.local.clone(), false))?)?;
                (store, pki, dir.join("ca.pem"), None)
            }
            None => {
                let state = seed::fresh(&options, now);
                let pki = Pki::generate(&state.local)?;
                let file = scratch_file(&pki.ca_pem)?;
                (Store::in_memory(state), pki, file.clone(), Some(file))
            }
        };
        let fingerprint = pki.fingerprint()?;
        let ca_fingerprint = pki.ca_fingerprint()?;
        let (password, tokens) = store.with(|state| {
            let mut changed = apply_options(state, &options);
            for node in state.nodes.values_mut().filter(|n| n.fingerprint != fingerprint) {
                fingerprint.clone_into(&mut node.fingerprint);
                ca_fingerprint.clone_into(&mut node.ca_fingerprint);
                node.cert_pem.clone_from(&pki.cert_pem);
                node.ca_pem.clone_from(&pki.ca_pem);
                changed = true;
            }
            (secrets(state), changed)
        })?;
        let pipeline = Arc::new(Pipeline {
            store,
            faults: Plan::new(options.faults),
            clock,
            host_root: options.state_dir.as_deref().map(mounts::host_root),
            log_file: std::env::var_os("FELHOM_DEMO_LOG").filter(|v| !v.is_empty()).map(PathBuf::from),
            logged: Mutex::default(),
        });
        let server = Server::start(options.listen, pki.server_config()?, Arc::clone(&pipeline))?;
        Ok(Self { pipeline, server, fingerprint, ca_pem: pki.ca_pem, ca_file, scratch, password, tokens })
    }

    /// Returns the URL of the host, for example `https://127.0.0.1:40123`.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.server.address())
    }

    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Returns the password of `root@pam`.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    /// Returns the tokens of the initial state (`user@realm!id`) with their secrets.
    pub fn tokens(&self) -> Vec<(String, Secret)> {
        self.tokens.clone()
    }

    /// Returns all requests received so far.
    pub fn requests(&self) -> Vec<Logged> {
        self.pipeline.logged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a fault.
    pub fn inject(&self, fault: faults::Fault) {
        self.pipeline.faults.add(fault);
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.pipeline.faults.clear();
    }

    /// Moves the host's clock forward.
    pub fn advance(&self, time: Duration) {
        self.pipeline.clock.advance(time);
    }

    /// Reads or changes the state directly, without the API.
    pub fn with_state<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T> {
        let now_ms = self.pipeline.clock.now_ms();
        self.pipeline.store.with(|state| {
            tasks::settle(state, now_ms);
            (work(state), true)
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(file) = &self.scratch {
            let _ = fs::remove_file(file);
        }
    }
}

/// Replaces the state in a directory with a new one. The certificates stay, so contexts remain valid.
pub fn reset(state_dir: &Path, options: &Options) -> Result<()> {
    let file = state_dir.join("state.json");
    match fs::remove_file(&file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Fault::io(format!("cannot remove {}", file.display()), &e)),
        _ => {}
    }
    let now = Clock::default().now_ms() / 1000;
    let fresh = || {
        let mut state = seed::fresh(options, now);
        apply_options(&mut state, options);
        state
    };
    Store::open(state_dir, fresh).map(drop)
}

/// Summarizes a state directory.
pub fn summary(state_dir: &Path) -> Result<Value> {
    if !state_dir.join("state.json").exists() {
        return Err(Fault::new(Kind::NotFound, format!("no demo state in {}", state_dir.display())));
    }
    let store = Store::open(state_dir, State::default)?;
    let now_ms = Clock::default().now_ms();
    store.with(|state| {
        let changed = tasks::settle(state, now_ms);
        let running = state.guests.values().filter(|g| g.power.is_on()).count();
        let summary = json!({
            "nodes": state.nodes.values().map(|n| json!({ "node": n.name, "online": n.online })).collect::<Vec<_>>(),
            "guests": state.guests.len(),
            "running": running,
            "storages": state.storages.keys().collect::<Vec<_>>(),
            "users": state.access.users.keys().collect::<Vec<_>>(),
            "tasks": state.tasks.len(),
            "tasks_running": state.tasks.iter().filter(|t| t.is_running(now_ms)).count(),
        });
        (summary, changed)
    })
}

fn from_environment(options: &mut Options) -> Result<()> {
    if let Ok(text) = std::env::var("FELHOM_DEMO_FAULTS") {
        options.faults.extend(faults::parse_all(&text).map_err(|e| Fault::usage(format!("FELHOM_DEMO_FAULTS: {e}")))?);
    }
    if let Ok(text) = std::env::var("FELHOM_DEMO_SPEED") {
        let speed: Option<f64> = text.parse().ok().filter(|s: &f64| *s > 0.0 && s.is_finite());
        options.speed = speed.ok_or_else(|| Fault::usage(format!("FELHOM_DEMO_SPEED is '{text}', which is not a positive number")))?;
    }
    Ok(())
}

/// Applies the options to a saved state. Returns whether it changed.
fn apply_options(state: &mut State, options: &Options) -> bool {
    let mut changed = (state.speed - options.speed).abs() > f64::EPSILON;
    state.speed = options.speed;
    for node in state.nodes.values_mut().filter(|_| !options.as_left) {
        let online = !options.offline.contains(&node.name) && (!options.no_quorum || node.name == state.local);
        let unreachable = options.api_down.contains(&node.name).then(|| "Connection refused".to_owned());
        changed |= node.online != online || node.unreachable != unreachable;
        (node.online, node.unreachable) = (online, unreachable);
    }
    changed
}

fn secrets(state: &State) -> (Secret, Vec<(String, Secret)>) {
    let tokens = state
        .access
        .users
        .iter()
        .flat_map(|(user, u)| u.tokens.iter().map(move |(id, token)| (format!("{user}!{id}"), Secret::new(token.secret.clone()))));
    (Secret::new(seed::PASSWORD), tokens.collect())
}

fn scratch_file(ca_pem: &str) -> Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("felhom-demo-ca-{}-{}.pem", std::process::id(), super::auth::random_hex(6)));
    fs::write(&path, ca_pem).map_err(|e| Fault::io(format!("cannot write {}", path.display()), &e))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use rustls::pki_types::pem::PemObject;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

    use super::*;

    /// Sends one request over TLS, verified against the host's CA.
    fn get(host: &Host, path: &str, token: Option<&str>) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(host.ca_pem().as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connection = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
        let tcp = TcpStream::connect(host.endpoint().trim_start_matches("https://")).unwrap();
        let mut stream = StreamOwned::new(connection, tcp);
        let authorization = token.map_or(String::new(), |t| format!("Authorization: PVEAPIToken={t}\r\n"));
        write!(stream, "GET /api2/json{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{authorization}\r\n").unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }

    fn token(host: &Host, id: &str) -> String {
        let tokens = host.tokens();
        let (_, secret) = tokens.iter().find(|(name, _)| name == id).unwrap();
        format!("{id}={}", secret.reveal())
    }

    #[test]
    fn a_host_answers_who_it_knows() {
        let host = Host::start(&Options { baseline: true, ..Options::default() }).unwrap();
        let good = get(&host, "/version", Some(&token(&host, "nobody@pve!tok")));
        assert!(good.starts_with("HTTP/1.1 200 OK\r\n"), "{good}");
        assert!(good.ends_with(r#"{"data":{"release":"9.2","repoid":"14a22df35955d97d","version":"9.2.11"}}"#), "{good}");
        assert!(get(&host, "/version", None).starts_with("HTTP/1.1 401 No ticket\r\n"));
        assert!(get(&host, "/version", Some("root@pam!rig=nonsense")).starts_with("HTTP/1.1 401 Authentication failed!\r\n"));
        let missing = get(&host, "/nosuch", Some(&token(&host, "root@pam!rig")));
        assert!(missing.starts_with("HTTP/1.1 501 Method 'GET /nosuch' not implemented\r\n"), "{missing}");
        assert_eq!(host.requests().iter().map(|r| r.status).collect::<Vec<_>>(), [200, 401, 401, 501]);
    }

    #[test]
    fn a_state_directory_keeps_secrets_and_certificates() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { state_dir: Some(dir.path().to_path_buf()), ..Options::default() };
        let first = Host::start(&options).unwrap();
        let token = token(&first, "felhom@pve!agent");
        let fingerprint = first.fingerprint().to_owned();
        drop(first);
        let second = Host::start(&options).unwrap();
        assert_eq!(second.fingerprint(), fingerprint);
        assert!(get(&second, "/version", Some(&token)).starts_with("HTTP/1.1 200 OK"));
        assert_eq!(summary(dir.path()).unwrap()["nodes"][0]["node"], "pve1");
    }
}
