//! Projects.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use commands::execute::Executor;
use domain::{
    ids::ProjectId,
    names::TagName,
    project::{self, Added, Trigger},
};
use projections::{
    board::{self, Board, DELIVERIES_KEPT_MAX},
    credentials::Credentials,
};

use super::triggers::{ApiToken, Delivery, Github, GithubActions, RefusedTriggers, TriggerWord};
use crate::{
    graphql::{
        error::{internal, not_found},
        lists::{FIRST_DEFAULT, cost, within},
        parts::part,
    },
    http::public_url::PublicUrl,
};

/// A connected code repository.
#[derive(Debug)]
pub(in crate::graphql) struct Project(board::Project);

impl Project {
    pub(in crate::graphql) fn of(row: board::Project) -> Self {
        Self(row)
    }

    pub(in crate::graphql) async fn load(ctx: &Context<'_>, id: ProjectId) -> Result<Self> {
        let row = part::<Board>(ctx).project(id).await.map_err(|error| internal(&error))?;
        row.map(Self).ok_or_else(|| not_found(format!("project {id}")))
    }

    /// Looks at the project as it is now, which no read model can be late for.
    async fn look<T: Default>(&self, ctx: &Context<'_>, look: impl FnOnce(&Added) -> T) -> Result<T> {
        let executor = part::<Arc<Executor>>(ctx);
        let looked = executor.inspect::<project::Project, _>(self.0.id.0, |project, _| project.added().map(look));
        Ok(looked.await.map_err(|error| internal(&error))?.unwrap_or_default())
    }
}

#[Object]
impl Project {
    /// Its id, as the API trigger's URL names it.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The organisation whose it is.
    async fn organisation(&self) -> &str {
        &self.0.organisation
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The git URL it is cloned from.
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// How its releases are asked for. Calls of the other kind are refused.
    async fn trigger(&self) -> TriggerWord {
        if self.0.trigger == Trigger::GithubWebhook.as_str() {
            TriggerWord::GithubWebhook
        } else {
            TriggerWord::ApiEndpoint
        }
    }

    /// Where a POST with an API token releases a tag.
    async fn trigger_url(&self, ctx: &Context<'_>) -> String {
        trigger_url(ctx, self.0.id)
    }

    /// Where GitHub sends deliveries to.
    async fn webhook_url(&self, ctx: &Context<'_>) -> String {
        webhook_url(ctx, self.0.id)
    }

    /// Which tags webhooks release.
    async fn tag_pattern(&self, ctx: &Context<'_>) -> Result<String> {
        self.look(ctx, |project| project.tag_pattern.to_string()).await
    }

    /// Its API tokens, newest first. Their secrets were shown when they were made.
    async fn api_tokens(&self, ctx: &Context<'_>) -> Result<Vec<ApiToken>> {
        let tokens = part::<Credentials>(ctx).api_tokens(self.0.id).await;
        Ok(tokens.map_err(|error| internal(&error))?.into_iter().map(ApiToken::of).collect())
    }

    /// What it has at GitHub, if it is connected.
    async fn github(&self, ctx: &Context<'_>) -> Result<Option<Github>> {
        self.look(ctx, |project| project.connected().map(|github| Github::of(github, project))).await
    }

    /// The jobs at GitHub Actions that get API tokens for a proof of their identity.
    async fn github_actions(&self, ctx: &Context<'_>) -> Result<Option<GithubActions>> {
        self.look(ctx, |project| project.ci_trust.clone().map(GithubActions::of)).await
    }

    /// What its webhook sent, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
    ) -> Result<Vec<Delivery>> {
        let rows = part::<Board>(ctx).deliveries(self.0.id, within(first, DELIVERIES_KEPT_MAX)?).await;
        let rows = rows.map_err(|error| internal(&error))?;
        let releases = self
            .look(ctx, |project| {
                let release = |tag: &str| project.releases.get(&tag.parse::<TagName>().ok()?).map(|id| id.to_string());
                rows.iter().map(|row| row.tag.as_deref().and_then(release)).collect::<Vec<_>>()
            })
            .await?;
        Ok(rows.into_iter().zip(releases).map(|(row, release)| Delivery::of(row, release)).collect())
    }

    /// How many triggers were refused so far, for each reason. Counted at most once a minute.
    async fn refused_triggers(&self, ctx: &Context<'_>) -> Result<Vec<RefusedTriggers>> {
        let rows = part::<Board>(ctx).refused_triggers(self.0.id).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(RefusedTriggers::of).collect())
    }
}

/// Where a POST with an API token releases a tag.
pub(in crate::graphql) fn trigger_url(ctx: &Context<'_>, project: ProjectId) -> String {
    format!("{}/api/v1/projects/{project}/releases", part::<PublicUrl>(ctx).as_str())
}

/// Where GitHub sends deliveries to.
pub(in crate::graphql) fn webhook_url(ctx: &Context<'_>, project: ProjectId) -> String {
    format!("{}/webhooks/github/{project}", part::<PublicUrl>(ctx).as_str())
}

/// A project and its API token, which is shown only now.
#[derive(SimpleObject)]
pub(in crate::graphql) struct NewProject {
    pub(in crate::graphql) project: Project,
    /// The token that releases the project. Keep it: it cannot be shown again.
    pub(in crate::graphql) api_token: String,
}

/// An API token, which is shown only now.
#[derive(SimpleObject)]
pub(in crate::graphql) struct NewApiToken {
    pub(in crate::graphql) project: Project,
    /// The id of the token.
    pub(in crate::graphql) id: String,
    /// The token. Keep it: it cannot be shown again.
    pub(in crate::graphql) api_token: String,
    /// The webhook's new secret, if people register the webhook by hand. Keep it: it cannot be shown again.
    pub(in crate::graphql) webhook_secret: Option<String>,
}

/// A project's webhook.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ConnectedGithub {
    pub(in crate::graphql) project: Project,
    /// Where GitHub has to send deliveries to.
    pub(in crate::graphql) webhook_url: String,
    /// What it has to sign them with, if people register the webhook by hand. It cannot be shown again.
    pub(in crate::graphql) webhook_secret: Option<String>,
}
