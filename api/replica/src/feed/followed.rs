//! Authorizes a feed request: the feed token must belong to the organisation in the path.

use api_http::{
    auth::{Authenticator, Follower},
    path::organisation_of_path,
    problem::Problem,
};
use axum::{
    extract::{FromRef, FromRequestParts},
    http::request::Parts,
};
use domain::{checkpoint::LogName, ids::OrganisationId, names::OrganisationName};

use super::page::FeedLogs;

/// A log that the client may follow.
pub(super) struct Followed {
    pub(super) follower: Follower,
    pub(super) log: LogName,
    /// The log's name in checkpoints.
    pub(super) origin: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Followed
where
    Authenticator: FromRef<S>,
    FeedLogs: FromRef<S>,
{
    type Rejection = Problem;

    /// The response is the same for an organisation that does not exist and one that the token does not belong to.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let follower = Follower::from_request_parts(parts, state).await?;
        let organisation = organisation_of_path(parts, state).await?;
        let own = |name: &OrganisationName| OrganisationId::named(name) == follower.organisation;
        let organisation = organisation.filter(own).ok_or(Problem::NeedsToken)?;
        let log = LogName::Organisation(follower.organisation);
        Ok(Self { follower, log, origin: FeedLogs::from_ref(state).signer.origin(Some(&organisation)) })
    }
}
