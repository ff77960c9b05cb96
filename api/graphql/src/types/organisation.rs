//! Organisations.

use async_graphql::{Context, Object, Result};
use domain::{ids::OrganisationId, names::OrganisationName};
use projections::dashboard::{self, Dashboard, PAGE_MAX};

use super::{FeedToken, Project, Repository};
use crate::{
    error::{internal, not_found},
    lists::{FIRST_DEFAULT, cost, within},
    parts::part,
};

/// A customer: owns projects and repositories.
pub(crate) struct Organisation(dashboard::Organisation);

impl Organisation {
    pub(crate) async fn load(ctx: &Context<'_>, name: &OrganisationName) -> Result<Self> {
        let row = part::<Dashboard>(ctx).organisation(name).await.map_err(|error| internal(&error))?;
        row.map(Self).ok_or_else(|| not_found(format!("organisation {name}")))
    }

    pub(crate) async fn all(ctx: &Context<'_>, after: Option<&str>, first: u32) -> Result<Vec<Self>> {
        let dashboard = part::<Dashboard>(ctx);
        let rows = dashboard.organisations(after, first).await.map_err(|error| internal(&error))?;
        Ok(rows.into_iter().map(Self).collect())
    }

    fn parsed_name(&self) -> Result<OrganisationName> {
        self.0.name.parse().map_err(|error| internal(&error))
    }
}

#[Object]
impl Organisation {
    /// What it is called in URLs.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// How many of its releases are built at the same time.
    async fn build_slots(&self) -> u16 {
        self.0.build_slots
    }

    /// Its feed tokens that work, newest first. Their secrets were shown when they were made.
    async fn feed_tokens(&self, ctx: &Context<'_>) -> Result<Vec<FeedToken>> {
        let id = OrganisationId::named(&self.parsed_name()?);
        FeedToken::of(ctx, id).await.map_err(|error| internal(&error))
    }

    /// Its projects, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn projects(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(default)] offset: u32,
    ) -> Result<Vec<Project>> {
        let dashboard = part::<Dashboard>(ctx);
        let rows = dashboard.projects(Some(&self.parsed_name()?), offset, within(first, PAGE_MAX)?).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(Project::of).collect())
    }

    /// Its package repositories, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn repositories(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
        #[graphql(default)] offset: u32,
    ) -> Result<Vec<Repository>> {
        let dashboard = part::<Dashboard>(ctx);
        let rows = dashboard.repositories(Some(&self.parsed_name()?), offset, within(first, PAGE_MAX)?).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(Repository::of).collect())
    }
}
