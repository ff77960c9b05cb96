//! Projects, and what asks for their releases.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    ids::ProjectId,
    names::TagName,
    project::{self, Added, Scope, Trigger},
    token::id_text,
};
use projections::{board, credentials};

use super::FIRST_DEFAULT;
use crate::{
    app::App,
    graphql::error::{internal, not_found},
};

/// How a project's releases are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Trigger")]
pub(in crate::graphql) enum TriggerWord {
    /// A POST to the project's `triggerUrl` with an API token.
    ApiEndpoint,
    /// A GitHub webhook.
    GithubWebhook,
}

impl From<TriggerWord> for Trigger {
    fn from(word: TriggerWord) -> Self {
        match word {
            TriggerWord::ApiEndpoint => Self::ApiEndpoint,
            TriggerWord::GithubWebhook => Self::GithubWebhook,
        }
    }
}

/// What the holder of an API token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Scope")]
pub(in crate::graphql) enum ScopeWord {
    /// Ask for releases.
    Release,
    /// Read where releases stand, and their logs.
    Read,
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Release => Self::Release,
            ScopeWord::Read => Self::Read,
        }
    }
}

impl From<Scope> for ScopeWord {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Release => Self::Release,
            Scope::Read => Self::Read,
        }
    }
}

/// A connected code repository.
#[derive(Debug)]
pub(in crate::graphql) struct Project(board::Project);

impl Project {
    pub(in crate::graphql) fn of(row: board::Project) -> Self {
        Self(row)
    }

    pub(in crate::graphql) async fn load(ctx: &Context<'_>, id: ProjectId) -> Result<Self> {
        let row = ctx.data_unchecked::<App>().board.project(id).await.map_err(|error| internal(&error))?;
        row.map(Self).ok_or_else(|| not_found(format!("project {id}")))
    }

    /// Looks at the project as it is now, which no read model can be late for.
    async fn look<T: Default>(&self, ctx: &Context<'_>, look: impl FnOnce(&Added) -> T) -> Result<T> {
        let executor = &ctx.data_unchecked::<App>().executor;
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
        trigger_url(ctx.data_unchecked::<App>(), self.0.id)
    }

    /// Where GitHub sends deliveries to.
    async fn webhook_url(&self, ctx: &Context<'_>) -> String {
        webhook_url(ctx.data_unchecked::<App>(), self.0.id)
    }

    /// Which tags webhooks release.
    async fn tag_pattern(&self, ctx: &Context<'_>) -> Result<String> {
        self.look(ctx, |project| project.tag_pattern.to_string()).await
    }

    /// Its API tokens, newest first. Their secrets were shown when they were made.
    async fn api_tokens(&self, ctx: &Context<'_>) -> Result<Vec<ApiToken>> {
        let tokens = ctx.data_unchecked::<App>().credentials.api_tokens(self.0.id).await;
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
    #[graphql(complexity = "first as usize * child_complexity")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
    ) -> Result<Vec<Delivery>> {
        let rows = ctx.data_unchecked::<App>().board.deliveries(self.0.id, first).await;
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
        let rows = ctx.data_unchecked::<App>().board.refused_triggers(self.0.id).await;
        Ok(rows.map_err(|error| internal(&error))?.into_iter().map(RefusedTriggers::of).collect())
    }
}

/// Where a POST with an API token releases a tag.
pub(in crate::graphql) fn trigger_url(app: &App, project: ProjectId) -> String {
    format!("{}/api/v1/projects/{project}/releases", app.public_url.as_str())
}

/// Where GitHub sends deliveries to.
pub(in crate::graphql) fn webhook_url(app: &App, project: ProjectId) -> String {
    format!("{}/webhooks/github/{project}", app.public_url.as_str())
}

/// An API token, without its secret.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct ApiToken {
    /// Its id: the third part of its text.
    id: String,
    /// What people call it.
    name: String,
    /// What its holder may do.
    scopes: Vec<ScopeWord>,
    issued_at: DateTime<Utc>,
    /// When it stops working by itself.
    expires_at: Option<DateTime<Utc>>,
    /// It was rolled, and works until then.
    grace_until: Option<DateTime<Utc>>,
    /// A CI job holds it, for a proof of its identity.
    is_of_ci_job: bool,
}

impl ApiToken {
    fn of(token: credentials::ApiToken) -> Self {
        Self {
            id: id_text(token.id.0),
            name: token.name,
            scopes: token.scopes.iter().map(Into::into).collect(),
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            grace_until: token.grace_until,
            is_of_ci_job: token.is_of_ci_job,
        }
    }
}

/// What a project has at GitHub.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct Github {
    /// The code repository's numeric id. Only its deliveries count.
    repository_id: ID,
    /// `owner/name`.
    full_name: String,
    /// Where GitHub's API is.
    api_url: String,
    /// Whether we have a token to act with; if not, people register the webhook by hand.
    has_token: bool,
    /// The ids of the webhooks that we registered. One, but for moments after a roll.
    webhook_ids: Vec<ID>,
    /// Whether a webhook with the live secret is registered.
    is_registered: bool,
    /// The id of the deploy key that we installed.
    deploy_key_id: Option<ID>,
    /// What GitHub does not do at the moment. It is tried again.
    failing: Vec<GithubFailure>,
}

/// A step at GitHub that fails.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct GithubFailure {
    /// What is tried.
    step: String,
    /// Why not, in one stable word.
    code: String,
    /// Why not, for people.
    message: String,
}

impl Github {
    fn of(github: &project::Github, project: &Added) -> Self {
        let failing = github.failing.iter().map(|(step, (code, message))| GithubFailure {
            step: step.as_str().to_owned(),
            code: code.clone(),
            message: message.clone(),
        });
        Self {
            repository_id: github.repository_id.to_string().into(),
            full_name: github.full_name.to_string(),
            api_url: github.api_url.to_string(),
            has_token: github.credential.is_some(),
            webhook_ids: github.webhooks.keys().map(|hook| hook.to_string().into()).collect(),
            is_registered: project.live_webhook_secret().is_some_and(|live| github.has_webhook(live)),
            deploy_key_id: github.deploy_key.as_ref().map(|key| key.deploy_key_id.to_string().into()),
            failing: failing.collect(),
        }
    }
}

/// The jobs at GitHub Actions that a project trusts.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct GithubActions {
    /// The numeric id of the code repository whose they are.
    repository_id: ID,
    /// The numeric id of its owner.
    owner_id: ID,
    /// The refs they run for.
    ref_pattern: String,
    /// Whom their proofs have to be made out to; this server's address if none is set.
    audience: Option<String>,
}

impl GithubActions {
    fn of(trust: project::CiTrust) -> Self {
        Self {
            repository_id: trust.repository_id.to_string().into(),
            owner_id: trust.owner_id.to_string().into(),
            ref_pattern: trust.ref_pattern.to_string(),
            audience: trust.audience,
        }
    }
}

/// A delivery of a webhook.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct Delivery {
    /// What GitHub calls it.
    guid: String,
    /// What GitHub says it is about.
    hook_event: String,
    /// What followed from it: `tag`, `tag_deleted`, `ping`, or why it was ignored.
    outcome: String,
    /// The tag it told of.
    tag: Option<String>,
    /// The tag's release, unless that failed.
    release_id: Option<String>,
    received_at: DateTime<Utc>,
}

impl Delivery {
    fn of(row: board::Delivery, release_id: Option<String>) -> Self {
        let board::Delivery { guid, hook_event, outcome, tag, received_at } = row;
        Self { guid, hook_event, outcome, tag, release_id, received_at }
    }
}

/// Triggers that were refused for one reason.
#[derive(Debug, SimpleObject)]
pub(in crate::graphql) struct RefusedTriggers {
    /// `wrong_signature`, `wrong_token`, `other_trigger`, `too_many`, `wrong_ci_proof`.
    reason: String,
    count: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

impl RefusedTriggers {
    fn of(row: board::RefusedTriggers) -> Self {
        let board::RefusedTriggers { reason, count, first_at, last_at } = row;
        Self { reason, count, first_at, last_at }
    }
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
