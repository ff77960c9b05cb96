//! Feed tokens, as GraphQL shows them.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::token::id_text;
use projections::credentials;

use super::Organisation;

/// What a replica follows an organisation with.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct FeedToken {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// Since when.
    issued_at: DateTime<Utc>,
}

impl FeedToken {
    pub(in crate::graphql) fn of(token: credentials::FeedToken) -> Self {
        Self { id: id_text(token.id.0), name: token.name, issued_at: token.issued_at }
    }
}

/// A feed token, which is shown only now.
#[derive(SimpleObject)]
pub(in crate::graphql) struct NewFeedToken {
    pub(in crate::graphql) organisation: Organisation,
    /// The id of the token.
    pub(in crate::graphql) id: String,
    /// What the replica shows. Keep it: it cannot be shown again.
    pub(in crate::graphql) feed_token: String,
}
