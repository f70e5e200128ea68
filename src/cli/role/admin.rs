//! Who makes and takes away: an administrator with a password, a token, or root on the node; and how the host is trusted.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Ctx;
use crate::cli::context::trusting::{self, Pinned, TrustFlags};
use crate::cli::ctx::https;
use crate::config::context::check_token_id;
use crate::config::secrets::{Account, Source, Vault};
use crate::config::{Context, Transport};
use crate::fault::{Fault, Result};
use crate::guard;
use crate::ops::login;
use crate::secret::Secret;
use crate::session::Session;
use crate::transport::https::Login;
use crate::transport::tls::Fingerprint;

/// The administrator's password in a file that nobody else may read.
const PASSWORD_FILE: &str = "FELHOM_PASSWORD_FILE";

#[derive(Debug, Clone, Default, Args)]
pub struct Admin {
    /// Administrator who logs in [default: root@pam]
    #[arg(long, help_heading = "Administrator", value_name = "USER@REALM", conflicts_with = "admin_token")]
    pub admin: Option<String>,
    /// Read the password from stdin
    ///
    /// Read the password from stdin, or from the file that FELHOM_PASSWORD_FILE names
    #[arg(long, help_heading = "Administrator", conflicts_with = "admin_token")]
    pub password_stdin: bool,
    /// Second factor: TOTP code or recovery key
    #[arg(long, help_heading = "Administrator", value_name = "CODE", conflicts_with = "admin_token")]
    pub totp: Option<String>,
    /// Administrator's API token, instead of a password
    #[arg(long, help_heading = "Administrator", value_name = "USER@REALM!TOKEN", requires = "admin_secret")]
    pub admin_token: Option<String>,
    /// Its secret: file:PATH, env:VAR, credential:NAME
    ///
    /// Its secret: file:PATH, env:VAR, credential:NAME, keyring or command:["WORD",…]
    #[arg(long, help_heading = "Administrator", value_name = "SOURCE", requires = "admin_token")]
    pub admin_secret: Option<String>,
}

#[derive(Debug, Clone, Default, Args)]
pub struct Trust {
    /// SHA-256 fingerprint of the host's certificate
    #[arg(long, help_heading = "Trust", value_name = "FP", conflicts_with = "ca_file")]
    pub fingerprint: Option<Fingerprint>,
    /// CA certificate of the cluster
    ///
    /// CA certificate of the cluster, a copy of its /etc/pve/pve-root-ca.pem
    #[arg(long, help_heading = "Trust", value_name = "PEM")]
    pub ca_file: Option<PathBuf>,
}

impl Admin {
    /// Something says who the administrator is, or gives the password.
    pub fn given(&self, ctx: &Ctx) -> bool {
        self.admin.is_some() || self.admin_token.is_some() || self.password_stdin || ctx.around.env.os(PASSWORD_FILE).is_some()
    }

    /// Who it will be, for plans.
    pub fn name(&self) -> &str {
        self.admin_token.as_deref().or(self.admin.as_deref()).unwrap_or("root@pam")
    }

    /// A session as the administrator.
    pub fn session(&self, ctx: &Ctx, context: &Context) -> Result<Session> {
        if context.transport != Transport::Https {
            // Root on the node needs no login.
            return Ok(ctx.open(context.clone()));
        }
        if self.admin_token.is_none() {
            guard::gate(&ctx.without_api(context, self.name()))?;
        }
        let login = self.login(ctx, context)?;
        ctx.open_as(context, login)
    }

    fn login(&self, ctx: &Ctx, context: &Context) -> Result<Login> {
        let vault = Vault::new(&ctx.around.env, &ctx.around.paths, &ctx.around.interrupt);
        if let (Some(id), Some(source)) = (&self.admin_token, &self.admin_secret) {
            check_token_id(id).map_err(|why| Fault::usage(format!("--admin-token: {why}")))?;
            let source = Source::parse(source).map_err(|why| Fault::usage(format!("--admin-secret: {why}")))?;
            if matches!(source, Source::Literal(_)) {
                return Err(Fault::usage("--admin-secret: a secret on the command line is seen by everybody on this machine")
                    .with_hint("use file:PATH, env:VAR or command:[\"pass\",\"show\",\"pve/root\"]"));
            }
            let secret = vault.read(&source, &Account::new(&context.name, id)).map_err(|fault| Fault {
                hint: Some(format!("that is where the secret of {id} was to be")),
                ..fault.while_("--admin-secret")
            })?;
            return Ok(Login::Token { id: id.clone(), secret });
        }
        let password = match (self.password_stdin, ctx.around.env.os(PASSWORD_FILE)) {
            (true, _) => Some(stdin()?),
            (false, Some(file)) => Some(vault.password_file(file.as_ref()).map_err(|fault| {
                let hint = fault.hint.clone().or(Some("it names a file with the administrator's password, which only you can read".into()));
                Fault { hint, ..fault.while_(PASSWORD_FILE) }
            })?),
            (false, None) => None,
        };
        let admin = login::Admin {
            user: self.admin.clone().unwrap_or_else(|| "root@pam".to_owned()),
            password,
            code: self.totp.as_ref().map(Secret::new),
        };
        let nobody = https(context, &ctx.around, &ctx.out, Login::Nobody)?;
        let person = ctx.person();
        login::ticket(&nobody, &admin, person.as_ref())
    }
}

/// The first line of stdin.
fn stdin() -> Result<Secret> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let read = std::io::stdin().take(4096).read_to_string(&mut text);
    read.map_err(|error| Fault::io("read the password from stdin", &error))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() { Err(Fault::usage("--password-stdin: stdin is empty")) } else { Ok(Secret::new(line)) }
}

impl Trust {
    /// The context with its trust settled: by a flag, by what it has, or by a person who compares. With the CA that a flag gave,
    /// which is to be kept beside the configuration.
    pub fn settle(&self, ctx: &Ctx, context: &Context) -> Result<(Context, Option<String>)> {
        let mut settled = context.clone();
        let flags = TrustFlags {
            fingerprint: self.fingerprint.into_iter().collect(),
            ca_file: self.ca_file.clone(),
            system_roots: false,
            insecure: None,
            leaf: false,
            offline: false,
        };
        let pinned = flags.apply(&mut settled)?;
        trusting::meet(ctx, &mut settled, false)?;
        Ok((settled, if let Pinned::Ca(pem) = pinned { Some(pem) } else { None }))
    }
}
