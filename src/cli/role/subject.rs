//! Which host a role verb is about, and under which name its context stands.

use clap::ValueEnum;

use crate::cli::Ctx;
use crate::config::context::{check_name, check_ssh_host, check_token_id};
use crate::config::env::FROM_ENV;
use crate::config::{Context, Endpoint, SshHost, Transport, Url};
use crate::fault::{Fault, Result};
use crate::ops::role::keeper::Keeper;
use crate::ops::time;

/// How the administrator reaches the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Via {
    /// Through the API, with a password or token
    #[default]
    Https,
    /// As root on the node over ssh
    Ssh,
    /// As root on this machine (the node)
    Local,
}

/// The context that the token is for. It may not be written yet.
pub fn context(ctx: &Ctx, host: Option<&str>) -> Result<Context> {
    if let Some(fixed) = &ctx.around.fixed {
        return Ok(fixed.clone());
    }
    let config = ctx.config()?;
    let Some(host) = host else {
        let found = ctx.context()?;
        // The environment's context has no name of its own to be written under.
        return match found.name.as_str() {
            FROM_ENV => named(&config.contexts, found.clone(), None),
            _ => Ok(found),
        };
    };
    let url: Url = host.parse().map_err(|why| Fault::usage(format!("--host: {why}")))?;
    let mut context = Context::new("");
    context.endpoints = vec![Endpoint::new(url)];
    named(&config.contexts, context, ctx.global.context.as_deref())
}

/// A name for it; without a name of its own, a context that is there already for the same host is taken instead.
fn named(there: &std::collections::BTreeMap<String, Context>, new: Context, name: Option<&str>) -> Result<Context> {
    let url = new.endpoints.first().map(|endpoint| endpoint.url.clone());
    let same = |context: &&Context| context.endpoints.iter().any(|endpoint| Some(&endpoint.url) == url.as_ref());
    let derived = url.as_ref().map_or_else(String::new, |url| short(&url.host));
    let (wanted, name) = (name.is_some(), name.map_or(derived, str::to_owned));
    match there.get(&name) {
        Some(known) if same(&known) => return Ok(known.clone()),
        Some(_) => {
            return Err(Fault::refused(format!("there is a context '{name}' already, for another host"))
                .with_hint(format!("choose another name with -c NAME, or use `felhom role bootstrap -c {name}` for that one")));
        }
        None => {}
    }
    if let Some(known) = there.values().find(same).filter(|_| !wanted && new.token_id.is_none()) {
        return Ok(known.clone());
    }
    check_name(&name).map_err(Fault::usage)?;
    // What the environment gave stays there: the new context gets a token and a secret of its own.
    Ok(Context { name, token_id: None, secret: None, ..new })
}

/// `pve1` of `pve1.lan`; an address stays whole.
fn short(host: &str) -> String {
    if host.parse::<std::net::IpAddr>().is_ok() {
        return host.replace(':', "-");
    }
    host.split('.').next().unwrap_or(host).to_owned()
}

/// A user and a token that the host can have.
pub fn check_names(user: &str, token: &str) -> Result<()> {
    let why = match () {
        () if check_token_id(&format!("{user}!xx")).is_err() => format!("'{user}' is no user: write USER@REALM, e.g. felhom@pve"),
        () if token.len() < 2 => format!("the token name '{token}' is too short: the host wants two characters or more"),
        () if check_token_id(&format!("{user}!{token}")).is_err() || !token.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            format!("the token name '{token}' is not one: a letter, then letters, digits, `-`, `_` and `.`")
        }
        () => return Ok(()),
    };
    Err(Fault::usage(why).with_hint("add --user USER@REALM and --token-name NAME; the defaults are felhom@pve and agent"))
}

/// A path of the access control list. The host looks at it only when everything else is made.
pub fn acl_path(text: &str) -> std::result::Result<String, String> {
    const AREAS: [&str; 7] = ["access", "mapping", "nodes", "pool", "sdn", "storage", "vms"];
    let fits = |segment: &str| !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let known = text.strip_prefix('/').is_some_and(|rest| {
        let mut segments = rest.split('/');
        rest.is_empty() || segments.next().is_some_and(|area| AREAS.contains(&area)) && segments.all(fits)
    });
    if known {
        return Ok(text.to_owned());
    }
    Err(format!("a path is `/`, or begins with one of /{}: /vms/101, /storage/backup", AREAS.join(", /")))
}

/// When a token shall end: Unix seconds, 0 for never.
pub fn end(text: &str, now: i64) -> Result<u64> {
    if text == "never" {
        return Ok(0);
    }
    let at = time::at(text).map_err(|fault| fault.while_("--expire"))?;
    match u64::try_from(at) {
        Ok(end) if at > now => Ok(end),
        _ => Err(Fault::usage(format!("--expire {text}: that is past, and the token would be of no use"))
            .with_hint("give a day to come, or `never`")),
    }
}

/// The same host, reached as the administrator.
pub fn administered(ctx: &Ctx, context: &Context, via: Via) -> Result<Context> {
    if ctx.around.fixed.is_some() && via != Via::Https {
        // Behind ssh, and on this machine, is a real host.
        return Err(Fault::usage("the demo host is reached over https alone").with_hint("leave --via out"));
    }
    let mut admin = context.clone();
    match via {
        Via::Https if context.transport != Transport::Https => {
            return Err(Fault::usage(format!(
                "the context '{}' acts as root@pam through {}: it needs no token",
                context.name,
                context.transport.word()
            ))
            .with_hint("add --host HOST --via ssh -c NAME to create a token and a context for it"));
        }
        Via::Https => {}
        Via::Ssh => {
            admin.transport = Transport::Ssh;
            if admin.ssh.is_none() {
                let host = admin.endpoints.first().map(|endpoint| format!("root@{}", endpoint.url.host)).unwrap_or_default();
                check_ssh_host(&host).map_err(Fault::usage)?;
                admin.ssh = Some(SshHost { host });
            }
        }
        Via::Local => admin.transport = Transport::Local,
    }
    Ok(admin)
}

/// The context's places on this machine.
pub fn keeper(ctx: &Ctx, context: Context) -> Keeper {
    let out = std::sync::Arc::clone(&ctx.out);
    Keeper {
        context,
        env: ctx.around.env.clone(),
        paths: ctx.around.paths.clone(),
        interrupt: ctx.around.interrupt.clone(),
        log: std::sync::Arc::new(move |line| out.debug(2, crate::guard::redact::text(line))),
        fixed: ctx.around.fixed.is_some(),
    }
}
