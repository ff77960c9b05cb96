//! What dashboards ask.

use async_graphql::{Context, ID, Object, Result};
use domain::{
    digest::Sha256,
    ids::{AccessKeyId, ProjectId, ReleaseId, RepositoryId},
    names::{OrganisationName, ProjectName},
    recorded::Position,
    token::parse_id_text,
};
use projections::dashboard::PAGE_MAX;
use stores::key_usage::{FETCHED_PAGE_MAX, KeyUsage};

use super::{
    error::{internal, invalid, not_found, with_code},
    lists::{FIRST_DEFAULT, cost, within},
    types::{Fetch, Operator, Organisation, Project, Release, Repository, SigningKey},
};
use crate::parts::part;

/// Questions. They see everything that mutations changed before.
#[derive(Default)]
pub(super) struct Questions;

#[Object]
impl Questions {
    /// All organisations, by name.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn organisations(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The last name of the page before")] after: Option<String>,
    ) -> Result<Vec<Organisation>> {
        Organisation::all(ctx, after.as_deref(), within(first, PAGE_MAX)?).await
    }

    /// The organisation of that name.
    async fn organisation(&self, ctx: &Context<'_>, name: String) -> Result<Organisation> {
        Organisation::load(ctx, &name.parse().map_err(invalid)?).await
    }

    /// The project of that name.
    async fn project(&self, ctx: &Context<'_>, organisation: String, name: String) -> Result<Project> {
        let (organisation, name) = (organisation.parse().map_err(invalid)?, name.parse().map_err(invalid)?);
        Project::load(ctx, ProjectId::named(&organisation, &name)).await
    }

    /// The repository of that name.
    async fn repository(&self, ctx: &Context<'_>, organisation: String, name: String) -> Result<Repository> {
        let (organisation, name) = (organisation.parse().map_err(invalid)?, name.parse().map_err(invalid)?);
        Repository::load(ctx, RepositoryId::named(&organisation, &name)).await
    }

    /// Releases, newest first: all, or those of one organisation or project.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn releases(
        &self,
        ctx: &Context<'_>,
        organisation: Option<String>,
        #[graphql(desc = "The project's name; needs its organisation")] project: Option<String>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The cursor of the last release of the page before")] before: Option<String>,
    ) -> Result<Vec<Release>> {
        let organisation: Option<OrganisationName> =
            organisation.map(|name| name.parse()).transpose().map_err(invalid)?;
        let project: Option<ProjectName> = project.map(|name| name.parse()).transpose().map_err(invalid)?;
        let project = match (&organisation, project) {
            (Some(organisation), Some(name)) => Some(ProjectId::named(organisation, &name)),
            (None, Some(_)) => {
                return Err(with_code(
                    "invalid",
                    "project: a project's name is given without its organisation: expected both",
                ));
            }
            (_, None) => None,
        };
        let before = before.map(|cursor| cursor.parse().map(Position)).transpose();
        let before = before.map_err(|_| with_code("invalid", "before: not a cursor: expected the one of a release"))?;
        Release::list(ctx, organisation.as_ref(), project, before, within(first, PAGE_MAX)?).await
    }

    /// The release with this id.
    async fn release(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Release>> {
        let id: ReleaseId = id.parse().map_err(invalid)?;
        Release::load(ctx, id).await
    }

    /// The keys that sign packages and indexes: every one that the server ever had, oldest first.
    async fn signing_keys(&self, ctx: &Context<'_>) -> Result<Vec<SigningKey>> {
        SigningKey::all(ctx)
    }

    /// The persons who operate the server, or did, in the order in which they came; at most 1,000.
    async fn operators(&self, ctx: &Context<'_>) -> Result<Vec<Operator>> {
        Operator::all(ctx).await
    }

    /// Which machines fetched a package, and when: those with their own key by name, others by their shared key. Counted
    /// beside the log, a few seconds late, and kept for 400 days.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn fetched_by(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The package file's digest")] sha256: String,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(desc = "The id of the last key of the page before")] after: Option<String>,
    ) -> Result<Vec<Fetch>> {
        let sha256: Sha256 = sha256.parse().map_err(invalid)?;
        let (after, first) = (key_id(after)?, within(first, FETCHED_PAGE_MAX)?);
        let fetches = part::<KeyUsage>(ctx).fetched_by(&sha256, after, first).await;
        Fetch::all(ctx, fetches.map_err(|error| internal(&error))?).await
    }

    /// Which packages were fetched with a key, newest first. The key may have ended.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn fetched_with(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key's id")] key: String,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(default)] offset: u32,
    ) -> Result<Vec<Fetch>> {
        let first = within(first, FETCHED_PAGE_MAX)?;
        let Some(key) = key_id(Some(key))? else { return Ok(Vec::new()) };
        let fetches = part::<KeyUsage>(ctx).fetched_with(key, first, offset).await;
        Fetch::all(ctx, fetches.map_err(|error| internal(&error))?).await
    }
}

fn key_id(text: Option<String>) -> Result<Option<AccessKeyId>> {
    let key = |text: String| parse_id_text(&text).map(AccessKeyId).ok_or_else(|| not_found("such access key"));
    text.map(key).transpose()
}
