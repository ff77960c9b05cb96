//! What asks for a project's releases: triggers, API tokens, GitHub, CI jobs, and what became of their calls.

use async_graphql::{Enum, ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{project, token::id_text};
use projections::{credentials, dashboard};

/// How a project's releases are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Trigger", remote = "project::Trigger")]
pub(crate) enum TriggerWord {
    /// A POST to the project's `triggerUrl` with an API token.
    ApiEndpoint,
    /// A GitHub webhook.
    GithubWebhook,
}

/// What the holder of an API token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "Scope", remote = "project::Scope")]
pub(crate) enum ScopeWord {
    /// Ask for releases.
    Release,
    /// Read where releases stand, and their logs.
    Read,
}

/// An API token, without its secret.
#[derive(Debug, SimpleObject)]
pub(crate) struct ApiToken {
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
    pub(super) fn of(token: credentials::ApiToken) -> Self {
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
pub(crate) struct Github {
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
pub(crate) struct GithubFailure {
    /// What is tried.
    step: String,
    /// Why not, in one stable word.
    code: String,
    /// Why not, for people.
    message: String,
}

impl Github {
    pub(super) fn of(github: &project::Github, is_registered: bool) -> Self {
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
            is_registered,
            deploy_key_id: github.deploy_key.as_ref().map(|key| key.deploy_key_id.to_string().into()),
            failing: failing.collect(),
        }
    }
}

/// The jobs at GitHub Actions that a project trusts.
#[derive(Debug, SimpleObject)]
pub(crate) struct GithubActions {
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
    pub(super) fn of(trust: project::CiTrust) -> Self {
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
pub(crate) struct Delivery {
    /// What GitHub calls it.
    guid: String,
    /// What GitHub says it is about.
    hook_event: String,
    /// What followed from it: `tag`, `tag_deleted`, `ping`, or why it was ignored.
    outcome: String,
    /// The tag it names.
    tag: Option<String>,
    /// The tag's release, unless that failed.
    release_id: Option<String>,
    received_at: DateTime<Utc>,
}

impl Delivery {
    pub(super) fn of(row: dashboard::Delivery) -> Self {
        let dashboard::Delivery { guid, hook_event, outcome, tag, release, received_at } = row;
        Self { guid, hook_event, outcome, tag, release_id: release.map(|id| id.to_string()), received_at }
    }
}

/// Triggers that were refused for one reason.
#[derive(Debug, SimpleObject)]
pub(crate) struct RefusedTriggers {
    /// `wrong_signature`, `wrong_token`, `other_trigger`, `too_many`, `wrong_ci_proof`.
    reason: String,
    count: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

impl RefusedTriggers {
    pub(super) fn of(row: dashboard::RefusedTriggers) -> Self {
        let dashboard::RefusedTriggers { reason, count, first_at, last_at } = row;
        Self { reason, count, first_at, last_at }
    }
}
