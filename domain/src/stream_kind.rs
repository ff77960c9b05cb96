//! The kinds of streams: one for each aggregate.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

/// What a stream is about. The log keeps the text of a kind, so it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamKind {
    /// The accounts of a server: its operators and their tokens.
    Account,
    /// An identity token of a CI job, used once.
    CiProof,
    /// A delivery of a webhook.
    Delivery,
    /// The access keys of a repository. It has the repository's id.
    Keyring,
    /// An organisation.
    Organisation,
    /// A project.
    Project,
    /// A release.
    Release,
    /// A repository.
    Repository,
    /// The keys with which the server signs.
    SigningKey,
}

/// No aggregate of this version has such streams.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no kind \"{0}\": expected one of account, ci-proof, delivery, keyring, organisation, project, release, repository and signing-key"
)]
pub struct UnknownStreamKind(String);

impl StreamKind {
    /// All of them, by their texts.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::CiProof,
        Self::Delivery,
        Self::Keyring,
        Self::Organisation,
        Self::Project,
        Self::Release,
        Self::Repository,
        Self::SigningKey,
    ];

    /// The first part of a stream's name, and of the names of its events: `release`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::CiProof => "ci-proof",
            Self::Delivery => "delivery",
            Self::Keyring => "keyring",
            Self::Organisation => "organisation",
            Self::Project => "project",
            Self::Release => "release",
            Self::Repository => "repository",
            Self::SigningKey => "signing-key",
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StreamKind {
    type Err = UnknownStreamKind;

    fn from_str(text: &str) -> Result<Self, UnknownStreamKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownStreamKind(text.to_owned()))
    }
}
