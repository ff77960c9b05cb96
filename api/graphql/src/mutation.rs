//! What an operator can do, one file for each noun.

mod access_key;
mod api_token;
mod feed_token;
mod github;
mod operator;
mod organisation;
mod project;
mod release;
mod repository;
mod signing_key;
mod snapshot;
mod tags;
mod yank;

use std::sync::Arc;

use api_http::{
    auth::Operator,
    run_command::{CommandRunner, RunCommandError},
};
use async_graphql::{Context, MergedObject, Result};
use domain::{
    ids::{OrganisationId, RepositoryId},
    names::OrganisationName,
    organisation::Organisation,
};
use event_log::execute::{Executor, Recordable};
use uuid::Uuid;

use self::{
    access_key::AccessKeyMutation, api_token::ApiTokenMutation, feed_token::FeedTokenMutation, github::GithubMutation,
    operator::OperatorMutation, organisation::OrganisationMutation, project::ProjectMutation, release::ReleaseMutation,
    repository::RepositoryMutation, signing_key::SigningKeyMutation, snapshot::SnapshotMutation, tags::TagMutation,
    yank::YankMutation,
};
use super::{
    error::{internal, invalid, log_failed, not_found, refused},
    parts::part,
};

/// Changes. Each is recorded with the operator's token id, and visible to queries once it is answered.
#[derive(Default, MergedObject)]
pub struct Mutation(
    OrganisationMutation,
    FeedTokenMutation,
    ProjectMutation,
    ApiTokenMutation,
    GithubMutation,
    RepositoryMutation,
    SnapshotMutation,
    YankMutation,
    AccessKeyMutation,
    ReleaseMutation,
    SigningKeyMutation,
    TagMutation,
    OperatorMutation,
);

/// Runs `command` for the operator, and waits until every query shows what it changed.
async fn run<A: Recordable>(ctx: &Context<'_>, id: Uuid, command: A::Command) -> Result<()> {
    let operator = part::<Operator>(ctx);
    part::<CommandRunner>(ctx).run::<A>(operator, id, command).await.map_err(|error| match error {
        RunCommandError::Command(error) => refused(error),
        RunCommandError::NotShown(error) => internal(&error),
    })
}

async fn existing_organisation(ctx: &Context<'_>, name: &str) -> Result<OrganisationName> {
    let name: OrganisationName = name.parse().map_err(invalid)?;
    let id = OrganisationId::named(&name);
    let exists =
        part::<Arc<Executor>>(ctx).inspect::<Organisation, _>(id.0, |state, _| *state != Organisation::Unknown).await;
    if exists.map_err(log_failed)? { Ok(name) } else { Err(not_found(format!("organisation {name}"))) }
}

/// The repository with these names, which need not be there.
fn id_of(organisation: &str, repository: &str) -> Result<RepositoryId> {
    Ok(RepositoryId::named(&organisation.parse().map_err(invalid)?, &repository.parse().map_err(invalid)?))
}
