//! Authentication and permissions.

mod acl;
mod expression;
mod login;
mod password;
pub mod roles;
mod ticket;
pub mod totp;
mod who;

pub use acl::{OnGuests, Privileges, check, check_any, effective, permissions};
pub use expression::{check_perm_modify, check_permissions, normalize_path, verify_username};
pub use login::{capabilities, challenge, first_factor, is_own_ticket, second_factor};
pub use password::{hash_password, password_matches, random_hex, random_uuid};
pub use ticket::{TICKET_LIFE, assemble_csrf, assemble_ticket, verify_csrf, verify_ticket};
pub use who::{Credentials, Who, authenticate};
