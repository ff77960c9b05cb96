//! Records the subjects, the actor and the organisation of each event.

use std::collections::HashMap;

use domain::{
    event::{self, Event},
    recorded::{RawEvent, Recorded, StreamId},
    tenancy::{Owner, owner},
};
use futures::future::BoxFuture;
use sqlx::{Row as _, SqliteConnection};

use super::{
    mentions::{Mentioned, positions},
    number,
    record::{self, NO_ORGANISATION, Record, Span, short},
};
use crate::{
    projector::{ProjectionError, Projector},
    read_models::unsigned,
};

const VERSION: u32 = 1;
/// Most streams whose owner is remembered: about 4 MB. Others are looked up.
const OWNERS_REMEMBERED_MAX: usize = 100_000;

/// Writes the history's rows. In memory it keeps the span that is not full, and whose the newest streams are.
#[derive(Default)]
pub struct AuditIndexProjector {
    last: Span,
    owners: HashMap<i64, i64>,
    staged: Staged,
}

/// What the batch adds.
#[derive(Default)]
struct Staged {
    /// The span that was not full, and those that follow it.
    spans: Vec<Span>,
    mentioned: Mentioned,
    owners: HashMap<i64, i64>,
}

impl AuditIndexProjector {
    async fn note(
        &mut self,
        rows: &mut SqliteConnection,
        stored: &Recorded<RawEvent>,
        event: Option<&Event>,
    ) -> Result<(), ProjectionError> {
        let at = stored.position;
        let organisation = self.organisation(rows, &stored.stream, event).await?;
        let mentioned = &mut self.staged.mentioned;
        for subject in event::subjects(&stored.stream, event) {
            mentioned.add(number::of_subject(&subject), at);
        }
        if let Some(cause) = stored.metadata.causation {
            mentioned.add(number::of_cause(cause), at);
        }
        self.staged.push(
            &self.last,
            Record {
                position: at,
                at: stored.metadata.recorded_at.timestamp_micros(),
                name: short(number::of_name(&stored.event.name)),
                organisation,
                actor: number::of_actor(&stored.metadata.actor),
            },
        );
        Ok(())
    }

    /// The number of the organisation whose the event is.
    async fn organisation(
        &mut self,
        rows: &mut SqliteConnection,
        stream: &StreamId,
        event: Option<&Event>,
    ) -> Result<i64, ProjectionError> {
        let organisation = match owner(stream, event) {
            Owner::Server => return Ok(NO_ORGANISATION),
            Owner::Organisation(id) => number::of_organisation(id),
            Owner::OwnerOf(other) => {
                let other = number::of_stream(&other);
                match self.staged.owners.get(&other).or_else(|| self.owners.get(&other)) {
                    Some(known) => *known,
                    None => looked_up(rows, other).await?,
                }
            }
        };
        self.staged.owners.insert(number::of_stream(stream), organisation);
        Ok(organisation)
    }
}

/// The organisation of the first event that mentions `stream`.
async fn looked_up(rows: &mut SqliteConnection, stream: i64) -> Result<i64, sqlx::Error> {
    let row = sqlx::query("select block, offsets from history_mention where subject = ? order by block limit 1");
    let Some(row) = row.bind(stream).fetch_optional(&mut *rows).await? else { return Ok(NO_ORGANISATION) };
    let first = positions(unsigned(row.try_get("block")?), row.try_get("offsets")?).next().unwrap_or_default();
    let record = Span::around(rows, first).await?.and_then(|span| span.get(first));
    Ok(record.map_or(NO_ORGANISATION, |record| record.organisation))
}

impl Staged {
    fn push(&mut self, last: &Span, record: Record) {
        if self.spans.is_empty() {
            self.spans.push(last.clone());
        }
        match self.spans.last_mut() {
            Some(span) if !span.is_full() => span.push(record),
            _ => {
                let mut span = Span::default();
                span.push(record);
                self.spans.push(span);
            }
        }
    }

    async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), ProjectionError> {
        record::write(&mut *rows, &self.spans).await?;
        self.mentioned.write(rows).await?;
        Ok(())
    }
}

impl Projector for AuditIndexProjector {
    fn name(&self) -> &'static str {
        super::AUDIT_INDEX
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn tables(&self) -> &'static [&'static str] {
        &["history_span", "history_mention"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../../migrations/read_models/sqlite/audit_index.sql")
    }

    fn load<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            *self = Self::default();
            let last = sqlx::query("select records from history_span order by first desc limit 1");
            if let Some(row) = last.fetch_optional(rows).await? {
                self.last = Span::from_row(&row)?;
            }
            Ok(())
        })
    }

    fn wants_stored(&self) -> bool {
        true
    }

    fn apply_stored<'a>(
        &'a mut self,
        rows: &'a mut SqliteConnection,
        stored: &'a Recorded<RawEvent>,
        event: Option<&'a Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(self.note(rows, stored, event))
    }

    fn finish<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(self.staged.write(rows))
    }

    fn committed(&mut self) {
        let Staged { spans, mentioned, owners } = &mut self.staged;
        if let Some(last) = spans.drain(..).next_back() {
            self.last = last;
        }
        mentioned.clear();
        if self.owners.len() + owners.len() > OWNERS_REMEMBERED_MAX {
            self.owners.clear();
        }
        self.owners.extend(owners.drain());
    }

    fn abandoned(&mut self) {
        // The cache may have been filled from rows that were rolled back.
        self.owners.clear();
        self.staged = Staged::default();
    }
}
