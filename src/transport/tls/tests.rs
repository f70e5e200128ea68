//! Handshakes on loopback with certificates like those of a Proxmox cluster.

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::*;
use crate::config::Env;
use crate::fault::{Fault, Kind};

type Ca = CertifiedIssuer<'static, KeyPair>;

struct Leaf {
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

fn ca(name: &str) -> Ca {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "PVE Cluster Manager CA");
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA")
}

fn leaf_between(ca: &Ca, names: &[&str], from: i32, to: i32) -> Leaf {
    let mut params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).expect("good names");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().expect("a key");
    let der = params.signed_by(&key, ca).expect("a leaf").der().clone();
    Leaf { der, key: key.serialize_der() }
}

fn leaf(ca: &Ca, names: &[&str]) -> Leaf {
    leaf_between(ca, names, 2000, 2100)
}

fn fingerprint(leaf: &Leaf) -> Fingerprint {
    Fingerprint::of(&leaf.der)
}

/// Accepts handshakes until the test ends.
fn serve(leaf: &Leaf) -> u16 {
    let key = PrivateKeyDer::try_from(leaf.key.clone()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![leaf.der.clone()], key).expect("a certificate"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut tls = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    port
}

/// Makes one handshake like felhom's transport.
fn shake(port: u16, trust: &Trust) -> Result<(), Fault> {
    let (config, seen) = client_config(trust, &Env::default())?;
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let mut tls = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    while tls.is_handshaking() {
        if let Err(e) = tls.complete_io(&mut stream) {
            return Err(seen.fault("127.0.0.1:8006").unwrap_or_else(|| panic!("not because of the certificate: {e}")));
        }
    }
    assert!(seen.fault("127.0.0.1:8006").is_none());
    assert!(seen.peer().is_some());
    Ok(())
}

fn trusting(ca: &Ca) -> Trust {
    Trust::Ca { pem: ca.pem().into_bytes(), server_name: None }
}

fn untrusted(result: Result<(), Fault>) -> String {
    let fault = result.expect_err("it must not be trusted");
    assert_eq!((fault.kind, fault.exit_code()), (Kind::Untrusted, 9));
    fault.message
}

#[test]
fn a_ca_covers_every_node_and_every_renewal() {
    let ca = ca("first");
    for leaf in [leaf(&ca, &["pve1", "127.0.0.1"]), leaf(&ca, &["pve1", "127.0.0.1"]), leaf(&ca, &["pve2", "127.0.0.1"])] {
        shake(serve(&leaf), &trusting(&ca)).expect("the CA made it");
        assert!(chains_to(&leaf.der, ca.pem().as_bytes()));
    }
}

#[test]
fn another_ca_of_the_same_name_is_told_with_both_fingerprints() {
    let (ours, theirs) = (ca("same"), ca("same"));
    let leaf = leaf(&theirs, &["pve1", "127.0.0.1"]);
    let message = untrusted(shake(serve(&leaf), &trusting(&ours)));
    assert!(message.starts_with("the certificate of 127.0.0.1:8006 is not of the trusted CA: its fingerprint is "), "{message}");
    assert!(message.contains(&fingerprint(&leaf).to_string()), "{message}");
    assert!(message.contains(&Fingerprint::of(ours.der()).to_string()), "{message}");
    assert!(!chains_to(&leaf.der, ours.pem().as_bytes()));
    assert!(!chains_to(&leaf.der, b"nonsense") && !chains_to(b"nonsense", ours.pem().as_bytes()));
}

#[test]
fn a_pinned_leaf_is_that_leaf_and_no_other() {
    let ca = ca("c");
    let (pinned, other) = (leaf(&ca, &["pve1"]), leaf(&ca, &["pve1"]));
    let trust = Trust::Pinned(fingerprint(&pinned));
    shake(serve(&pinned), &trust).expect("it is the one, whatever its names are");
    let message = untrusted(shake(serve(&other), &trust));
    let wanted = format!(
        "the certificate of 127.0.0.1:8006 is not the trusted one: its fingerprint is {}, trusted is {}",
        fingerprint(&other),
        fingerprint(&pinned)
    );
    assert_eq!(message, wanted);
}

#[test]
fn a_copied_certificate_without_its_key_is_refused() {
    let ca = ca("c");
    let (real, thief) = (leaf(&ca, &["127.0.0.1"]), leaf(&ca, &["127.0.0.1"]));
    let stolen = Leaf { der: real.der.clone(), key: thief.key };
    // rustls' server would refuse the pair, so this server skips the check.
    let key = rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::try_from(stolen.key).expect("a key")).expect("a key");
    let pair = rustls::sign::CertifiedKey::new(vec![stolen.der], key);
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = Arc::new(config.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(pair))));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut tls = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        }
    });
    for trust in [Trust::Pinned(fingerprint(&real)), trusting(&ca)] {
        let message = untrusted(shake(port, &trust));
        assert!(message.contains("is not backed by its key"), "{message}");
    }
    let fault = probe("127.0.0.1", port, None, Duration::from_secs(5)).expect_err("a look wants the key too");
    assert_eq!(fault.kind, Kind::Untrusted);
}

#[test]
fn dates_and_names_are_checked_under_a_ca() {
    let ca = ca("c");
    let old = untrusted(shake(serve(&leaf_between(&ca, &["127.0.0.1"], 2001, 2002)), &trusting(&ca)));
    assert!(old.starts_with("the certificate of 127.0.0.1:8006 ended on 2002-01-01: its fingerprint is "), "{old}");
    let early = untrusted(shake(serve(&leaf_between(&ca, &["127.0.0.1"], 2098, 2099)), &trusting(&ca)));
    assert!(early.starts_with("the certificate of 127.0.0.1:8006 begins on 2098-01-01: "), "{early}");

    let elsewhere = leaf(&ca, &["pve1", "192.0.2.10"]);
    let port = serve(&elsewhere);
    let message = untrusted(shake(port, &trusting(&ca)));
    assert!(message.starts_with("the certificate of 127.0.0.1:8006 is for pve1, 192.0.2.10, not for 127.0.0.1: "), "{message}");
    let named = |name: &str| Trust::Ca { pem: ca.pem().into_bytes(), server_name: Some(name.to_owned()) };
    shake(port, &named("pve1")).expect("the name was given");
    assert!(untrusted(shake(port, &named("pve2"))).contains("not for pve2"));
}

#[test]
fn the_systems_roots_come_from_the_named_bundle() {
    let ca = ca("corporate");
    let port = serve(&leaf(&ca, &["127.0.0.1"]));
    let dir = tempfile::tempdir().expect("a folder");
    let bundle = dir.path().join("bundle.pem");
    std::fs::write(&bundle, ca.pem()).expect("a bundle");
    let trust = Trust::System { server_name: None };
    let (config, seen) = client_config(&trust, &Env::from_pairs([("SSL_CERT_FILE", &bundle)])).expect("the bundle is good");
    let mut tls = ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1").expect("an address")).expect("a connection");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).unwrap_or_else(|e| panic!("{e} {:?}", seen.fault("x")));
    }
    std::fs::write(&bundle, "nothing").expect("a bundle");
    let fault = client_config(&trust, &Env::from_pairs([("SSL_CERT_FILE", &bundle)])).expect_err("nothing is in it");
    assert_eq!(fault.message, format!("the CA bundle {} contains no usable certificate", bundle.display()));
}

#[test]
fn insecure_takes_anything() {
    shake(serve(&leaf_between(&ca("c"), &["nobody"], 2001, 2002)), &Trust::Insecure).expect("no verification");
}

#[test]
fn a_ca_file_without_a_certificate_is_a_configuration_fault() {
    let fault = client_config(&Trust::Ca { pem: b"hello".to_vec(), server_name: None }, &Env::default()).expect_err("there is none");
    assert_eq!((fault.exit_code(), fault.message.as_str()), (2, "the pinned CA: holds no PEM certificate (-----BEGIN CERTIFICATE-----)"));
}

#[test]
fn a_look_tells_what_the_certificate_says() {
    let ca = ca("c");
    let leaf = leaf_between(&ca, &["pve1.lan", "127.0.0.1", "::1"], 2001, 2002);
    let cert = probe("127.0.0.1", serve(&leaf), None, Duration::from_secs(5)).expect("a look trusts nothing and refuses nothing");
    assert_eq!(cert.sha256, fingerprint(&leaf));
    assert_eq!(cert.sans, ["pve1.lan", "127.0.0.1", "::1"]);
    assert!(cert.subject.contains("CN=pve1.lan"), "{}", cert.subject);
    assert!(cert.issuer.contains("O=PVE Cluster Manager CA"), "{}", cert.issuer);
    assert_eq!((cert.not_before, cert.not_after), (978_307_200, 1_009_843_200));
    assert_eq!((cert.days_left(1_009_843_200 - 86_400), cert.days_left(1_009_843_201)), (1, -1));
    assert_eq!(certificates(cert.pem().as_bytes()).expect("a PEM text"), [leaf.der]);
}

#[test]
fn a_look_ends_in_time() {
    // Accepts connections into its backlog and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let start = Instant::now();
    let fault = probe("127.0.0.1", port, None, Duration::from_millis(200)).expect_err("nobody answers");
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(fault.message, format!("cannot read the certificate of 127.0.0.1 port {port}: no answer in time"));
    drop(silent);
    let fault = probe("127.0.0.1", port, None, Duration::from_secs(5)).expect_err("nobody listens");
    assert_eq!((fault.kind, fault.exit_code()), (Kind::Unreachable, 9));
}

#[test]
fn what_does_not_speak_tls_is_unreachable() {
    use std::io::Write;
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || listener.accept().map(|(mut stream, _)| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let fault = probe("127.0.0.1", port, None, Duration::from_secs(5)).expect_err("it is not TLS");
    assert_eq!(fault.kind, Kind::Unreachable);
    assert!(fault.message.contains("the TLS handshake failed"), "{fault}");
}
