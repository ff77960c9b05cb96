//! Why a call to GitHub failed, and when to try again. No message holds a secret, and the same failure has the same words.

use std::time::Duration;

/// Longest wait that GitHub may ask for: its limits are counted by the hour.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_hours(1);

/// A call that was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub enum GithubError {
    /// No connection, or it broke. What was asked for may have been done all the same.
    #[error("cannot reach GitHub")]
    Unreachable(#[source] reqwest::Error),
    /// No answer in time. What was asked for may have been done all the same.
    #[error("GitHub did not answer in time")]
    Timeout,
    /// 401.
    #[error("GitHub refuses the token: it is wrong, expired or revoked")]
    TokenRefused,
    /// 403 or 429 with a time to wait for.
    #[error("GitHub's rate limit for this token is reached: wait until GitHub resets it")]
    RateLimited {
        /// As long as GitHub asked for, at most [`RETRY_AFTER_MAX`].
        retry_after: Duration,
    },
    /// 403.
    #[error("GitHub forbids this request: {0}")]
    Forbidden(String),
    /// 404: there is no such thing, or the token may not see it.
    #[error("GitHub has no {0}, or the token may not see it")]
    NotFound(&'static str),
    /// 422 and other refusals.
    #[error("GitHub refuses this request (HTTP status {status}): {message}")]
    Refused {
        /// The status.
        status: u16,
        /// GitHub's own words, cut short.
        message: String,
    },
    /// 5xx.
    #[error("GitHub failed to answer (HTTP status {0}): try again later")]
    Failing(u16),
    /// A redirection that is not followed with a token.
    #[error("GitHub answers that the GitHub repository has moved")]
    Moved,
    /// No JSON, or another than expected.
    #[error("GitHub's answer with the {0} is not valid")]
    NotUnderstood(&'static str),
    /// More than is read.
    #[error("GitHub's answer with the {0} is too long")]
    TooLong(&'static str),
}

impl GithubError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout => "timeout",
            Self::TokenRefused => "token_refused",
            Self::RateLimited { .. } => "rate_limited",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Refused { .. } => "refused",
            Self::Failing(_) => "server_error",
            Self::Moved => "moved",
            Self::NotUnderstood(_) => "not_understood",
            Self::TooLong(_) => "too_long",
        }
    }

    /// How long GitHub asked to be left alone.
    #[must_use]
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}
