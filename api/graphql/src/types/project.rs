//! Projects.

use api_http::public_url::PublicUrl;
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use domain::ids::ProjectId;
use projections::{
    credentials::Credentials,
    dashboard::{self, DELIVERIES_KEPT_MAX, Dashboard},
};

use super::triggers::{ApiToken, Delivery, Github, GithubActions, RefusedTriggers, TriggerWord};
use crate::{
    error::{internal, not_found},
    lists::{FIRST_DEFAULT, cost, within},
    parts::part,
};

/// A connected code repository.
#[derive(Debug)]
pub(crate) struct Project(dashboard::Project);

impl Project {
    pub(crate) fn of(row: dashboard::Project) -> Self {
        Self(row)
    }

    pub(crate) async fn load(ctx: &Context<'_>, id: ProjectId) -> Result<Self> {
        let row = part::<Dashboard>(ctx).project(id).await.map_err(|error| internal(&error))?;
        row.map(Self).ok_or_else(|| not_found(format!("project {id}")))
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
        self.0.trigger.into()
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
    async fn tag_pattern(&self) -> &str {
        self.0.tag_pattern.as_str()
    }

    /// Its API tokens, newest first. Their secrets were shown when they were made.
    async fn api_tokens(&self, ctx: &Context<'_>) -> Result<Vec<ApiToken>> {
        let tokens = part::<Credentials>(ctx).api_tokens(self.0.id).await;
        Ok(tokens.map_err(|error| internal(&error))?.into_iter().map(ApiToken::of).collect())
    }

    /// What it has at GitHub, if it is connected.
    async fn github(&self) -> Option<Github> {
        self.0.connected().map(|github| Github::of(github, self.0.has_webhook()))
    }

    /// The jobs at GitHub Actions that get API tokens for a proof of their identity.
    async fn github_actions(&self) -> Option<GithubActions> {
        self.0.ci_trust.clone().map(GithubActions::of)
    }

    /// What its webhook sent, newest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
    ) -> Result<Vec<Delivery>> {
        let rows = part::<Dashboard>(ctx).deliveries(self.0.id, within(first, DELIVERIES_KEPT_MAX)?).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(Delivery::of).collect())
    }

    /// How many triggers were refused so far, for each reason. Counted at most once a minute.
    async fn refused_triggers(&self, ctx: &Context<'_>) -> Result<Vec<RefusedTriggers>> {
        let rows = part::<Dashboard>(ctx).refused_triggers(self.0.id).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(RefusedTriggers::of).collect())
    }
}

/// Where a POST with an API token releases a tag.
pub(crate) fn trigger_url(ctx: &Context<'_>, project: ProjectId) -> String {
    format!("{}/api/v1/projects/{project}/releases", part::<PublicUrl>(ctx).as_str())
}

/// Where GitHub sends deliveries to.
pub(crate) fn webhook_url(ctx: &Context<'_>, project: ProjectId) -> String {
    format!("{}/webhooks/github/{project}", part::<PublicUrl>(ctx).as_str())
}

/// A project and its API token, which is shown only now.
#[derive(SimpleObject)]
pub(crate) struct NewProject {
    pub(crate) project: Project,
    /// The token that releases the project. Keep it: it cannot be shown again.
    pub(crate) api_token: String,
}

/// An API token, which is shown only now.
#[derive(SimpleObject)]
pub(crate) struct NewApiToken {
    pub(crate) project: Project,
    /// The id of the token.
    pub(crate) id: String,
    /// The token. Keep it: it cannot be shown again.
    pub(crate) api_token: String,
    /// The webhook's new secret, if people register the webhook by hand. Keep it: it cannot be shown again.
    pub(crate) webhook_secret: Option<String>,
}

/// A project's webhook.
#[derive(SimpleObject)]
pub(crate) struct ConnectedGithub {
    pub(crate) project: Project,
    /// Where GitHub has to send deliveries to.
    pub(crate) webhook_url: String,
    /// What it has to sign them with, if people register the webhook by hand. It cannot be shown again.
    pub(crate) webhook_secret: Option<String>,
}
