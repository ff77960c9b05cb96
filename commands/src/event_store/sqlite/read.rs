//! Reading pages of events, never beyond what the writer has acknowledged.

use domain::{
    ids::EventId,
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
};
use futures::{TryStreamExt, stream::BoxStream};
use sqlx::{Row, SqlitePool, sqlite::SqliteRow};
use uuid::Uuid;

use crate::event_store::{BoxError, Filter, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, Page, ReadError};

/// Most positions that one filtered page looks at, so that a rare event is found in many short reads instead of a long one.
pub(super) const SCAN_POSITIONS_MAX: u64 = 50_000;

const STREAM: &str = "select position, stream.name, revision, event_id, event.name, schema_version, metadata, payload \
                      from stream cross join event using (stream_id) \
                      where stream.name = ? and revision > ? order by revision limit ?";

/// `cross join` keeps SQLite from turning the loops round: events in their order, each with its stream.
const ALL: &str = "select position, stream.name, revision, event_id, event.name, schema_version, metadata, payload \
                   from event cross join stream using (stream_id) \
                   where position > ? and position <= ? order by position limit ?";

/// No index by event name: what the pipeline follows is frequent enough that in a trial with half a million events an
/// index read no faster than this scan, and every append would pay for it.
///
/// A stream's kind is its name without the hyphen and the 36 characters of the UUID.
const FILTERED: &str = "select position, stream.name, revision, event_id, event.name, schema_version, metadata, payload \
                        from event cross join stream using (stream_id) \
                        where position > ?1 and position <= ?2 \
                        and (?5 is null or event.name in (select value from json_each(?5))) \
                        and (?4 is null or substr(stream.name, 1, length(stream.name) - 37) \
                             in (select value from json_each(?4))) \
                        order by position limit ?3";

pub(super) async fn stream(
    readers: &SqlitePool,
    stream: &StreamId,
    after: Revision,
    limit: u32,
) -> Result<Vec<Recorded<RawEvent>>, ReadError> {
    let rows = sqlx::query(STREAM)
        .bind(stream.as_str())
        .bind(saturated(after.0))
        .bind(limit.min(PAGE_EVENTS_MAX))
        .fetch(readers);
    Ok(take(rows).await?.events)
}

pub(super) async fn all(
    readers: &SqlitePool,
    after: Position,
    head: Position,
    filter: &Filter,
    limit: u32,
) -> Result<Page, ReadError> {
    let limit = limit.min(PAGE_EVENTS_MAX);
    if after >= head || limit == 0 {
        return Ok(Page { events: Vec::new(), next: after, head });
    }
    let (end, rows) = if filter.is_all() {
        let rows = sqlx::query(ALL).bind(saturated(after.0)).bind(saturated(head.0)).bind(limit).fetch(readers);
        (head, rows)
    } else {
        let end = head.min(Position(after.0.saturating_add(SCAN_POSITIONS_MAX)));
        let rows = sqlx::query(FILTERED)
            .bind(saturated(after.0))
            .bind(saturated(end.0))
            .bind(limit)
            .bind(json_list(&filter.stream_kinds))
            .bind(json_list(&filter.event_names))
            .fetch(readers);
        (end, rows)
    };
    let taken = take(rows).await?;
    // A page that is not full has seen everything up to its end.
    let is_full = taken.is_cut || taken.events.len() >= limit as usize;
    let next = taken.events.last().filter(|_| is_full).map_or(end, |last| last.position);
    Ok(Page { events: taken.events, next, head })
}

struct Taken {
    events: Vec<Recorded<RawEvent>>,
    /// It was stopped for its size; there may be more.
    is_cut: bool,
}

async fn take(mut rows: BoxStream<'_, Result<SqliteRow, sqlx::Error>>) -> Result<Taken, ReadError> {
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.try_next().await.map_err(unavailable)? {
        let event = decode(&row)?;
        bytes += event.event.payload.len();
        events.push(event);
        if bytes >= PAGE_BYTES_MAX {
            return Ok(Taken { events, is_cut: true });
        }
    }
    Ok(Taken { events, is_cut: false })
}

fn decode(row: &SqliteRow) -> Result<Recorded<RawEvent>, ReadError> {
    let position = Position(row.try_get_unchecked::<i64, _>(0).map_err(unavailable)?.cast_unsigned());
    decode_at(row, position).map_err(|source| ReadError::Damaged { position, source })
}

fn decode_at(row: &SqliteRow, position: Position) -> Result<Recorded<RawEvent>, BoxError> {
    Ok(Recorded {
        position,
        stream: row.try_get_unchecked::<&str, _>(1)?.parse()?,
        revision: Revision(row.try_get_unchecked::<i64, _>(2)?.cast_unsigned()),
        event_id: EventId(Uuid::from_slice(row.try_get_unchecked(3)?)?),
        metadata: serde_json::from_str(row.try_get_unchecked(6)?)?,
        event: RawEvent {
            name: row.try_get_unchecked(4)?,
            schema_version: row.try_get_unchecked(5)?,
            payload: row.try_get_unchecked(7)?,
        },
    })
}

fn json_list(names: &std::collections::BTreeSet<String>) -> Option<String> {
    (!names.is_empty()).then(|| serde_json::Value::from_iter(names.iter().map(String::as_str)).to_string())
}

/// SQLite's integers are signed; nothing is ever stored beyond them.
fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unavailable(source: sqlx::Error) -> ReadError {
    ReadError::Unavailable { source: source.into() }
}
