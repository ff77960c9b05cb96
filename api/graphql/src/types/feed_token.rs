//! Feed tokens, as GraphQL shows them.

use api_http::replicas_last_seen::ReplicasLastSeen;
use async_graphql::{Context, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{checkpoint::LogName, ids::OrganisationId, token::id_text};
use projections::{
    credentials::{self, Credentials},
    transparency::Transparency,
};

use super::Organisation;
use crate::parts::part;

/// What a replica follows an organisation with.
#[derive(Debug, SimpleObject)]
pub(crate) struct FeedToken {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// Since when.
    issued_at: DateTime<Utc>,
    /// When a replica last showed it, since the server started.
    seen_at: Option<DateTime<Utc>>,
    /// How many entries of the organisation's log that replica did not have when it was last seen, of those that there are now.
    behind: Option<u64>,
}

impl FeedToken {
    /// The feed tokens of the organisation.
    pub(crate) async fn of(ctx: &Context<'_>, organisation: OrganisationId) -> Result<Vec<Self>, sqlx::Error> {
        let size = part::<Transparency>(ctx).state(LogName::Organisation(organisation)).map_or(0, |state| state.size);
        let shown = |credentials::FeedToken { id, name, issued_at }| {
            let last_seen = part::<ReplicasLastSeen>(ctx).of(id);
            let behind = last_seen.map(|replica| size.saturating_sub(replica.entries));
            Self { id: id_text(id.0), name, issued_at, seen_at: last_seen.map(|replica| replica.at), behind }
        };
        Ok(part::<Credentials>(ctx).feed_tokens(organisation).await?.into_iter().map(shown).collect())
    }
}

/// A feed token, which is shown only now.
#[derive(SimpleObject)]
pub(crate) struct NewFeedToken {
    pub(crate) organisation: Organisation,
    /// The id of the token.
    pub(crate) id: String,
    /// What the replica shows. Keep it: it cannot be shown again.
    pub(crate) feed_token: String,
}
