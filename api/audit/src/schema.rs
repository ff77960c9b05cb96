//! Shared by the audit's types and the rest of the GraphQL schema: error codes, and limits of lists.

pub mod error;
pub mod lists;
