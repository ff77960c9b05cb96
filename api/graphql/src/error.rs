//! What a refused command looks like in GraphQL: the rule's own words, and a code that programs compare.

pub(super) use audit::schema::error::{internal, invalid, log_failed, not_found, refused, unanswered, with_code};
