//! Telling a repeated append from a new one: which of its ids does the log hold already, and for what?

use std::collections::HashMap;

use domain::{
    ids::EventId,
    recorded::{Position, Revision},
};
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::batch::Append;
use crate::event_store::{AppendError, Appended, encoded::EncodedEvent};

/// The events of the log that carry one of some ids.
#[derive(Default)]
pub(super) struct Known(HashMap<Uuid, Stored>);

struct Stored {
    position: u64,
    stream: String,
    revision: u64,
    name: String,
    schema_version: u32,
    payload: String,
}

const BY_ID: &str = "select event_id, position, stream.name, revision, event.name, schema_version, payload \
                     from event join stream using (stream_id) \
                     where event_id in (select unhex(value) from json_each(?))";

impl Known {
    /// Looks up every id of `appends`.
    pub(super) async fn load<'a>(
        connection: &mut SqliteConnection,
        appends: impl Iterator<Item = &'a Append>,
    ) -> Result<Self, sqlx::Error> {
        let ids: Vec<String> =
            appends.flat_map(|append| &append.events).map(|event| event.event_id.simple().to_string()).collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let rows = sqlx::query(BY_ID).bind(format!("[\"{}\"]", ids.join("\",\""))).fetch_all(connection).await?;
        let stored = rows.iter().map(|row| {
            let stored = Stored {
                position: row.try_get::<i64, _>(1)?.cast_unsigned(),
                stream: row.try_get(2)?,
                revision: row.try_get::<i64, _>(3)?.cast_unsigned(),
                name: row.try_get(4)?,
                schema_version: row.try_get(5)?,
                payload: row.try_get(6)?,
            };
            let id = Uuid::from_slice(row.try_get(0)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok((id, stored))
        });
        Ok(Self(stored.collect::<Result<_, sqlx::Error>>()?))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer to an append that was recorded before; nothing if it is new.
    ///
    /// The metadata may differ: a repetition is made later than the first try.
    pub(super) fn answer(&self, append: &Append) -> Option<Result<Appended, AppendError>> {
        let known = append.events.iter().find(|event| self.0.contains_key(&event.event_id))?;
        let reused = || AppendError::IdReused { event_id: EventId(known.event_id) };
        Some(self.repeated(append).ok_or_else(reused))
    }

    fn repeated(&self, append: &Append) -> Option<Appended> {
        let first = self.0.get(&append.events.first()?.event_id)?;
        let mut last = first;
        for (offset, event) in (0u64..).zip(&append.events) {
            last = self.0.get(&event.event_id)?;
            let same_place = last.stream == append.stream.as_str() && last.revision == first.revision + offset;
            if !same_place || !last.is(event) {
                return None;
            }
        }
        Some(Appended {
            first: Position(first.position),
            last: Position(last.position),
            revision: Revision(last.revision),
        })
    }
}

impl Stored {
    fn is(&self, event: &EncodedEvent) -> bool {
        self.name == event.name && self.schema_version == event.schema_version && self.payload == event.payload
    }
}
