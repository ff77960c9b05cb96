//! One event, as an auditor sees it.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};
use domain::{
    event::{self, subjects},
    ids::EventId,
    recorded::{Actor, Position, RawEvent, Recorded},
    token::id_text,
};
use serde::Serialize;
use serde_json::value::RawValue;

/// An event with its envelope.
#[derive(Debug, Clone, Serialize, SimpleObject)]
#[graphql(name = "AuditEvent", complex)]
pub struct Entry {
    /// Its place in the log, and the cursor to go on from.
    pub position: u64,
    /// Its identity.
    pub id: String,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// What happened: `keyring.rolled`.
    pub name: String,
    /// Whose fact it is: `keyring-<id>`.
    pub stream: String,
    /// Its place there, from 1.
    pub revision: u64,
    /// Who wanted it, as the log says: `operator:<id>`.
    pub actor: String,
    /// Who wanted it, in words.
    pub by: String,
    /// The wish it came from; the same for all events of one wish.
    pub command: String,
    /// The event that it followed from, if the log says so.
    pub because: Option<String>,
    /// What it speaks of: `key:<id>`, `release:<id>`.
    pub subjects: Vec<String>,
    /// What it says: an object of JSON.
    #[graphql(skip)]
    pub payload: Box<RawValue>,
}

impl From<&Recorded<RawEvent>> for Entry {
    fn from(recorded: &Recorded<RawEvent>) -> Self {
        let decoded = event::decode(&recorded.event).ok();
        let payload = RawValue::from_string(recorded.event.payload.clone());
        Self {
            position: recorded.position.0,
            id: recorded.event_id.to_string(),
            at: recorded.metadata.recorded_at,
            name: recorded.event.name.clone(),
            stream: recorded.stream.to_string(),
            revision: recorded.revision.0,
            actor: recorded.metadata.actor.to_string(),
            by: describe(&recorded.metadata.actor),
            command: recorded.metadata.command_id.to_string(),
            because: recorded.metadata.causation.map(|EventId(id)| id.to_string()),
            subjects: subjects(&recorded.stream, decoded.as_ref()).iter().map(ToString::to_string).collect(),
            payload: payload.unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }
}

impl Entry {
    /// All of them.
    #[must_use]
    pub fn all<'a>(recorded: impl IntoIterator<Item = &'a Recorded<RawEvent>>) -> Vec<Self> {
        recorded.into_iter().map(Self::from).collect()
    }

    /// Its place in the log.
    #[must_use]
    pub fn place(&self) -> Position {
        Position(self.position)
    }
}

/// An actor in words. The one place where an actor becomes words.
#[must_use]
pub fn describe(actor: &Actor) -> String {
    match actor {
        Actor::Operator { token } => format!("the operator, token {}", id_text(token.0)),
        Actor::ApiToken { token } => format!("API token {}", id_text(token.0)),
        Actor::AccessKey { key } => format!("access key {}", id_text(key.0)),
        Actor::Worker { name } => format!("the server ({name})"),
        Actor::GithubWebhook => "GitHub's webhook".to_owned(),
        Actor::CiJob { repository_id } => format!("a CI job of GitHub repository {repository_id}"),
        Actor::CommandLine => "the server's command line".to_owned(),
    }
}
