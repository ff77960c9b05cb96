//! A cache of the writer's streams, so that a busy stream costs no query: only the one writer changes them.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use domain::recorded::StreamId;
use sqlx::{Row, SqliteConnection};

use crate::event_store::writing::streams::{StreamState, Streams};

/// Most streams remembered: about 20 MB.
pub(super) const STREAMS_REMEMBERED_MAX: usize = 100_000;

const LOOK_UP: &str = "select wanted.value, stream.stream_id, \
                       (select max(revision) from event where event.stream_id = stream.stream_id) \
                       from json_each(?) as wanted left join stream on stream.name = wanted.value";

/// Asks the file about those of `streams` that are not remembered.
pub(super) async fn learn<'a>(
    remembered: &mut Streams,
    connection: &mut SqliteConnection,
    streams: impl Iterator<Item = &'a StreamId>,
) -> Result<(), sqlx::Error> {
    trim(remembered);
    let unknown: HashSet<&str> = streams.filter(|stream| !remembered.knows(stream)).map(StreamId::as_str).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let names = serde_json::Value::from_iter(unknown).to_string();
    for row in sqlx::query(LOOK_UP).bind(names).fetch_all(connection).await? {
        let stream = row.try_get::<&str, _>(0)?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let number = row.try_get::<Option<i64>, _>(1)?.map(i64::cast_unsigned);
        let revision = row.try_get::<Option<i64>, _>(2)?.unwrap_or(0).cast_unsigned();
        remembered.remember(stream, StreamState { number, revision });
    }
    Ok(())
}

/// Forgets everything when it has become too much: rare, and the next append only asks the file again.
fn trim(remembered: &mut Streams) {
    if remembered.len() >= STREAMS_REMEMBERED_MAX {
        remembered.forget_all();
    }
}
