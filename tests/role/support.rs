//! A host on which nothing of felhom's is there yet, and the ways to log in to it.

use std::path::PathBuf;

use felhom::demo::auth::totp;
use felhom::demo::state::{AclEntry, Factor, Subject};
use serde_json::Value;

use crate::support::{Host, Run, run, run_with};

/// The base32 secret of the phone.
pub const PHONE: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
/// The password of root@pam.
pub const PASSWORD: &str = "felhom-demo";

/// The baseline host, asked by a binary that knows nothing of it.
pub struct Fresh {
    pub host: Host,
}

impl Fresh {
    pub fn new() -> Self {
        Self { host: Host::baseline() }
    }

    pub fn address(&self) -> String {
        self.host.endpoint().trim_start_matches("https://").to_owned()
    }

    /// The secret of root@pam!rig in a file, as an administrator would have it.
    pub fn root_secret(&self) -> String {
        let file = self.write("root.secret", &self.host.secret("root@pam!rig"));
        format!("file:{}", file.display())
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let file = self.host.home.path().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        file
    }

    /// `felhom role bootstrap --host … ARGS` as the administrator with a token.
    pub fn bootstrap(&self, args: &[&str]) -> Run {
        let (address, secret, print) = (self.address(), self.root_secret(), self.host.fingerprint().to_owned());
        let mut all = vec!["role", "bootstrap", "--host", &address, "--fingerprint", &print, "--store", "file"];
        all.extend(["--admin-token", "root@pam!rig", "--admin-secret", &secret]);
        all.extend(args);
        self.felhom(&all)
    }

    /// The binary with its own configuration, and nothing in the environment.
    pub fn felhom(&self, args: &[&str]) -> Run {
        run(&mut self.host.home.felhom(args))
    }

    /// The same as an administrator with a token.
    pub fn as_admin(&self, args: &[&str]) -> Run {
        let secret = self.root_secret();
        let mut all = args.to_vec();
        all.extend(["--admin-token", "root@pam!rig", "--admin-secret", &secret]);
        self.felhom(&all)
    }

    pub fn with_stdin(&self, args: &[&str], stdin: &str) -> Run {
        run_with(&mut self.host.home.felhom(args), stdin)
    }

    pub fn config(&self) -> String {
        std::fs::read_to_string(self.host.home.config_file()).unwrap_or_default()
    }

    /// The secret that felhom stored for a token.
    pub fn stored(&self) -> Vec<(String, String)> {
        let folder = self.host.home.config_file().with_file_name("secrets");
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files
            .map(|f| (f.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(f.path()).unwrap().trim().to_owned()))
            .collect()
    }

    /// A second factor for root@pam.
    pub fn second_factor(&self) {
        let factor = |kind: &str, secret: &str, keys: Vec<Option<String>>| Factor {
            id: kind.into(),
            kind: kind.into(),
            description: "phone".into(),
            created: 1,
            enable: true,
            secret: secret.into(),
            keys,
            last_step: 0,
        };
        let factors = vec![factor("totp", PHONE, vec![]), factor("recovery", "", vec![Some("aaaa-bbbb-cccc-dddd".into())])];
        self.host.with_state(|state| state.access.tfa.insert("root@pam".into(), factors)).unwrap();
    }

    /// What somebody may do now, in the host's own view.
    pub fn roles_of(&self, subject: &Subject, path: &str) -> Vec<String> {
        let entries = self.host.with_state(|state| state.access.acl.get(path).cloned().unwrap_or_default()).unwrap();
        entries.into_iter().filter(|e| e.subject == *subject).map(|e| e.role).collect()
    }

    pub fn grant(&self, path: &str, subject: Subject, role: &str) {
        let entry = AclEntry { subject, role: role.into(), propagate: true };
        self.host.with_state(|state| state.access.acl.entry(path.to_owned()).or_default().push(entry)).unwrap();
    }
}

/// The code that the phone shows now.
pub fn code() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    totp::code(PHONE, i64::try_from(now).unwrap()).unwrap()
}

pub fn user() -> Subject {
    Subject::User("felhom@pve".into())
}

pub fn token(name: &str) -> Subject {
    Subject::Token(format!("felhom@pve!{name}"))
}

pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}
