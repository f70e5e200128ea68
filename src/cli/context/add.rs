//! `felhom context add`.

use clap::Args;

use crate::cli::Ctx;
use crate::config::context::{check_name, check_proxy, check_ssh_host, check_token_id};
use crate::config::secrets::{Account, Vault};
use crate::config::{Context, Editor, Endpoint, SshHost, Transport, Url, Writes, edit};
use crate::fault::{Fault, Kind, Result};
use crate::ops::context::{LoginInfo, check_login};
use crate::ui::prompt;

use super::change::{Action, Changed, Status};
use super::secret::{Given, SecretFlags, keep};
use super::trusting::{Pinned, TrustFlags, compare, meet, widen};
use super::view::View;

/// Add a context for an existing token
///
/// Asks for missing values on a terminal. The token is tested before anything is written. If the cluster's CA signed the host's certificate, the CA is pinned: it covers every node and every renewal.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    felhom context add home\n  \
    felhom context add home --endpoint pve1.lan --token-id felhom@pve!agent --secret-stdin --ca-file pve-root-ca.pem <secret\n  \
    felhom context add home --endpoint pve1 --endpoint pve2 --token-id felhom@pve!agent --secret file:~/pve.secret\n  \
    felhom context add box --transport ssh --ssh root@pve1.lan")]
pub struct Add {
    /// Name: letters, digits, `-`, `_`, `.`
    #[arg(value_name = "NAME", value_parser = checked(check_name))]
    name: String,
    /// API endpoint, HOST[:PORT]; may be repeated
    ///
    /// API endpoint, HOST[:PORT]; repeat it for the nodes of a cluster, which are tried in order
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    endpoint: Vec<Url>,
    /// Name to check in the certificate
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// API token, USER@REALM!TOKEN
    #[arg(long, value_name = "TOKEN", value_parser = checked(check_token_id))]
    token_id: Option<String>,
    #[command(flatten)]
    secret: SecretFlags,
    #[command(flatten)]
    trust: TrustFlags,
    /// Transport
    #[arg(long, value_name = "TRANSPORT", value_parser = word(Transport::ALL), default_value = "https")]
    transport: Transport,
    /// SSH destination for --transport ssh
    #[arg(long, value_name = "USER@HOST", value_parser = checked(check_ssh_host), required_if_eq("transport", "ssh"))]
    ssh: Option<String>,
    /// Changes: allow, stage, deny
    #[arg(long, value_name = "MODE", value_parser = word(Writes::ALL), default_value = "allow")]
    writes: Writes,
    /// Protected tag: such guests need --force
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    protected_tag: Vec<String>,
    /// Managed tag: other guests need --force
    #[arg(long, value_name = "TAG")]
    managed_tag: Option<String>,
    /// HTTP proxy, http://HOST:PORT
    #[arg(long, value_name = "URL", value_parser = checked(check_proxy))]
    proxy: Option<String>,
    /// Make it the current context
    #[arg(long = "use")]
    make_current: bool,
}

/// Converts a check of the configuration to a parser of an argument.
fn checked(check: fn(&str) -> std::result::Result<(), String>) -> impl Fn(&str) -> std::result::Result<String, String> + Clone {
    move |text: &str| check(text).map(|()| text.to_owned())
}

/// Parses one of several words.
fn word<T: Copy + Send + Sync + 'static>(words: &'static [(&'static str, T)]) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(words.iter().map(|(word, _)| *word)).try_map(move |text| {
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| format!("'{text}' is none of them"))
    })
}

impl Add {
    pub fn run(self, ctx: &Ctx) -> Result<()> {
        let planned = ctx.planned_here()?;
        let config = ctx.config()?;
        if config.contexts.contains_key(&self.name) {
            return Err(edit::taken(&self.name));
        }
        let named = self.secret.source()?;
        let make_current = self.make_current || config.contexts.is_empty();
        let mut context = Context {
            transport: self.transport,
            writes: self.writes,
            protected_tags: self.protected_tag.clone(),
            managed_tag: self.managed_tag.clone(),
            proxy: self.proxy.clone(),
            ssh: self.ssh.clone().map(|host| SshHost { host }),
            ..Context::new(&self.name)
        };
        if self.transport != Transport::Https {
            ctx.out.note(format!("calls of the context {} are made as root@pam, with all that root may do", self.name));
            return self.write(ctx, &context, None, make_current, None, &Pinned::InPlace);
        }
        let vault = Vault::new(&ctx.around.env, &ctx.around.paths, &ctx.around.interrupt);
        context.endpoints = self.endpoints()?;
        let mut pinned = self.trust.apply(&mut context)?;
        if !self.trust.offline {
            ctx.within_reach(&context.endpoints)?;
            if self.trust.settles() {
                compare(&context, &context.endpoints[0], &ctx.around.interrupt)?;
            } else {
                meet(ctx, &mut context, true)?;
            }
        }
        let token_id = self.token_id()?;
        context.token_id = Some(token_id.clone());
        let given = match named {
            Some(source) => Given::There(source),
            None => self.secret.get(ctx, &vault, &token_id)?,
        };
        let proof = if self.trust.offline || planned {
            None
        } else {
            let (proof, found) = self.check_login(ctx, &mut context, &given)?;
            if pinned == Pinned::InPlace {
                pinned = found;
            }
            Some(proof)
        };
        self.write(ctx, &context, Some((vault, given)), make_current, proof, &pinned)
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>> {
        let urls = match (&self.endpoint[..], prompt::present()) {
            ([], true) => vec![typed("Host (a name or an address, with :PORT where it is not 8006)", str::parse::<Url>)?],
            ([], false) => {
                return Err(Fault::usage("missing --endpoint").with_hint("add --endpoint HOST or --endpoint https://HOST:PORT"));
            }
            (urls, _) => urls.to_vec(),
        };
        Ok(urls.into_iter().map(|url| Endpoint { server_name: self.server_name.clone(), ..Endpoint::new(url) }).collect())
    }

    fn token_id(&self) -> Result<String> {
        match &self.token_id {
            Some(id) => Ok(id.clone()),
            None if prompt::present() => typed("Token (USER@REALM!TOKEN)", checked(check_token_id)),
            None => Err(Fault::usage("missing --token-id").with_hint("add --token-id USER@REALM!TOKEN")),
        }
    }

    /// Connects to the first endpoint with the new token, and returns the CA to pin.
    fn check_login(&self, ctx: &Ctx, context: &mut Context, given: &Given) -> Result<(LoginInfo, Pinned)> {
        let mut first = context.clone();
        first.endpoints.truncate(1);
        first.secret = Some(given.source(ctx));
        let session = ctx.open(first);
        let client = session.client()?;
        let proof = check_login(client).map_err(|fault| match fault.kind {
            Kind::Unauthenticated | Kind::Unreachable => {
                fault.while_("nothing was written").with_hint("add --offline to write the context without asking the host")
            }
            _ => fault,
        })?;
        let pinned_leaf = context.endpoints[0].fingerprint.is_some();
        let pinned = if pinned_leaf && !self.trust.leaf { widen(client, context, &ctx.around.interrupt)? } else { Pinned::InPlace };
        if pinned == Pinned::InPlace {
            // The other endpoints have their own certificates.
            meet(ctx, context, false)?;
        }
        Ok((proof, pinned))
    }

    fn write(
        &self,
        ctx: &Ctx,
        context: &Context,
        secret: Option<(Vault, Given)>,
        make_current: bool,
        proof: Option<LoginInfo>,
        pinned: &Pinned,
    ) -> Result<()> {
        let paths = &ctx.around.paths;
        let mut changed = Changed::new(Action::Add, Some(&self.name));
        changed.and(format!("the context {} is in {}", self.name, paths.config_file().display()));
        if let Some((_, given)) = &secret {
            changed.and(given.place());
        }
        let planned = ctx.global.plan.is_some();
        changed.and(if planned && !self.trust.leaf { planned_trust(context, pinned) } else { trust_words(context, pinned) });
        if make_current {
            changed.and(format!("{} is the current context", self.name));
        }
        let mut context = context.clone();
        if planned {
            changed.status = Status::Planned;
            context.secret = secret.and_then(|(_, given)| if let Given::There(source) = given { Some(source) } else { None });
            changed.settings = Some(View::of(&context, make_current));
            return changed.show(ctx);
        }
        let mut editor = Editor::open(paths, &ctx.around.interrupt)?;
        let mut kept = None;
        if let Some((vault, given)) = secret {
            let account = Account::new(&self.name, context.token_id.clone().unwrap_or_default());
            let is_new = matches!(given, Given::New(..));
            let source = match keep(given, &vault, &account)? {
                crate::config::secrets::Source::File(path) => crate::config::secrets::Source::File(paths.expand(&path.to_string_lossy())),
                other => other,
            };
            context.secret = Some(source.clone());
            kept = is_new.then_some((vault, source, account));
        }
        let written = (|| {
            if let Pinned::Ca(pem) = pinned {
                // The pinned file is a copy next to the configuration.
                editor.add(&Context { ca_file: None, ..context.clone() })?;
                editor.pin_ca(&self.name, pem)?;
            } else {
                editor.add(&context)?;
            }
            if make_current {
                editor.make_current(&self.name)?;
            }
            let config = editor.config()?;
            editor.save().map(|_| config)
        })();
        let config = written.inspect_err(|_| {
            // Delete the secret: without its context it is useless.
            if let Some((vault, source, account)) = &kept {
                let _ = vault.forget(source, account);
            }
        })?;
        changed.settings = config.contexts.get(&self.name).map(|context| View::of(context, make_current));
        if let Some(proof) = &proof {
            ctx.out.note(format!("Proxmox VE {} knows {} ({} privileges)", proof.version, proof.who, proof.privileges));
            if proof.privileges == 0 {
                ctx.out.warn(format!("{} has no privilege at all yet: `felhom role bootstrap -c {}` grants some", proof.who, self.name));
            }
        }
        changed.proof = proof;
        changed.show(ctx)
    }
}

/// Describes what is pinned.
pub fn trust_words(context: &Context, pinned: &Pinned) -> String {
    match pinned {
        Pinned::Ca(_) => "the cluster's CA is pinned: it covers every node and every renewal".to_owned(),
        Pinned::InPlace if context.acts_as_root() => "the host is reached as root".to_owned(),
        Pinned::InPlace if context.insecure => "nothing is verified: whoever answers is believed".to_owned(),
        Pinned::InPlace if context.system_roots => "what this machine trusts is trusted".to_owned(),
        Pinned::InPlace if context.endpoints.iter().all(|endpoint| endpoint.fingerprint.is_some()) => {
            "the host's certificate is pinned".to_owned()
        }
        Pinned::InPlace => "no certificate is trusted yet: the first contact asks".to_owned(),
    }
}

/// Describes what is pinned, before the host's CA is known.
pub fn planned_trust(context: &Context, pinned: &Pinned) -> String {
    let by_leaf = *pinned == Pinned::InPlace && !context.acts_as_root() && !context.insecure && !context.system_roots;
    let words = trust_words(context, pinned);
    if by_leaf && context.ca_file.is_none() { format!("{words}, or the cluster's CA where it made it") } else { words }
}

/// Asks until the answer is valid, at most three times.
fn typed<T>(question: &str, parse: impl Fn(&str) -> std::result::Result<T, String>) -> Result<T> {
    let mut last = String::new();
    for _ in 0..3 {
        let line = prompt::line(&if last.is_empty() { question.to_owned() } else { format!("{last}. {question}") }, None)?;
        match parse(&line) {
            Ok(value) => return Ok(value),
            Err(why) => last = why,
        }
    }
    Err(Fault::usage(last))
}
