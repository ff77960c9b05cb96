//! Reading pages of events: what is committed, whichever node wrote it.

use domain::recorded::{Position, RawEvent, Recorded, Revision, StreamId};
use sqlx::{PgPool, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::event_store::{
    BoxError, Filter, PAGE_EVENTS_MAX, Page, ReadError,
    paging::{Row, Span, saturated, take, unavailable},
};

const STREAM: &str = "select position, stream.name, revision, event_id, event.name, schema_version, metadata, payload \
                      from stream join event using (stream_id) \
                      where stream.name = $1 and revision > $2 order by revision limit $3";

const ALL: &str = "select position, stream.name, revision, event_id, event.name, schema_version, metadata, payload \
                   from event join stream using (stream_id) \
                   where position > $1 and position <= $2 order by position limit $3";

/// A stream's kind is its name without the hyphen and the 36 characters of the UUID.
const FILTERED: &str = "select position, stream.name, revision, event_id, event.name, schema_version, metadata, payload \
                        from event join stream using (stream_id) \
                        where position > $1 and position <= $2 \
                        and (cardinality($4::text[]) = 0 or left(stream.name, -37) = any($4)) \
                        and (cardinality($5::text[]) = 0 or event.name = any($5)) \
                        order by position limit $3";

pub(super) async fn head(readers: &PgPool) -> Result<Position, ReadError> {
    let head = sqlx::query_scalar::<_, i64>("select position from log_head").fetch_one(readers).await;
    Ok(Position(head.map_err(unavailable)?.cast_unsigned()))
}

pub(super) async fn stream(
    readers: &PgPool,
    stream: &StreamId,
    after: Revision,
    limit: u32,
) -> Result<Vec<Recorded<RawEvent>>, ReadError> {
    let limit = i64::from(limit.min(PAGE_EVENTS_MAX));
    let rows = sqlx::query(STREAM).bind(stream.as_str()).bind(saturated(after.0)).bind(limit).fetch(readers);
    Ok(take(rows, decode).await?.events)
}

pub(super) async fn all(readers: &PgPool, after: Position, filter: &Filter, limit: u32) -> Result<Page, ReadError> {
    // Asked first: everything up to it is committed when the page is read.
    let span = Span::new(after, head(readers).await?, filter, limit);
    if let Some(page) = span.empty() {
        return Ok(page);
    }
    let sql = if filter.is_all() { ALL } else { FILTERED };
    let query = sqlx::query(sql).bind(saturated(span.after.0)).bind(saturated(span.end.0)).bind(i64::from(span.limit));
    if filter.is_all() {
        return Ok(span.page(take(query.fetch(readers), decode).await?));
    }
    let kinds: Vec<&str> = filter.stream_kinds.iter().map(|kind| kind.as_str()).collect();
    let names: Vec<&str> = filter.event_names.iter().map(String::as_str).collect();
    let query = query.bind(kinds).bind(names);
    Ok(span.page(take(query.fetch(readers), decode).await?))
}

fn decode(row: &PgRow) -> Result<Recorded<RawEvent>, ReadError> {
    let position = Position(row.try_get_unchecked::<i64, _>(0).map_err(unavailable)?.cast_unsigned());
    decode_at(row, position).map_err(|source| ReadError::Damaged { position, source })
}

fn decode_at(row: &PgRow, position: Position) -> Result<Recorded<RawEvent>, BoxError> {
    let schema_version = u32::try_from(row.try_get_unchecked::<i64, _>(5)?)?;
    let event_id: Uuid = row.try_get_unchecked(3)?;
    let stored = Row {
        stream: row.try_get_unchecked(1)?,
        revision: row.try_get_unchecked(2)?,
        event_id: event_id.as_bytes(),
        metadata: row.try_get_unchecked(6)?,
        event: RawEvent { name: row.try_get_unchecked(4)?, schema_version, payload: row.try_get_unchecked(7)? },
    };
    stored.recorded(position)
}
