//! Reading pages of events, never beyond what the writer has acknowledged.

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteRow};

use crate::event_store::{
    BoxError, Filter, PAGE_EVENTS_MAX, Page, ReadError,
    paging::{Row, Span, saturated, take, unavailable},
};

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
    Ok(take(rows, decode).await?.events)
}

pub(super) async fn all(
    readers: &SqlitePool,
    after: Position,
    head: Position,
    filter: &Filter,
    limit: u32,
) -> Result<Page, ReadError> {
    let span = Span::new(after, head, filter, limit);
    if let Some(page) = span.empty() {
        return Ok(page);
    }
    let sql = if filter.is_all() { ALL } else { FILTERED };
    let mut query = sqlx::query(sql).bind(saturated(span.after.0)).bind(saturated(span.end.0)).bind(span.limit);
    if !filter.is_all() {
        let kinds = json_list(filter.stream_kinds.iter().map(|kind| kind.as_str()));
        query = query.bind(kinds).bind(json_list(filter.event_names.iter().map(String::as_str)));
    }
    Ok(span.page(take(query.fetch(readers), decode).await?))
}

fn decode(row: &SqliteRow) -> Result<Recorded<RawEvent>, ReadError> {
    let position = Position(row.try_get_unchecked::<i64, _>(0).map_err(unavailable)?.cast_unsigned());
    decode_at(row, position).map_err(|source| ReadError::Damaged { position, source })
}

fn decode_at(row: &SqliteRow, position: Position) -> Result<Recorded<RawEvent>, BoxError> {
    let name = row.try_get_unchecked(4)?;
    let event = RawEvent { name, schema_version: row.try_get_unchecked(5)?, payload: row.try_get_unchecked(7)? };
    let stored = Row {
        stream: row.try_get_unchecked(1)?,
        revision: row.try_get_unchecked(2)?,
        event_id: row.try_get_unchecked(3)?,
        metadata: row.try_get_unchecked(6)?,
        event,
    };
    stored.recorded(position)
}

fn json_list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
    (names.len() > 0).then(|| serde_json::Value::from_iter(names).to_string())
}
