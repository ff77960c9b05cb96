//! Changes of what a project has at GitHub.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use commands::github::{Access, GithubError, TOKEN_PURPOSE, WEBHOOK_SECRET_PURPOSE};
use domain::{
    ids::{ProjectId, SecretId},
    project::{ApiUrl, Command, GithubName, Project},
};
use event_log::execute::Executor;
use rand::{RngCore as _, rngs::OsRng};
use stores::secrets::Secrets;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    project::{change, numeric_id},
    run,
};
use crate::{
    error::{internal, invalid, log_failed, with_code},
    parts::part,
    types::{self, ConnectedGithub, webhook_url},
};

/// Longest token of GitHub's that is taken in. Theirs have at most 255 characters.
const GITHUB_TOKEN_MAX_CHARS: usize = 255;
/// Random bytes of a webhook's secret.
const WEBHOOK_SECRET_BYTES: usize = 32;

#[derive(Default)]
pub(super) struct GithubMutation;

#[Object]
impl GithubMutation {
    /// Binds a project to a code repository at GitHub and makes a secret for its webhook.
    ///
    /// With a token, the webhook and a read-only deploy key are made at GitHub and kept right from then on. Without one,
    /// register the webhook by hand with what this answers: content type JSON, events create, push and release.
    async fn connect_github(
        &self,
        ctx: &Context<'_>,
        project: ID,
        #[graphql(desc = "owner/name")] full_name: String,
        #[graphql(desc = "A token of GitHub's with the right to the repository's webhooks, keys and statuses")]
        token: Option<String>,
        #[graphql(desc = "The repository's numeric id; GitHub is asked for it if there is a token")]
        repository_id: Option<ID>,
        #[graphql(desc = "https://api.github.com if left out; https://host/api/v3 for GitHub Enterprise")]
        api_url: Option<String>,
    ) -> Result<ConnectedGithub> {
        let id: ProjectId = project.parse().map_err(invalid)?;
        let full_name: GithubName = full_name.parse().map_err(invalid)?;
        let api_url: ApiUrl = api_url.map(|url| url.parse()).transpose().map_err(invalid)?.unwrap_or_default();
        let token = token.map(Zeroizing::new);
        if token.as_ref().is_some_and(|token| !valid_token(token)) {
            return Err(with_code("invalid", "token: not a valid GitHub token"));
        }
        let repository_id = match (&repository_id, &token) {
            (Some(id), _) => numeric_id(id)?,
            (None, Some(token)) => asked_for(ctx, &api_url, token.clone(), &full_name).await?,
            (None, None) => {
                return Err(with_code(
                    "invalid",
                    "repositoryId: missing: expected the numeric id of the GitHub repository, or a token with which GitHub is asked for it",
                ));
            }
        };
        let credential = match &token {
            Some(token) => Some(seal(ctx, TOKEN_PURPOSE, token.as_bytes()).await?),
            None => None,
        };
        let secret = WebhookSecret::seal(ctx).await?;
        let webhook_secret = secret.id;
        let connect = Command::ConnectGithub { repository_id, full_name, api_url, credential, webhook_secret };
        if let Err(refused) = run::<Project>(ctx, id.0, connect).await {
            secret.discard(ctx).await;
            if let Some(credential) = credential {
                discard(ctx, credential).await;
            }
            return Err(refused);
        }
        secret.answer(ctx, id, credential.is_none()).await
    }

    /// Binds a project to no code repository any more. The webhook's secret is dead when this answers; what we put at
    /// GitHub is removed.
    async fn disconnect_github(&self, ctx: &Context<'_>, project: ID) -> Result<types::Project> {
        change(ctx, project, Command::DisconnectGithub).await
    }

    /// Gives the webhook a new secret. Deliveries that are signed with the old one are refused when this answers.
    async fn roll_webhook_secret(&self, ctx: &Context<'_>, project: ID) -> Result<ConnectedGithub> {
        let id: ProjectId = project.parse().map_err(invalid)?;
        let secret = WebhookSecret::seal(ctx).await?;
        if let Err(refused) = run::<Project>(ctx, id.0, Command::RollWebhookSecret { secret: secret.id }).await {
            secret.discard(ctx).await;
            return Err(refused);
        }
        let by_hand = |project: &Project, _| {
            project.added().and_then(|added| added.connected()).is_some_and(|github| github.credential.is_none())
        };
        let by_hand = part::<Arc<Executor>>(ctx).inspect::<Project, _>(id.0, by_hand).await.map_err(log_failed)?;
        secret.answer(ctx, id, by_hand).await
    }
}

/// A fresh secret for a webhook, sealed: no event names it yet.
pub(super) struct WebhookSecret {
    pub(super) id: SecretId,
    pub(super) text: Zeroizing<String>,
}

impl WebhookSecret {
    pub(super) async fn seal(ctx: &Context<'_>) -> Result<Self> {
        let mut random = Zeroizing::new([0; WEBHOOK_SECRET_BYTES]);
        OsRng.fill_bytes(random.as_mut());
        let text = Zeroizing::new(hex::encode(random.as_ref()));
        Ok(Self { id: seal(ctx, WEBHOOK_SECRET_PURPOSE, text.as_bytes()).await?, text })
    }

    /// No event will name it.
    pub(super) async fn discard(self, ctx: &Context<'_>) {
        discard(ctx, self.id).await;
    }

    async fn answer(self, ctx: &Context<'_>, id: ProjectId, by_hand: bool) -> Result<ConnectedGithub> {
        Ok(ConnectedGithub {
            project: types::Project::load(ctx, id).await?,
            webhook_url: webhook_url(ctx, id),
            webhook_secret: by_hand.then(|| self.text.to_string()),
        })
    }
}

async fn seal(ctx: &Context<'_>, purpose: &'static str, secret: &[u8]) -> Result<SecretId> {
    let id = SecretId(Uuid::now_v7());
    part::<Arc<Secrets>>(ctx).seal(id.0, purpose, secret).await.map_err(|error| internal(&error))?;
    Ok(id)
}

async fn discard(ctx: &Context<'_>, id: SecretId) {
    // A sealed secret that no event names opens nothing.
    let _logged = part::<Arc<Secrets>>(ctx).delete(id.0).await.map_err(|error| internal(&error));
}

fn valid_token(text: &str) -> bool {
    (1..=GITHUB_TOKEN_MAX_CHARS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The numeric id of the repository that is called so now.
async fn asked_for(
    ctx: &Context<'_>,
    api_url: &ApiUrl,
    token: Zeroizing<String>,
    full_name: &GithubName,
) -> Result<u64> {
    let refused = |error: GithubError| with_code("github", error);
    let session = part::<Arc<Access>>(ctx).github.session(api_url, token).map_err(refused)?;
    Ok(session.repository(full_name).await.map_err(refused)?.id)
}
