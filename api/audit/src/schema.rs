//! What the types of the audit and the rest of the GraphQL schema share: error codes, and how many items a list may have.

pub mod error;
pub mod lists;
