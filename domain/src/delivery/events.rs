//! The events of a delivery.

use serde::{Deserialize, Serialize};

use super::DeliveryGuid;
use crate::{ids::ProjectId, names::TagName};

/// What can have happened to a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It had the project's signature and was judged. Its body is not stored.
    Received {
        /// The project whose webhook it was sent to.
        project: ProjectId,
        /// What GitHub calls it.
        delivery: DeliveryGuid,
        /// What GitHub says it is about: `create`, `push`, `release`, `ping`, …
        hook_event: String,
        /// The numeric id of the code repository it is about, if it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repository_id: Option<u64>,
        /// What follows from it.
        outcome: Outcome,
    },
}

/// What follows from a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Outcome {
    /// This tag will be released.
    Tag {
        /// The git tag.
        tag: TagName,
    },
    /// This tag was deleted: if it is created again, it is a new one.
    TagDeleted {
        /// The git tag.
        tag: TagName,
    },
    /// GitHub tested whether the webhook answers.
    Ping,
    /// Nothing.
    Ignored {
        /// Why.
        reason: Ignored,
    },
}

/// Why nothing follows from a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignored {
    /// It is about another code repository than the project's: a fork, or one that took over the name.
    OtherRepository,
    /// The project's releases are asked for at the API endpoint.
    OtherTrigger,
    /// A branch was pushed, made or removed.
    Branch,
    /// A release at GitHub that is not published: a draft, an edit, a removal.
    UnpublishedRelease,
    /// The tag does not match the project's tag pattern.
    PatternMismatch,
    /// The tag is not a version that both deb and rpm accept.
    NoVersion,
    /// The tag has a name that git itself would refuse, or one too long.
    InvalidTag,
    /// A kind of event that is not used.
    UnknownEvent,
}

impl Ignored {
    /// The name in responses and on pages: `other_repository`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherRepository => "other_repository",
            Self::OtherTrigger => "other_trigger",
            Self::Branch => "branch",
            Self::UnpublishedRelease => "unpublished_release",
            Self::PatternMismatch => "pattern_mismatch",
            Self::NoVersion => "no_version",
            Self::InvalidTag => "invalid_tag",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

impl Outcome {
    /// The name in responses and on pages: `tag`, `tag_deleted`, `ping`, or why it was ignored.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Tag { .. } => "tag",
            Self::TagDeleted { .. } => "tag_deleted",
            Self::Ping => "ping",
            Self::Ignored { reason } => reason.as_str(),
        }
    }

    /// The tag it is about, if something follows for one.
    #[must_use]
    pub fn tag(&self) -> Option<&TagName> {
        match self {
            Self::Tag { tag } | Self::TagDeleted { tag } => Some(tag),
            Self::Ping | Self::Ignored { .. } => None,
        }
    }
}
