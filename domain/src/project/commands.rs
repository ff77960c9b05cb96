//! Commands to change a project.

use chrono::{DateTime, Utc};

use super::{
    ApiUrl, AtGithub, CiTrust, GitUrl, GithubName, ListedTag, NewApiToken, TagPattern, Trigger, TriggerRefused,
};
use crate::{
    digest::Sha256,
    ids::{ReleaseId, SecretId, TokenId},
    names::{OrganisationName, ProjectName, TagName},
    version::ReleaseVersion,
};

/// A command to change a project.
#[derive(Debug, Clone)]
pub enum Command {
    /// Connect it.
    Add {
        /// The organisation it belongs to.
        organisation: OrganisationName,
        /// What it is called in URLs.
        name: ProjectName,
        /// The git URL it is cloned from.
        source: GitUrl,
        /// How releases are asked for.
        trigger: Trigger,
    },
    /// Let releases be asked for in this way, and in no other.
    ChooseTrigger {
        /// Which.
        trigger: Trigger,
    },
    /// Let webhooks release the tags that match, and no others.
    SetTagPattern {
        /// The pattern.
        pattern: TagPattern,
    },
    /// Make one more API token.
    IssueApiToken {
        /// The token.
        new: NewApiToken,
        /// Now.
        at: DateTime<Utc>,
    },
    /// Replace an API token; of a GitHub project its webhook's secret, too.
    RollApiToken {
        /// Which token; if not given, the only one, or the one called `default`.
        old: Option<TokenId>,
        /// The new one's public id.
        token: TokenId,
        /// SHA-256 of its secret.
        secret_sha256: Sha256,
        /// Until when the old one works too.
        old_works_until: Option<DateTime<Utc>>,
        /// A fresh sealed secret for the webhook; used only if GitHub triggers the project's releases.
        webhook_secret: Option<SecretId>,
        /// Now.
        at: DateTime<Utc>,
    },
    /// End a token that was rolled, before its grace window ends.
    CloseApiTokenGrace {
        /// The one that was rolled.
        token: TokenId,
    },
    /// End a token.
    RevokeApiToken {
        /// Which.
        token: TokenId,
    },
    /// Release a tag.
    Trigger {
        /// The git tag, which exists in the code repository.
        tag: TagName,
        /// What the packages are called by.
        version: ReleaseVersion,
        /// The id the release gets if one is made.
        release: ReleaseId,
        /// The client's idempotency key, at most [`super::IDEMPOTENCY_KEY_MAX_CHARS`].
        idempotency_key: Option<String>,
        /// How it was asked for.
        by: Trigger,
    },
    /// Let a tag be released again after its release failed or was cancelled.
    FreeTag {
        /// The git tag.
        tag: TagName,
        /// The release that did not make it.
        release: ReleaseId,
    },
    /// Take note that the code repository has this tag no more.
    RecordTagDeleted {
        /// The git tag.
        tag: TagName,
    },
    /// Release the tags that no delivery reported, and record the others as known.
    ReconcileTags {
        /// The numeric id of the code repository whose they are.
        repository_id: u64,
        /// Every tag that the code repository has.
        tags: Vec<ListedTag>,
    },
    /// Take note of triggers that were refused.
    RecordTriggersRefused {
        /// Why.
        reason: TriggerRefused,
        /// How many.
        count: u64,
        /// When the first of them was received.
        first_at: DateTime<Utc>,
        /// When the last of them was received.
        last_at: DateTime<Utc>,
    },
    /// Bind it to a code repository at GitHub.
    ConnectGithub {
        /// The code repository's numeric id.
        repository_id: u64,
        /// What it is called.
        full_name: GithubName,
        /// Where GitHub's API is.
        api_url: ApiUrl,
        /// The sealed token for GitHub's API.
        credential: Option<SecretId>,
        /// A fresh sealed secret for the webhook.
        webhook_secret: SecretId,
    },
    /// Bind it to none any more.
    DisconnectGithub,
    /// Give the webhook a new secret. The old one is dead at once.
    RollWebhookSecret {
        /// The sealed secret.
        secret: SecretId,
    },
    /// Take note of what was done at GitHub.
    RecordAtGithub(AtGithub),
    /// Give API tokens to CI jobs for a proof of their identity.
    TrustCi(CiTrust),
    /// Give them none any more.
    DistrustCi,
}
