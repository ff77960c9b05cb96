//! One event, as an auditor sees it.

use async_graphql::{ComplexObject, Context, Result, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{
    event::{self, subjects},
    ids::EventId,
    recorded::{RawEvent, Recorded},
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Auditor, FIRST_MAX,
    schema::{
        error::{invalid, unanswered},
        lists::{FIRST_DEFAULT, cost, within},
    },
    who::Operators,
};

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
    /// Who wanted it, in words; an operator by name, or as `erased person …` once the name can no longer be read.
    pub by: String,
    /// The person whose operator token wanted it; none if the token belongs to no person.
    pub person: Option<String>,
    /// The IP address that a person's request came from; `erased` once it can no longer be read, none if none is recorded.
    pub origin: Option<String>,
    /// The command it came from; the same for all events of one command.
    pub command: String,
    /// The event that it followed from, if the log says so.
    pub because: Option<String>,
    /// What it is about: `key:<id>`, `release:<id>`.
    pub subjects: Vec<String>,
    /// What it says: an object of JSON.
    #[graphql(skip)]
    pub payload: Box<RawValue>,
}

impl Entry {
    pub(super) async fn of(recorded: &Recorded<RawEvent>, operators: &Operators<'_>) -> Self {
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
            by: operators.describe(&recorded.metadata.actor).await,
            person: operators.account(&recorded.metadata.actor).map(|account| account.person.to_string()),
            origin: operators.origin(&recorded.metadata).await,
            command: recorded.metadata.command_id.to_string(),
            because: recorded.metadata.causation.map(|EventId(id)| id.to_string()),
            subjects: subjects(&recorded.stream, decoded.as_ref()).iter().map(ToString::to_string).collect(),
            payload: payload.unwrap_or_else(|_| RawValue::NULL.to_owned()),
        }
    }

    /// One line of JSON, without its newline.
    ///
    /// # Panics
    /// Never: an entry is plain data.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("an entry is plain data")
    }
}

#[ComplexObject]
impl Entry {
    /// What it says: an object of JSON.
    async fn payload(&self) -> &str {
        self.payload.get()
    }

    /// What led to it, the beginning first and this event last.
    #[graphql(complexity = "10 * child_complexity")]
    async fn chain(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        ctx.data_unchecked::<Auditor>().chain(self.id.parse().map_err(invalid)?).await.map_err(unanswered)
    }

    /// The events that followed from it, as far as the log names it as their cause; oldest first.
    #[graphql(complexity = "cost(first, child_complexity)")]
    async fn followed(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "FIRST_DEFAULT")] first: u32,
    ) -> Result<Vec<Self>> {
        let id: EventId = self.id.parse().map_err(invalid)?;
        ctx.data_unchecked::<Auditor>().followed(id, within(first, FIRST_MAX)? as usize).await.map_err(unanswered)
    }
}
