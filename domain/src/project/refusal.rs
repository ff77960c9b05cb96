//! Why a project refuses a command.

use super::{
    API_TOKEN_GRACE_MAX, API_TOKENS_MAX, AUDIENCE_MAX_CHARS, ApiTokenName, CI_REF_PATTERN_DEFAULT, CI_TOKENS_MAX,
    GithubName, IDEMPOTENCY_KEY_MAX_CHARS, TagPattern, Trigger,
};
use crate::{ids::ReleaseId, names::TagName};

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
    #[error("tag {tag} already has a release: {release}")]
    TagHasRelease {
        /// The git tag.
        tag: TagName,
        /// Its release.
        release: ReleaseId,
    },
    /// One tag is released by webhooks once, even if that failed.
    #[error("an earlier release of tag {0} failed: delete the tag and push it again, or push a new tag")]
    TagWasTried(TagName),
    /// Webhooks release other tags only.
    #[error("tag {0} does not match the project's tag pattern")]
    PatternMismatch(TagName),
    /// The same key for two different commands.
    #[error("this Idempotency-Key was already used for tag {0}: use another one for each tag")]
    IdempotencyKeyReused(TagName),
    /// The client's key is too long or not printable.
    #[error("the Idempotency-Key is not valid: expected 1 to {IDEMPOTENCY_KEY_MAX_CHARS} printable ASCII characters")]
    IdempotencyKeyInvalid,
    /// Two tokens of one name could not be distinguished.
    #[error("an API token called \"{0}\" exists already: roll it, or choose another name")]
    ApiTokenNameTaken(ApiTokenName),
    /// The limit is reached.
    #[error("a project has at most {API_TOKENS_MAX} API tokens")]
    TooManyApiTokens,
    /// The limit is reached.
    #[error(
        "the CI jobs of this project already have {CI_TOKENS_MAX} valid API tokens, which is the limit: wait until one expires"
    )]
    TooManyCiTokens,
    /// The token does not exist, or has ended.
    #[error("the project has no such API token, or it has ended")]
    NoSuchApiToken,
    /// There are several, and no token is called `default`.
    #[error("the project has several API tokens: give the id of the one that you mean")]
    WhichApiToken,
    /// It would have expired from the start.
    #[error("the expiry is not valid: expected a time in the future")]
    ExpiryOver,
    /// It ends before it begins, or never.
    #[error("the end of the grace window is not valid: expected a time in the future, at most {} days from now", API_TOKEN_GRACE_MAX.num_days())]
    GraceOutOfBounds,
    /// The trigger was changed at the same moment.
    #[error("the project's trigger was changed at the same time: nothing was changed now, try again")]
    WebhookSecretMissing,
    /// There is no webhook without a connection.
    #[error("the project is not connected to a GitHub repository")]
    GithubNotConnected,
    /// One code repository at a time.
    #[error("the project is already connected to another GitHub repository ({0}): disconnect it first")]
    GithubConnected(GithubName),
    /// Proofs cannot be made out to it.
    #[error("the audience is not valid: expected 1 to {AUDIENCE_MAX_CHARS} printable ASCII characters without spaces")]
    AudienceInvalid,
    /// It would match no job at all.
    #[error(
        "\"{0}\" is not a pattern of Git refs: expected one that begins with refs/, such as {CI_REF_PATTERN_DEFAULT}"
    )]
    CiRefPatternInvalid(TagPattern),
}
