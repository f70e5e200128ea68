//! Who asks, and what they may do.

mod acl;
mod password;
pub mod roles;
mod ticket;
mod who;

pub use acl::{Privileges, check, check_any, effective, permissions};
pub use password::{hash_password, password_matches, random_hex, random_uuid};
pub use ticket::{TICKET_LIFE, assemble_csrf, assemble_ticket, verify_csrf, verify_ticket};
pub use who::{Credentials, Who, authenticate};
