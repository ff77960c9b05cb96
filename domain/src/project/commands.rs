//! What may be asked of a project.

use chrono::{DateTime, Utc};

use super::{
    API_TOKEN_GRACE_MAX, API_TOKENS_MAX, AUDIENCE_MAX_CHARS, ApiTokenName, ApiUrl, AtGithub, CI_REF_PATTERN_DEFAULT,
    CI_TOKENS_MAX, CiJob, CiTrust, GitUrl, GithubName, ListedTag, Scopes, TagPattern, Trigger, TriggerRefused,
};
use crate::{
    digest::Sha256,
    ids::{ReleaseId, SecretId, TokenId},
    names::{OrganisationName, ProjectName, TagName},
    version::ReleaseVersion,
};

/// Longest `Idempotency-Key`: room for any UUID or URL-like key, not for a document.
pub const IDEMPOTENCY_KEY_MAX_CHARS: usize = 255;

/// A wish to change a project.
#[derive(Debug, Clone)]
pub enum Command {
    /// Connect it.
    Add {
        /// Whose it is.
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
        /// Which; the only one, or the one called `default`, if not said.
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
    /// End a token that was rolled before its time is over.
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
        /// The sender's word for "the same again", at most [`IDEMPOTENCY_KEY_MAX_CHARS`].
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
    /// Release the tags that no delivery told of, and take note of the others.
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
        /// When the first of them came.
        first_at: DateTime<Utc>,
        /// When the last of them came.
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
        /// The sealed token with which we may act at GitHub.
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

/// An API token that is to be made.
#[derive(Debug, Clone)]
pub struct NewApiToken {
    /// Its public id.
    pub token: TokenId,
    /// SHA-256 of its secret.
    pub secret_sha256: Sha256,
    /// What people call it.
    pub name: Option<ApiTokenName>,
    /// What it may do.
    pub scopes: Scopes,
    /// When it stops working by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// The CI job that gets it.
    pub job: Option<CiJob>,
}

/// Why a project stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is taken.
    #[error("a project of that name exists already")]
    NameTaken,
    /// It does not exist.
    #[error("there is no such project")]
    Unknown,
    /// The project is released in the other way.
    #[error("this project's releases are triggered by {}", match .0 { Trigger::ApiEndpoint => "its API endpoint", Trigger::GithubWebhook => "a GitHub webhook" })]
    OtherTrigger(Trigger),
    /// One tag, one release.
    #[error("tag {tag} has a release already: {release}")]
    TagHasRelease {
        /// The git tag.
        tag: TagName,
        /// Its release.
        release: ReleaseId,
    },
    /// One tag is released by webhooks once, even if that failed.
    #[error("tag {0} was released before and that failed: delete it and push it again, or push a new one")]
    TagWasTried(TagName),
    /// Webhooks release other tags only.
    #[error("tag {0} does not match the project's tag pattern")]
    PatternMismatch(TagName),
    /// The same word for two different wishes.
    #[error("this Idempotency-Key was used for tag {0}")]
    IdempotencyKeyReused(TagName),
    /// The sender's word is too long or cannot be printed.
    #[error("an Idempotency-Key is 1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable ASCII characters")]
    IdempotencyKeyInvalid,
    /// Two tokens of one name could not be told apart.
    #[error("an API token called \"{0}\" exists already: roll it, or choose another name")]
    ApiTokenNameTaken(ApiTokenName),
    /// The limit is reached.
    #[error("a project has at most {API_TOKENS_MAX} API tokens")]
    TooManyApiTokens,
    /// The limit is reached.
    #[error("CI jobs of a project hold at most {CI_TOKENS_MAX} API tokens at the same time")]
    TooManyCiTokens,
    /// There is none, or it has ended.
    #[error("there is no such API token, or it has ended")]
    NoSuchApiToken,
    /// There are several, and none is called `default`.
    #[error("the project has several API tokens: say which")]
    WhichApiToken,
    /// It would be dead from the start.
    #[error("the expiry is over already")]
    ExpiryOver,
    /// It ends before it begins, or never.
    #[error("a grace window ends in the future, at most {} days from now", API_TOKEN_GRACE_MAX.num_days())]
    GraceOutOfBounds,
    /// The trigger was changed at the same moment.
    #[error("the project's trigger was changed at the same time: try again")]
    WebhookSecretMissing,
    /// There is no webhook without it.
    #[error("the project is not connected to a repository at GitHub")]
    GithubNotConnected,
    /// One code repository at a time.
    #[error("the project is connected to another repository at GitHub ({0}): disconnect it first")]
    GithubConnected(GithubName),
    /// Proofs cannot be made out to it.
    #[error("an audience is 1 to {AUDIENCE_MAX_CHARS} printable ASCII characters without spaces")]
    AudienceInvalid,
    /// It would match no job at all.
    #[error("a pattern of refs begins with refs/, such as {CI_REF_PATTERN_DEFAULT}: \"{0}\" matches none")]
    CiRefPatternInvalid(TagPattern),
}
