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
    /// Its position in the log, which is also the cursor for paging.
    pub position: u64,
    /// Its id.
    pub id: String,
    /// When it was recorded.
    pub at: DateTime<Utc>,
    /// Its name: `keyring.rolled`.
    pub name: String,
    /// Its stream: `keyring-<id>`.
    pub stream: String,
    /// Its revision in the stream, from 1.
    pub revision: u64,
    /// The actor that caused it, as recorded: `operator:<id>`.
    pub actor: String,
    /// Who wanted it, in words; an operator by name, or as `erased person …` once the name can no longer be read.
    pub by: String,
    /// The person whose operator token wanted it; none if the token belongs to no person.
    pub person: Option<String>,
    /// The IP address that a person's request came from; `erased` once it can no longer be read, none if none is recorded.
    pub origin: Option<String>,
    /// The id of the command that recorded it; the same for all events of one command.
    pub command: String,
    /// The id of the event that caused it, if the log names one.
    pub because: Option<String>,
    /// What it is about: `key:<id>`, `release:<id>`.
    pub subjects: Vec<String>,
    /// Its payload, a JSON object.
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
    /// Its payload, a JSON object.
    async fn payload(&self) -> &str {
        self.payload.get()
    }

    /// Its causes, the first cause first and this event last.
    #[graphql(complexity = "10 * child_complexity")]
    async fn chain(&self, ctx: &Context<'_>) -> Result<Vec<Self>> {
        ctx.data_unchecked::<Auditor>().chain(self.id.parse().map_err(invalid)?).await.map_err(unanswered)
    }

    /// The events that name it as their cause, oldest first.
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
