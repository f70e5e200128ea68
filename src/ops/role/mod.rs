//! Roles, users and tokens of felhom's own: making them, proving them, saying what they lack.

pub mod acts;
pub mod bootstrap;
pub mod by_hand;
pub mod check;
pub mod implied;
pub mod keeper;
pub mod measure;
pub mod present;
pub mod presets;
pub mod revoke;
pub mod rotate;
pub mod sides;
