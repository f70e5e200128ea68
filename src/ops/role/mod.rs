//! felhom's roles, users and tokens: creating and checking them, and finding missing privileges.

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
