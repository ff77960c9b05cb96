//! The envelope of every event: its position in the log, its actor, and the event that caused it.

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    ids::{CommandId, EventId},
    personal::Personal,
    stream_kind::StreamKind,
};

/// A place in the whole log. Strictly increasing, opaque, gaps allowed; `Position(0)` is before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many events a stream holds; the first event has revision 1, an absent stream 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a stream: `<kind>-<uuid>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StreamId(String);

/// The text was not `<kind>-<uuid>`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not the name of an event stream: expected <kind>-<uuid>")]
pub struct InvalidStreamId(String);

impl StreamId {
    /// The stream of the aggregate `id` of `kind`.
    #[must_use]
    pub fn new(kind: StreamKind, id: Uuid) -> Self {
        Self(format!("{kind}-{id}"))
    }

    /// The name as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the stream is about: `release` in `release-<uuid>`. `None` for a kind of a newer version.
    #[must_use]
    pub fn kind(&self) -> Option<StreamKind> {
        self.split().0.parse().ok()
    }

    /// Which aggregate of its kind this is.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.split().1
    }

    fn split(&self) -> (&str, Uuid) {
        parse_stream(&self.0).expect("a StreamId is made of a kind and a UUID")
    }
}

/// A hyphenated UUID is 36 characters long, so the kind may contain a `-` too.
fn parse_stream(text: &str) -> Option<(&str, Uuid)> {
    let (kind, id) = text.split_at_checked(text.len().checked_sub(36)?)?;
    let kind = kind.strip_suffix('-').filter(|kind| !kind.is_empty())?;
    Some((kind, Uuid::try_parse(id).ok()?))
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StreamId {
    type Err = InvalidStreamId;
    fn from_str(text: &str) -> Result<Self, InvalidStreamId> {
        parse_stream(text).ok_or_else(|| InvalidStreamId(text.to_owned()))?;
        Ok(Self(text.to_owned()))
    }
}

/// Who wanted something to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Actor {
    /// The holder of an operator token.
    Operator {
        /// The token's id, never its secret.
        token: crate::ids::TokenId,
    },
    /// The holder of a project's API token.
    ApiToken {
        /// The token's id, never its secret.
        token: crate::ids::TokenId,
    },
    /// The holder of a repository's access key, asking for the one to use from now on.
    AccessKey {
        /// The key's id, never its secret.
        key: crate::ids::AccessKeyId,
    },
    /// A part of pkgdeploy that follows the log.
    Worker {
        /// Which part: `releases`, `signing`.
        name: String,
    },
    /// GitHub, by a delivery with the project's signature.
    GithubWebhook,
    /// A job of a CI system, by the proof of identity that the system gave it.
    CiJob {
        /// The numeric id of the code repository whose job it is.
        repository_id: u64,
    },
    /// Someone at the machine's own command line.
    CommandLine,
}

/// The text names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a valid actor: expected operator:<token id>, api-token:<token id>, access-key:<key id>, \
     worker:<name>, github-webhook, ci-job:<repository id> or command-line"
)]
pub struct InvalidActor(String);

/// Longest text of an actor that is looked at, in characters.
const ACTOR_MAX_CHARS: usize = 100;

/// Who, in a form that is read back: `worker:signing`, `access-key:01931b2e-6f0a-7c3e-8d54-2f6a9b1c0d3e`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator { token } => write!(f, "operator:{token}"),
            Self::ApiToken { token } => write!(f, "api-token:{token}"),
            Self::AccessKey { key } => write!(f, "access-key:{key}"),
            Self::Worker { name } => write!(f, "worker:{name}"),
            Self::GithubWebhook => f.write_str("github-webhook"),
            Self::CiJob { repository_id } => write!(f, "ci-job:{repository_id}"),
            Self::CommandLine => f.write_str("command-line"),
        }
    }
}

impl FromStr for Actor {
    type Err = InvalidActor;
    fn from_str(text: &str) -> Result<Self, InvalidActor> {
        let invalid = || InvalidActor(text.chars().take(ACTOR_MAX_CHARS).collect());
        if text.len() > ACTOR_MAX_CHARS {
            return Err(invalid());
        }
        Ok(match text.split_once(':') {
            None if text == "github-webhook" => Self::GithubWebhook,
            None if text == "command-line" => Self::CommandLine,
            Some(("operator", id)) => Self::Operator { token: id.parse().map_err(|_| invalid())? },
            Some(("api-token", id)) => Self::ApiToken { token: id.parse().map_err(|_| invalid())? },
            Some(("access-key", id)) => Self::AccessKey { key: id.parse().map_err(|_| invalid())? },
            Some(("worker", name)) if !name.is_empty() => Self::Worker { name: name.to_owned() },
            Some(("ci-job", id)) => Self::CiJob { repository_id: id.parse().map_err(|_| invalid())? },
            _ => return Err(invalid()),
        })
    }
}

/// Why an event was recorded; the same for every event of one command.
///
/// What a newer version writes beside these fields is refused, not dropped: without it the event would be hashed as
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// When, to the microsecond, by the clock of the node that appended it.
    pub recorded_at: DateTime<Utc>,
    /// Who.
    pub actor: Actor,
    /// The command it came from. Unique in its stream.
    pub command_id: CommandId,
    /// The event that led to the command, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<EventId>,
    /// The IP address that the command came from, sealed under the key of the person whose command it was, for this command alone. None
    /// for actors that are not persons; an event without it has the bytes that it had before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Personal>,
}

/// One event of type `E` as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<E> {
    /// Its place in the whole log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its place in the stream, from 1.
    pub revision: Revision,
    /// Its identity.
    pub event_id: EventId,
    /// Why it was recorded.
    pub metadata: Metadata,
    /// The event.
    pub event: E,
}

impl<E> Recorded<E> {
    /// The same envelope around a reference.
    #[must_use]
    pub fn borrowed(&self) -> Recorded<&E> {
        Recorded {
            position: self.position,
            stream: self.stream.clone(),
            revision: self.revision,
            event_id: self.event_id,
            metadata: self.metadata.clone(),
            event: &self.event,
        }
    }

    /// The same envelope around something else.
    pub fn map<F>(self, f: impl FnOnce(E) -> F) -> Recorded<F> {
        Recorded {
            position: self.position,
            stream: self.stream,
            revision: self.revision,
            event_id: self.event_id,
            metadata: self.metadata,
            event: f(self.event),
        }
    }
}

/// An event as the log stores it. The codec in `event/codec.rs` decodes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawEvent {
    /// `<kind>.<past_tense>`: `release.package_built`.
    pub name: String,
    /// Goes up when the shape of the payload changes.
    pub schema_version: u32,
    /// JSON text.
    pub payload: String,
}
