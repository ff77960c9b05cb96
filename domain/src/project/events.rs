//! The events of a project.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ApiTokenName, ApiUrl, CiJob, CiTrust, CommitId, CommitState, GithubName, GithubStep, Scopes, TagPattern};
use crate::{
    digest::Sha256,
    ids::{ReleaseId, SecretId, TokenId},
    names::{OrganisationName, ProjectName, TagName},
    version::ReleaseVersion,
};

/// What can have happened to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It can be released from now on.
    Added {
        /// The organisation it belongs to.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: ProjectName,
        /// The git URL it is cloned from.
        source: String,
        /// How releases are asked for.
        trigger: Trigger,
    },
    /// Its releases are asked for in this way from now on, and in no other.
    TriggerChosen {
        /// Which.
        trigger: Trigger,
    },
    /// Webhooks release the tags that match, and no others.
    TagPatternSet {
        /// The pattern.
        pattern: TagPattern,
    },
    /// An API token was made and shown once. Without a name and a job it ends the one called `default`: before tokens
    /// had names, a project had one.
    ApiTokenIssued {
        /// Its public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
        /// What people call it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<ApiTokenName>,
        /// What it may do.
        #[serde(default, skip_serializing_if = "Scopes::are_all")]
        scopes: Scopes,
        /// When it stops working by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<DateTime<Utc>>,
        /// The CI job that it was given to for a proof of its identity.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<CiJob>,
    },
    /// A token was replaced by a new one of the same name, scopes and expiry, which was shown once.
    ApiTokenRolled {
        /// The one before.
        old: TokenId,
        /// The new one's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
        /// Until when the one before works too. Without it, it is dead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        old_works_until: Option<DateTime<Utc>>,
    },
    /// A token that was rolled is dead before its time was over.
    ApiTokenGraceClosed {
        /// The one that was rolled.
        token: TokenId,
    },
    /// A token is dead.
    ApiTokenRevoked {
        /// Which.
        token: TokenId,
    },
    /// A release of this tag was asked for and will be made.
    TriggerAccepted {
        /// The git tag.
        tag: TagName,
        /// What the packages are called by.
        version: ReleaseVersion,
        /// The release that will be made.
        release: ReleaseId,
        /// The client's idempotency key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        idempotency_key: Option<String>,
    },
    /// The tag's release failed or was cancelled: the tag may be released again.
    TagFreed {
        /// The git tag.
        tag: TagName,
        /// The release that did not make it.
        release: ReleaseId,
    },
    /// The tag was removed from the code repository: if it is created again, a webhook may release it again.
    TagDeleted {
        /// The git tag.
        tag: TagName,
    },
    /// The code repository has these tags, and they are not released unless a delivery asks for it: they were there
    /// before the project was connected, or they are not tags that webhooks release.
    TagsKnown {
        /// The git tags.
        tags: Vec<TagName>,
        /// Were these the last of those that were there before?
        is_complete: bool,
    },
    /// Triggers were refused, so many in this time. Counted, so that a flood of them cannot fill the log.
    TriggersRefused {
        /// Why.
        reason: TriggerRefused,
        /// How many.
        count: u64,
        /// When the first of them was received.
        first_at: DateTime<Utc>,
        /// When the last of them was received.
        last_at: DateTime<Utc>,
    },
    /// It is bound to this code repository at GitHub.
    GithubConnected {
        /// The code repository's numeric id. Only its deliveries count.
        repository_id: u64,
        /// What it is called.
        full_name: GithubName,
        /// Where GitHub's API is.
        api_url: ApiUrl,
        /// The sealed token for GitHub's API; none if people register the webhook by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credential: Option<SecretId>,
    },
    /// It is bound to none any more. Its webhook's secret is dead.
    GithubDisconnected,
    /// The webhook has a new secret, sealed under this id. The one before is dead.
    WebhookSecretIssued {
        /// The sealed secret.
        secret: SecretId,
    },
    /// GitHub has a webhook that signs with this secret.
    WebhookRegistered {
        /// Its id at GitHub.
        hook_id: u64,
        /// The sealed secret.
        secret: SecretId,
    },
    /// GitHub has it no more.
    WebhookRemoved {
        /// Its id at GitHub.
        hook_id: u64,
    },
    /// The code repository can be read with this key.
    DeployKeyInstalled {
        /// Its id at GitHub.
        deploy_key_id: u64,
        /// The sealed private part.
        secret: SecretId,
        /// The public part, as OpenSSH writes it.
        public_key: String,
    },
    /// It can no longer be read with it.
    DeployKeyRemoved {
        /// Its id at GitHub.
        deploy_key_id: u64,
    },
    /// GitHub does not do this, for another reason than before. It is tried again.
    GithubStepFailed {
        /// What was tried.
        step: GithubStep,
        /// The stable code of the failure.
        code: String,
        /// Why not, for people.
        message: String,
    },
    /// GitHub does it again.
    GithubStepRecovered {
        /// What works.
        step: GithubStep,
    },
    /// GitHub shows the state of the release at its commit.
    CommitStatusReported {
        /// The release of that commit.
        release: ReleaseId,
        /// The commit.
        commit: CommitId,
        /// What it shows.
        state: CommitState,
    },
    /// Jobs of this code repository get short-lived API tokens for a proof of their identity.
    CiIdentityTrusted(CiTrust),
    /// They get none any more.
    CiIdentityDistrusted,
}

/// How a project's releases are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// `POST /api/v1/projects/{project}/releases` with the project's API token.
    ApiEndpoint,
    /// A GitHub webhook.
    GithubWebhook,
}

impl Trigger {
    /// The name in rows and JSON: `api_endpoint`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiEndpoint => "api_endpoint",
            Self::GithubWebhook => "github_webhook",
        }
    }
}

impl FromStr for Trigger {
    type Err = InvalidTrigger;
    fn from_str(text: &str) -> Result<Self, InvalidTrigger> {
        let all = [Self::ApiEndpoint, Self::GithubWebhook];
        all.into_iter().find(|trigger| trigger.as_str() == text).ok_or_else(|| InvalidTrigger(text.to_owned()))
    }
}

/// The text names no trigger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a trigger: expected api_endpoint or github_webhook")]
pub struct InvalidTrigger(String);

/// Why triggers were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerRefused {
    /// A delivery without the project's signature.
    WrongSignature,
    /// A token that is dead, of another project, or without the right to release.
    WrongToken,
    /// Releases of this project are asked for in the other way.
    OtherTrigger,
    /// More than a token may ask for in so short a time.
    TooMany,
    /// A CI job whose proof of identity is not good, or not of a job that is trusted.
    WrongCiProof,
}

impl TriggerRefused {
    /// The name in rows and JSON: `wrong_signature`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongSignature => "wrong_signature",
            Self::WrongToken => "wrong_token",
            Self::OtherTrigger => "other_trigger",
            Self::TooMany => "too_many",
            Self::WrongCiProof => "wrong_ci_proof",
        }
    }
}
