//! Users, groups, roles, permissions, tokens and realms.

use super::{Noun, noun};
use crate::api::Method::Put;
use crate::api::Risk::{Disruptive, Safe};

pub static USER: Noun = noun("access user", "user", "users", "/access/users")
    .key("userid")
    .list(&["userid", "enable:flag", "expire:time", "comment:flex", "realm-type=REALM TYPE:wide", "email:wide"])
    .example("felhom access user list")
    .show(&["enable:flag", "expire:time", "comment", "email", "firstname", "lastname", "groups", "tokens"])
    .example("felhom access user show viewer@pve")
    .create()
    .example("felhom access user create ops@pve --comment 'operations'")
    .set()
    .example("felhom access user set ops@pve --no-enable")
    .delete()
    .example("felhom access user delete ops@pve --confirm ops@pve")
    .action("unlock-tfa", Safe)
    .by(Put)
    .about("Unlock a user's second factor")
    .example("felhom access user unlock-tfa viewer@pve");

pub static GROUP: Noun = noun("access group", "group", "groups", "/access/groups")
    .key("groupid")
    .list(&["groupid", "users:list", "comment:flex"])
    .example("felhom access group list")
    .show(&["comment", "members:list"])
    .example("felhom access group show admins")
    .create()
    .example("felhom access group create admins --comment 'administrators'")
    .set()
    .example("felhom access group set admins --comment 'day shift'")
    .delete()
    .example("felhom access group delete admins --confirm admins");

pub static ROLE: Noun = noun("access role", "role", "roles", "/access/roles")
    .key("roleid")
    .list(&["roleid", "special=BUILT-IN:flag", "privs=PRIVILEGES:list,flex"])
    .example("felhom access role list")
    .show(&[])
    .example("felhom access role show PVEAuditor")
    .create()
    .example("felhom access role create Starter --privs VM.Audit,VM.PowerMgmt")
    .set()
    .example("felhom access role set Starter --privs VM.Console --append")
    .delete()
    .example("felhom access role delete Starter --confirm Starter");

pub static ACL: Noun = noun("access acl", "permission", "permissions", "/access/acl")
    .list(&["path", "ugid=WHO", "type", "roleid=ROLE", "propagate:flag"])
    .example("felhom access acl list")
    .put("grant", Safe)
    .args(&["path"])
    .without(&["delete"])
    .about("Grant a role on a path to users, groups or tokens")
    .example("felhom access acl grant /vms/101 --user viewer@pve --role PVEVMUser")
    .put("revoke", Disruptive)
    .args(&["path"])
    .without(&["propagate"])
    .fixed(&[("delete", "1")])
    .about("Revoke a role on a path from users, groups or tokens")
    .example("felhom access acl revoke / --user viewer@pve --role PVEAuditor");

pub static TOKEN: Noun = noun("access token", "token", "tokens", "/access/users/{userid}/token")
    .key("tokenid")
    .list(&["tokenid", "privsep:flag", "expire:time", "comment:flex"])
    .example("felhom access token list felhom@pve")
    .show(&["privsep:flag", "expire:time", "comment"])
    .example("felhom access token show felhom@pve agent")
    .set()
    .without(&["regenerate"])
    .example("felhom access token set viewer@pve tok --comment 'dashboard'")
    .delete()
    .example("felhom access token delete viewer@pve tok --confirm tok");

pub static REALM: Noun = noun("access realm", "realm", "realms", "/access/domains")
    .key("realm")
    .list(&["realm", "type", "tfa:wide", "comment:flex"])
    .example("felhom access realm list")
    .show(&["type", "comment", "default:flag", "tfa"])
    .example("felhom access realm show pve")
    .create()
    .example("felhom access realm create office --type ldap --server1 192.0.2.20 --base-dn dc=example,dc=org --user-attr uid")
    .set()
    .example("felhom access realm set office --comment 'office directory'")
    .delete()
    .example("felhom access realm delete office --confirm office");

pub static TFA: Noun = noun("access tfa", "user's second factors", "second factors", "/access/tfa")
    .key("userid")
    .list(&["userid", "totp-locked=TOTP LOCKED:flag", "tfa-locked-until=LOCKED UNTIL:time", "entries=FACTORS"])
    .example("felhom access tfa list");
