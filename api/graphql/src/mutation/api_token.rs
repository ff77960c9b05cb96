//! Changes of projects' API tokens.

use std::sync::Arc;

use api_http::tokens;
use async_graphql::{Context, ID, Object, Result};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    digest::Sha256,
    ids::{ProjectId, SecretId, TokenId},
    project::{self, Command, Project, Scopes, Trigger},
    token::{Token, TokenKind, id_text, parse_id_text},
};
use event_log::execute::Executor;

use super::{github::WebhookSecret, project::change, run};
use crate::{
    error::{invalid, log_failed, with_code},
    parts::part,
    types::{self, NewApiToken, ScopeWord},
};

#[derive(Default)]
pub(super) struct ApiTokenMutation;

#[Object]
impl ApiTokenMutation {
    /// Makes one more API token for a project, beside those it has. The token is shown only now.
    async fn issue_api_token(
        &self,
        ctx: &Context<'_>,
        project: ID,
        #[graphql(desc = "What people call it; default if left out")] name: Option<String>,
        #[graphql(desc = "What its holder may do; everything if left out")] scopes: Option<Vec<ScopeWord>>,
        #[graphql(desc = "When it stops working by itself")] expires_at: Option<DateTime<Utc>>,
    ) -> Result<NewApiToken> {
        let id: ProjectId = project.parse().map_err(invalid)?;
        let name = name.as_deref().unwrap_or(project::API_TOKEN_NAME_DEFAULT).parse().map_err(invalid)?;
        let scopes = scopes.map(|scopes| Scopes::new(scopes.into_iter().map(Into::into)));
        let scopes = scopes.transpose().map_err(invalid)?.unwrap_or_default();
        let (token, token_id, secret_sha256) = new_token();
        let new =
            project::NewApiToken { token: token_id, secret_sha256, name: Some(name), scopes, expires_at, job: None };
        let at = part::<Arc<Executor>>(ctx).now();
        run::<Project>(ctx, id.0, Command::IssueApiToken { new, at }).await?;
        shown(ctx, id, &token, None).await
    }

    /// Makes a new API token in place of one, with its name, scopes and expiry. The old one is dead when this answers,
    /// or works until the grace window ends. Of a GitHub project the webhook's secret is rolled, too: GitHub gets a new
    /// webhook and the old one is removed. Access to repositories is untouched. The token is shown only now.
    async fn roll_api_token(
        &self,
        ctx: &Context<'_>,
        project: ID,
        #[graphql(desc = "The id of the token; the only one, or the one called default, if left out")] token: Option<
            String,
        >,
        #[graphql(desc = "How long the old one works beside the new one")] grace_seconds: Option<u32>,
    ) -> Result<NewApiToken> {
        let id: ProjectId = project.parse().map_err(invalid)?;
        let old = token.as_deref().map(token_id).transpose()?;
        let at = part::<Arc<Executor>>(ctx).now();
        let old_works_until =
            grace_seconds.filter(|seconds| *seconds > 0).map(|seconds| at + TimeDelta::seconds(seconds.into()));
        let (token, token_id, secret_sha256) = new_token();
        let webhook = match has_webhook(ctx, id).await? {
            Some(webhook) => Some((WebhookSecret::seal(ctx).await?, webhook.by_hand)),
            None => None,
        };
        let webhook_secret: Option<SecretId> = webhook.as_ref().map(|(secret, _)| secret.id);
        let roll = Command::RollApiToken { old, token: token_id, secret_sha256, old_works_until, webhook_secret, at };
        if let Err(refused) = run::<Project>(ctx, id.0, roll).await {
            if let Some((secret, _)) = webhook {
                secret.discard(ctx).await;
            }
            return Err(refused);
        }
        let shown_secret = webhook.filter(|(_, by_hand)| *by_hand).map(|(secret, _)| secret.text.to_string());
        shown(ctx, id, &token, shown_secret).await
    }

    /// Ends a token that was rolled, before its grace window is over.
    async fn close_api_token_grace(
        &self,
        ctx: &Context<'_>,
        project: ID,
        #[graphql(desc = "The id of the old token")] token: String,
    ) -> Result<types::Project> {
        change(ctx, project, Command::CloseApiTokenGrace { token: token_id(&token)? }).await
    }

    /// Ends a token. No request that starts after the answer is accepted with it.
    async fn revoke_api_token(
        &self,
        ctx: &Context<'_>,
        project: ID,
        #[graphql(desc = "The id of the token")] token: String,
    ) -> Result<types::Project> {
        change(ctx, project, Command::RevokeApiToken { token: token_id(&token)? }).await
    }
}

/// A fresh token, its id and the digest of its secret.
pub(super) fn new_token() -> (Token, TokenId, Sha256) {
    let token = tokens::issue(TokenKind::Api);
    let (id, secret_sha256) = (TokenId(token.id()), token.secret_sha256());
    (token, id, secret_sha256)
}

fn token_id(text: &str) -> Result<TokenId> {
    let expected =
        "token: expected the id of a token, 22 letters and digits: project { apiTokens { id name } } lists them";
    parse_id_text(text).map(TokenId).ok_or_else(|| with_code("invalid", expected))
}

/// A webhook that is rolled together with a token.
struct RolledWebhook {
    /// People registered it at GitHub.
    by_hand: bool,
}

async fn has_webhook(ctx: &Context<'_>, id: ProjectId) -> Result<Option<RolledWebhook>> {
    let look = |project: &Project, _| {
        let added = project.added().filter(|added| added.trigger == Trigger::GithubWebhook)?;
        added.connected().map(|github| RolledWebhook { by_hand: github.credential.is_none() })
    };
    part::<Arc<Executor>>(ctx).inspect::<Project, _>(id.0, look).await.map_err(log_failed)
}

async fn shown(ctx: &Context<'_>, id: ProjectId, token: &Token, webhook_secret: Option<String>) -> Result<NewApiToken> {
    let project = types::Project::load(ctx, id).await?;
    Ok(NewApiToken { project, id: id_text(token.id()), api_token: token.text(), webhook_secret })
}
