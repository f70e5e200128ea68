//! `/access`: logins, users, tokens, groups, roles, the access control list, second factors, realms.

mod acl;
mod domains;
mod groups;
mod openid;
mod realm_sync;
mod roles;
mod tfa;
mod ticket;
mod tokens;
mod users;

use super::Route;

pub(super) const ROUTES: &[&[Route]] = &[
    acl::ROUTES,
    domains::ROUTES,
    groups::ROUTES,
    openid::ROUTES,
    realm_sync::ROUTES,
    roles::ROUTES,
    tfa::ROUTES,
    ticket::ROUTES,
    tokens::ROUTES,
    users::ROUTES,
];
