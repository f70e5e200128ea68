//! Text of the first contact with a host: the certificate, and how to compare it on the host.

use serde::Serialize;

use super::endpoint::Endpoint;
use crate::fault::{Fault, Kind};
use crate::transport::tls::{Fingerprint, PeerCert, chains_to, covers, day};

/// The command that prints the fingerprint of the API's certificate on the host. A node with its own certificate (ACME or uploaded)
/// serves that one.
pub const ON_THE_HOST: &str =
    "cd /etc/pve/local && openssl x509 -noout -fingerprint -sha256 -in \"$(ls pveproxy-ssl.pem 2>/dev/null || echo pve-ssl.pem)\"";

/// The certificate of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirstContact {
    /// `host:port`
    pub endpoint: String,
    pub subject: String,
    pub issuer: String,
    pub names: Vec<String>,
    /// The first day, `2026-01-31` (UTC).
    pub valid_from: String,
    /// The last day (UTC).
    pub valid_until: String,
    pub fingerprint: String,
    /// The pinned certificate, if it differs.
    pub trusted: Option<String>,
    /// The command that prints the fingerprint on the host.
    pub on_the_host: String,
    /// Warnings about the certificate.
    pub notes: Vec<String>,
}

impl FirstContact {
    /// `now` is in Unix seconds.
    pub fn new(endpoint: &Endpoint, cert: &PeerCert, now: i64) -> Self {
        let mut notes = Vec::new();
        if now < cert.not_before {
            notes.push(format!("it begins only on {}: compare the clocks", day(cert.not_before)));
        }
        if now > cert.not_after {
            notes.push(format!("it ended on {}", day(cert.not_after)));
        }
        let asked = endpoint.server_name.as_ref().unwrap_or(&endpoint.url.host);
        if !covers(&cert.leaf_der, asked) {
            notes.push(format!("it is not for {asked}: a pinned fingerprint works all the same, a pinned CA needs a `server_name`"));
        }
        Self {
            endpoint: endpoint.url.authority(),
            subject: cert.subject.clone(),
            issuer: cert.issuer.clone(),
            names: cert.sans.clone(),
            valid_from: day(cert.not_before),
            valid_until: day(cert.not_after),
            fingerprint: cert.sha256.to_string(),
            trusted: endpoint.fingerprint.filter(|trusted| *trusted != cert.sha256).map(|trusted| trusted.to_string()),
            on_the_host: ON_THE_HOST.to_owned(),
            notes,
        }
    }

    /// Returns the text before the question on a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} shows this certificate:", self.endpoint)];
        let mut row = |label: &str, value: &str| lines.push(format!("  {label:<12} {value}"));
        row("subject", &self.subject);
        row("issuer", &self.issuer);
        row("names", &self.names.join(", "));
        row("valid", &format!("{} to {}", self.valid_from, self.valid_until));
        row("fingerprint", &self.fingerprint);
        if let Some(trusted) = &self.trusted {
            row("until now", trusted);
        }
        for note in &self.notes {
            row("note", note);
        }
        lines.push("The same fingerprint must come from the host itself; there (console or ssh), run:".to_owned());
        lines.push(format!("  {}", self.on_the_host));
        lines
    }

    /// Returns the error for a run without a terminal.
    pub fn refusal(&self) -> Fault {
        let message = match &self.trusted {
            Some(trusted) => {
                format!(
                    "the certificate of {} is not the trusted one: its fingerprint is {}, trusted is {trusted}",
                    self.endpoint, self.fingerprint
                )
            }
            None => format!("the certificate of {} is not trusted yet: its fingerprint is {}", self.endpoint, self.fingerprint),
        };
        Fault::new(Kind::Untrusted, message).with_hint(format!(
            "compare it with what `{}` prints on the host, then give it as --fingerprint, or the cluster's CA as --ca-file; --yes never accepts a certificate",
            self.on_the_host
        ))
    }
}

/// What to pin after a successful login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The cluster's CA issued the leaf: pin the CA, which covers all nodes and renewals.
    Ca(String),
    /// The leaf has another issuer.
    Leaf(Fingerprint),
}

impl Pin {
    /// `ca_pem` is `/etc/pve/pve-root-ca.pem` from the trusted host.
    pub fn choose(cert: &PeerCert, ca_pem: Option<&str>) -> Self {
        match ca_pem {
            Some(pem) if chains_to(&cert.leaf_der, pem.as_bytes()) => Self::Ca(pem.to_owned()),
            _ => Self::Leaf(cert.sha256),
        }
    }
}

#[cfg(all(test, feature = "demo"))]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

    use super::*;

    fn cluster() -> (String, PeerCert) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Proxmox Virtual Environment");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
        let mut params = CertificateParams::new(vec!["pve1".to_owned(), "192.0.2.10".to_owned()]).expect("good names");
        params.distinguished_name.push(DnType::CommonName, "pve1\u{1b}[31m");
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
        let leaf = params.signed_by(&KeyPair::generate().expect("a key"), &ca).expect("a leaf");
        (ca.pem(), PeerCert::parse(leaf.der(), Vec::new()).expect("it is a certificate"))
    }

    /// 2026-01-01
    const NOW: i64 = 1_767_225_600;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(url.parse().expect("a url"))
    }

    #[test]
    fn shows_what_a_person_must_compare() {
        let (_, cert) = cluster();
        let lines = FirstContact::new(&endpoint("192.0.2.10"), &cert, NOW).lines();
        assert_eq!(lines[0], "192.0.2.10:8006 shows this certificate:");
        assert_eq!(lines[3], "  names        pve1, 192.0.2.10");
        assert_eq!(lines[4], "  valid        2020-01-01 to 2090-01-01");
        assert_eq!(lines[5], format!("  fingerprint  {}", cert.sha256));
        assert_eq!(lines.last().map(|line| line.trim()), Some(ON_THE_HOST));
        assert_eq!(lines.len(), 8, "{lines:#?}");
        assert!(!lines.concat().contains('\u{1b}'), "a stranger's text moves no cursor");
    }

    #[test]
    fn notes_what_is_odd() {
        let (_, cert) = cluster();
        let contact = FirstContact::new(&endpoint("pve.example"), &cert, cert.not_after + 1);
        let wanted = [
            "it ended on 2090-01-01",
            "it is not for pve.example: a pinned fingerprint works all the same, a pinned CA needs a `server_name`",
        ];
        assert_eq!(contact.notes, wanted);
        let named = Endpoint { server_name: Some("pve1".to_owned()), ..endpoint("pve.example") };
        let early = FirstContact::new(&named, &cert, cert.not_before - 1);
        assert_eq!(early.notes, ["it begins only on 2020-01-01: compare the clocks"]);
    }

    #[test]
    fn refuses_in_words_where_nobody_can_be_asked() {
        let (_, cert) = cluster();
        let fault = FirstContact::new(&endpoint("pve1"), &cert, NOW).refusal();
        assert_eq!(fault.exit_code(), 9);
        assert_eq!(fault.message, format!("the certificate of pve1:8006 is not trusted yet: its fingerprint is {}", cert.sha256));
        assert!(fault.hint().contains("--fingerprint"), "{}", fault.hint());

        let pinned = Endpoint { fingerprint: Some(Fingerprint([1; 32])), ..endpoint("pve1") };
        let contact = FirstContact::new(&pinned, &cert, NOW);
        assert!(contact.refusal().message.contains(&Fingerprint([1; 32]).to_string()));
        assert!(contact.lines().iter().any(|line| line.starts_with("  until now    01:01:")));
    }

    #[test]
    fn pins_the_ca_only_where_it_made_the_leaf() {
        let ((ours, cert), (theirs, _)) = (cluster(), cluster());
        assert_eq!(Pin::choose(&cert, Some(&ours)), Pin::Ca(ours));
        assert_eq!(Pin::choose(&cert, Some(&theirs)), Pin::Leaf(cert.sha256));
        assert_eq!(Pin::choose(&cert, None), Pin::Leaf(cert.sha256));
    }
}
