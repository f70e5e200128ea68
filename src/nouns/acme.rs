//! ACME accounts, plugins and node certificates.

use super::{Noun, noun};
use crate::api::Method::{Delete, Put};
use crate::api::Risk::Disruptive;

pub static ACCOUNT: Noun = noun("acme account", "ACME account", "ACME accounts", "/cluster/acme/account")
    .key("name")
    .list(&["name"])
    .example("felhom acme account list")
    .show(&["directory", "location", "tos", "account.contact", "account.status"])
    .example("felhom acme account show default")
    .create()
    .task("acmeregister")
    .about("Register an ACME account")
    .example(
        "felhom acme account create lab --contact admin@example.org --directory https://acme-staging-v02.api.letsencrypt.org/directory",
    )
    .set()
    .task("acmeupdate")
    .about("Update the contact of an ACME account")
    .example("felhom acme account set lab --contact ops@example.org")
    .delete()
    .task("acmedeactivate")
    .about("Deactivate an ACME account")
    .example("felhom acme account delete lab --confirm lab");

pub static PLUGIN: Noun = noun("acme plugin", "ACME plugin", "ACME plugins", "/cluster/acme/plugins")
    .key("id")
    .list(&["plugin", "type", "api", "disable:flag"])
    .example("felhom acme plugin list")
    .show(&["type", "api", "disable:flag", "validation-delay", "nodes:list"])
    .example("felhom acme plugin show standalone")
    .create()
    .example("felhom acme plugin create dns1 --type dns --api cf --validation-delay 60")
    .set()
    .example("felhom acme plugin set dns1 --validation-delay 120")
    .delete()
    .example("felhom acme plugin delete dns1 --confirm dns1");

pub static ACME: Noun = noun("acme", "ACME", "ACME", "/cluster/acme")
    .other_list("directories", &["name", "url"])
    .about("List known ACME directories")
    .example("felhom acme directories")
    .other_list("challenges", &["id", "name:flex", "type"])
    .at("/cluster/acme/challenge-schema")
    .about("List DNS services that ACME plugins support")
    .example("felhom acme challenges")
    .other_show("meta", &["termsOfService", "website", "externalAccountRequired:flag"])
    .about("Show what an ACME directory requires")
    .example("felhom acme meta")
    .text("tos")
    .about("Print the address of a directory's terms of service")
    .example("felhom acme tos");

pub static CERT: Noun = noun("node cert", "certificate", "certificates", "/nodes/{node}/certificates/acme/certificate")
    .post("order", Disruptive)
    .on_collection()
    .task("acmenewcert")
    .about("Order a certificate by ACME")
    .example("felhom node cert order --node pve1 --yes")
    .post("renew", Disruptive)
    .by(Put)
    .on_collection()
    .task("acmerenew")
    .about("Renew the ACME certificate of a node")
    .example("felhom node cert renew --node pve1 --force --yes")
    .post("revoke", Disruptive)
    .by(Delete)
    .on_collection()
    .task("acmerevoke")
    .about("Revoke and remove the ACME certificate of a node")
    .example("felhom node cert revoke --node pve1 --yes");
