//! Notifications: endpoints, matchers and targets; ACME plugins for certificates.

use super::{Noun, noun};
use crate::api::Risk::Safe;

pub static SENDMAIL: Noun =
    noun("notification sendmail", "sendmail endpoint", "sendmail endpoints", "/cluster/notifications/endpoints/sendmail")
        .key("name")
        .list(&["name", "mailto:list", "mailto-user:list", "disable:flag", "comment:flex"])
        .example("felhom notification sendmail list")
        .show(&["mailto:list", "mailto-user:list", "from-address", "author", "disable:flag", "comment"])
        .example("felhom notification sendmail show oncall")
        .create()
        .example("felhom notification sendmail create oncall --mailto ops@example.org")
        .set()
        .example("felhom notification sendmail set oncall --comment 'night shift'")
        .delete()
        .example("felhom notification sendmail delete oncall --confirm oncall");

pub static GOTIFY: Noun = noun("notification gotify", "Gotify endpoint", "Gotify endpoints", "/cluster/notifications/endpoints/gotify")
    .key("name")
    .list(&["name", "server", "disable:flag", "comment:flex"])
    .example("felhom notification gotify list")
    .show(&["server", "disable:flag", "comment"])
    .example("felhom notification gotify show push")
    .create()
    .example("felhom notification gotify create push --server https://gotify.example.org --token env:GOTIFY_TOKEN")
    .set()
    .example("felhom notification gotify set push --comment 'phones'")
    .delete()
    .example("felhom notification gotify delete push --confirm push");

pub static SMTP: Noun = noun("notification smtp", "SMTP endpoint", "SMTP endpoints", "/cluster/notifications/endpoints/smtp")
    .key("name")
    .list(&["name", "server", "port", "from-address=FROM", "mailto:list", "disable:flag", "comment:flex"])
    .example("felhom notification smtp list")
    .show(&["server", "port", "mode", "username", "from-address", "mailto:list", "mailto-user:list", "disable:flag", "comment"])
    .example("felhom notification smtp show relay")
    .create()
    .example("felhom notification smtp create relay --server mail.example.org --from-address pve@example.org --mailto ops@example.org")
    .set()
    .example("felhom notification smtp set relay --comment 'mail relay'")
    .delete()
    .example("felhom notification smtp delete relay --confirm relay");

pub static WEBHOOK: Noun =
    noun("notification webhook", "webhook endpoint", "webhook endpoints", "/cluster/notifications/endpoints/webhook")
        .key("name")
        .list(&["name", "url:flex", "method", "disable:flag", "comment:flex"])
        .example("felhom notification webhook list")
        .show(&["url", "method", "header", "disable:flag", "comment"])
        .example("felhom notification webhook show chat")
        .create()
        .example("felhom notification webhook create chat --url https://chat.example.org/hook --method post")
        .set()
        .example("felhom notification webhook set chat --comment 'team chat'")
        .delete()
        .example("felhom notification webhook delete chat --confirm chat");

pub static MATCHER: Noun = noun("notification matcher", "matcher", "matchers", "/cluster/notifications/matchers")
    .key("name")
    .list(&["name", "target:list", "mode", "match-severity:list,wide", "match-field:list,wide", "disable:flag", "comment:flex"])
    .example("felhom notification matcher list")
    .show(&["target:list", "mode", "match-severity:list", "match-field:list", "match-calendar:list", "disable:flag", "comment"])
    .example("felhom notification matcher show errors")
    .create()
    .example("felhom notification matcher create errors --target mail-to-root --match-severity error")
    .set()
    .example("felhom notification matcher set errors --comment 'errors only'")
    .delete()
    .example("felhom notification matcher delete errors --confirm errors")
    .other_list("fields", &["name"])
    .at("/cluster/notifications/matcher-fields")
    .about("List fields that matchers can match")
    .example("felhom notification matcher fields")
    .other_list("values", &["field", "value", "comment:flex"])
    .at("/cluster/notifications/matcher-field-values")
    .about("List known values of the fields of matchers")
    .example("felhom notification matcher values");

pub static TARGET: Noun = noun("notification target", "target", "targets", "/cluster/notifications/targets")
    .key("name")
    .list(&["name", "type", "disable:flag", "origin:wide", "comment:flex"])
    .example("felhom notification target list")
    .action("test", Safe)
    .about("Send a test notification to a target")
    .example("felhom notification target test mail-to-root");
