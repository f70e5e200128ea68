//! Permission expressions of the API schema: `["and", ["perm", "/vms/{vmid}", ["VM.Audit"]], …]`.

use serde_json::Value;

use super::acl::{check, check_any};
use super::who::Who;
use crate::api::schema::Permissions;
use crate::demo::api::{Params, Refusal};
use crate::demo::state::State;

/// The caller and the request that an expression refers to.
#[derive(Clone, Copy)]
struct Asker<'a> {
    state: &'a State,
    who: &'a Who,
    params: &'a Params,
}

/// Checks a call's permission expression for a caller.
pub fn check_permissions(state: &State, who: &Who, wanted: Option<&Permissions>, params: &Params) -> Result<(), Refusal> {
    let user = wanted.and_then(|w| w.user.as_deref());
    if who.user.is_empty() {
        return if user == Some("world") { Ok(()) } else { Err(failed("user != null")) };
    }
    if who.is_root() {
        return Ok(());
    }
    let Some(wanted) = wanted else { return Err(failed("user != root@pam")) };
    if user == Some("all") {
        return Ok(());
    }
    let Some(expression) = &wanted.check else { return Err(bare()) };
    Asker { state, who, params }.holds(expression, false).map(drop)
}

/// Requires `Permissions.Modify` on a path, or the privilege to allocate the object there.
pub fn check_perm_modify(state: &State, who: &Who, path: &str) -> Result<(), Refusal> {
    let below = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty());
    let also = [("/storage/", "Datastore.Allocate"), ("/vms/", "VM.Allocate"), ("/pool/", "Pool.Allocate")];
    let mut privileges = vec!["Permissions.Modify"];
    privileges.extend(also.iter().filter(|(prefix, _)| below(prefix)).map(|(_, privilege)| *privilege));
    check_any(state, who, path, &privileges)
}

/// Returns a normalized ACL path; `None` if it is invalid.
pub fn normalize_path(path: &str) -> Option<String> {
    if path.is_empty() || !path.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) {
        return None;
    }
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    Some(format!("/{}", parts.join("/")))
}

/// Splits `name@realm`, or returns the host's error.
pub fn verify_username(text: &str) -> Result<(&str, &str), Refusal> {
    let parts = text.rsplit_once('@').filter(|(name, realm)| {
        let realm_ok =
            realm.starts_with(|c: char| c.is_ascii_alphabetic()) && realm.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        realm.len() >= 2 && realm_ok && !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == ':' || c == '/')
    });
    parts.ok_or_else(|| Refusal::die(format!("value '{text}' does not look like a valid user name")))
}

fn bare() -> Refusal {
    Refusal::forbidden("Permission check failed")
}

fn failed(why: &str) -> Refusal {
    Refusal::forbidden(format!("Permission check failed ({why})"))
}

fn words(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The options after the positional parts: `["any", 1]`.
fn option<'a>(parts: &'a [Value], name: &str) -> Option<&'a Value> {
    parts.chunks(2).find(|pair| pair[0] == name).and_then(|pair| pair.get(1))
}

impl Asker<'_> {
    /// Evaluates an expression. A missing privilege is `Ok(false)` if `quiet`, otherwise a refusal. As on the host, an `and` within an `or` is never quiet.
    fn holds(self, expression: &Value, quiet: bool) -> Result<bool, Refusal> {
        let parts = expression.as_array().map_or(&[][..], Vec::as_slice);
        match parts.first().and_then(Value::as_str) {
            Some("and") => {
                for part in &parts[1..] {
                    self.holds(part, false)?;
                }
                Ok(true)
            }
            Some("or") => {
                for part in &parts[1..] {
                    if self.holds(part, true)? {
                        return Ok(true);
                    }
                }
                no(quiet, bare())
            }
            Some("perm") => self.perm(parts, quiet),
            Some("userid-param") => self.userid_param(parts, quiet),
            Some("userid-group") => self.userid_group(parts, quiet),
            Some("perm-modify") => {
                let path = self.path(parts.get(1).and_then(Value::as_str).unwrap_or("{path}"));
                let Some(path) = path else { return Ok(true) };
                quietly(quiet, check_perm_modify(self.state, self.who, &path))
            }
            _ => Err(bare()),
        }
    }

    fn perm(self, parts: &[Value], quiet: bool) -> Result<bool, Refusal> {
        let options = parts.get(3..).unwrap_or_default();
        if let Some(required) = option(options, "require_param").and_then(Value::as_str)
            && !self.params.has(required)
        {
            return no(quiet, bare());
        }
        let privileges = words(parts.get(2));
        let any = option(options, "any").is_some_and(|v| v == 1 || v == "1" || v == true);
        // Nobody has privileges on an invalid path, and the message omits it.
        let Some(path) = self.path(parts.get(1).and_then(Value::as_str).unwrap_or("/")) else {
            let missing = if any { privileges.join("|") } else { privileges.first().copied().unwrap_or_default().to_owned() };
            return no(quiet, Refusal::denied("", &missing));
        };
        quietly(
            quiet,
            if any { check_any(self.state, self.who, &path, &privileges) } else { check(self.state, self.who, &path, &privileges) },
        )
    }

    fn userid_param(self, parts: &[Value], quiet: bool) -> Result<bool, Refusal> {
        let userid = self.params.text("userid");
        let (_, realm) = verify_username(userid)?;
        if parts.get(1).and_then(Value::as_str) == Some("self") {
            if !self.user_exists(userid, quiet)? {
                return Ok(false);
            }
            return if self.who.name() == userid { Ok(true) } else { no(quiet, bare()) };
        }
        quietly(quiet, check(self.state, self.who, &format!("/access/realm/{realm}"), &["Realm.AllocateUser"]))
    }

    fn userid_group(self, parts: &[Value], quiet: bool) -> Result<bool, Refusal> {
        let userid = self.params.text("userid");
        let privileges = words(parts.get(1));
        let groups_param = option(parts.get(2..).unwrap_or_default(), "groups_param").and_then(Value::as_str);
        let existing = groups_param != Some("create");
        if existing && !self.user_exists(userid, quiet)? {
            return Ok(false);
        }
        let may = |path: &str| check_any(self.state, self.who, path, &privileges);
        if may("/access/groups").is_ok() {
            return Ok(true);
        }
        if groups_param.is_some() {
            let groups = self.params.list("groups");
            if groups.is_empty() {
                may("/access/groups")?;
            }
            for group in groups {
                may(&format!("/access/groups/{group}"))?;
            }
        }
        let member_of = self.state.access.users.get(userid).map(|u| &u.groups);
        if existing && !member_of.is_some_and(|all| all.iter().any(|g| may(&format!("/access/groups/{g}")).is_ok())) {
            return no(quiet, bare());
        }
        Ok(true)
    }

    fn user_exists(self, userid: &str, quiet: bool) -> Result<bool, Refusal> {
        let known = self.state.access.users.contains_key(userid);
        if known { Ok(true) } else { no(quiet, Refusal::die(format!("no such user ('{userid}')"))) }
    }

    /// Fills a path template with the request's parameters.
    fn path(self, template: &str) -> Option<String> {
        let mut path = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            path.push_str(before);
            path.push_str(self.params.text(name));
            rest = after;
        }
        path.push_str(rest);
        normalize_path(&path)
    }
}

fn no(quiet: bool, refusal: Refusal) -> Result<bool, Refusal> {
    if quiet { Ok(false) } else { Err(refusal) }
}

fn quietly(quiet: bool, answer: Result<(), Refusal>) -> Result<bool, Refusal> {
    match answer {
        Ok(()) => Ok(true),
        Err(_) if quiet => Ok(false),
        Err(refusal) => Err(refusal),
    }
}
