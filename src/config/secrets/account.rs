//! Owners of secrets.

/// Names under which a secret is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub context: String,
    pub token_id: String,
}

impl Account {
    pub fn new(context: impl Into<String>, token_id: impl Into<String>) -> Self {
        Self { context: context.into(), token_id: token_id.into() }
    }
}
