//! Why code could not be fetched, as texts and codes for the author of the release.

use std::{io, path::PathBuf};

use domain::{
    names::TagName,
    project::{CommitId, GitUrl, InvalidGitUrl},
    size::Limit,
};

/// A checkout that failed. No message holds a credential.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The repository answered, and has no such tag.
    #[error("the Git repository {url} has no tag {tag}")]
    TagNotFound {
        /// The repository.
        url: GitUrl,
        /// The tag asked for.
        tag: TagName,
    },
    /// The tag no longer points to the commit that the release was made for.
    #[error("tag {tag} was moved: the release is for commit {expected}, the tag now points to {found}")]
    TagMoved {
        /// The tag.
        tag: TagName,
        /// What the release recorded.
        expected: CommitId,
        /// What the repository says now.
        found: CommitId,
    },
    /// git failed: no such repository, no permission, no network, a damaged object.
    #[error("cannot fetch from the Git repository {url}: {reason}")]
    CloneFailed {
        /// The repository.
        url: GitUrl,
        /// git's last lines.
        reason: String,
    },
    /// The address is of a kind the operator does not allow.
    #[error("cannot fetch from the Git repository {url}")]
    AddressRefused {
        /// The repository.
        url: GitUrl,
        /// The rule.
        source: InvalidGitUrl,
    },
    /// The code breaks one of the [`super::Limits`].
    #[error("the code of tag {tag} is too large: {what} is over the limit of {limit}")]
    TooLarge {
        /// The tag.
        tag: TagName,
        /// What was counted.
        what: &'static str,
        /// How much there may be.
        limit: Limit,
    },
    /// It took too long.
    #[error("fetching from the Git repository {url} took longer than {seconds} s")]
    Timeout {
        /// The repository.
        url: GitUrl,
        /// The limit.
        seconds: u64,
    },
    /// The server's own disk or programs failed.
    #[error("cannot {action} {}", path.display())]
    Machine {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// How it failed.
        source: io::Error,
    },
}

impl SourceError {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TagNotFound { .. } => "tag_not_found",
            Self::TagMoved { .. } => "tag_moved",
            Self::CloneFailed { .. } => "clone_failed",
            Self::AddressRefused { .. } => "address_refused",
            Self::TooLarge { .. } => "too_large",
            Self::Timeout { .. } => "timeout",
            Self::Machine { .. } => "machine",
        }
    }
}
