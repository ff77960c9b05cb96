//! The statements of one commit.

use std::collections::HashSet;

use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use super::listen::CHANNEL;
use crate::event_store::writing::{
    batch::{Append, Ends, Plan},
    known::{Known, Stored},
    streams::{StreamState, Streams},
};

/// One lock for all nodes, held until the commit is visible: the first eight bytes of `pkgdeploy event log` in ASCII.
/// It is released at the end of the transaction, committed or not.
const BEGIN: &str = "begin; select pg_advisory_xact_lock(x'706b676465706c6f'::bigint)";

/// One answer for the ends of the log and for all streams of a batch.
const LOOK_UP: &str = "select log_head.position, log_head.stream_id, wanted.name, stream.stream_id, \
                       (select revision from event where event.stream_id = stream.stream_id \
                        order by revision desc limit 1) \
                       from log_head cross join unnest($1::text[]) as wanted (name) \
                       left join stream on stream.name = wanted.name";

/// All rows in one statement. `log_head` was read under the lock: if it moved all the same, nothing is written.
const INSERT: &str = "with moved as ( \
                          update log_head set position = $1, stream_id = $2 where position = $3 returning 1 \
                      ), begun as ( \
                          insert into stream (stream_id, name) select * from unnest($4::bigint[], $5::text[]) \
                      ) \
                      insert into event \
                      (position, stream_id, revision, event_id, name, schema_version, metadata, payload) \
                      select new.* from moved, unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::uuid[], \
                      $10::text[], $11::bigint[], $12::text[], $13::text[]) as new";

const BY_ID: &str = "select event_id, position, stream.name, revision, event.name, schema_version, payload \
                     from event join stream using (stream_id) where event_id = any($1)";

/// Waits for the other nodes and begins a transaction. Answers with the ends of the log and every stream of `batch`.
pub(super) async fn begin(connection: &mut PgConnection, batch: &[Append]) -> Result<(Ends, Streams), sqlx::Error> {
    sqlx::raw_sql(BEGIN).execute(&mut *connection).await?;
    let names: HashSet<&str> = batch.iter().map(|append| append.stream.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let rows = sqlx::query(LOOK_UP).bind(names).fetch_all(&mut *connection).await?;
    let mut ends = Err(sqlx::Error::RowNotFound);
    let mut streams = Streams::default();
    for row in rows {
        ends = Ok(Ends {
            position: row.try_get::<i64, _>(0)?.cast_unsigned(),
            stream_number: row.try_get::<i64, _>(1)?.cast_unsigned(),
        });
        let stream = row.try_get::<&str, _>(2)?.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
        let number = row.try_get::<Option<i64>, _>(3)?.map(i64::cast_unsigned);
        let revision = row.try_get::<Option<i64>, _>(4)?.unwrap_or(0).cast_unsigned();
        streams.remember(stream, StreamState { number, revision });
    }
    Ok((ends?, streams))
}

/// Writes what was accepted, in the open transaction. `before` are the ends that it was planned with.
pub(super) async fn insert(connection: &mut PgConnection, plan: &Plan, before: Ends) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    for (append, place) in &plan.accepted {
        if place.first_revision == 1 {
            rows.begun_numbers.push(place.stream_number.cast_signed());
            rows.begun_names.push(append.stream.as_str());
        }
        for (offset, event) in (0u64..).zip(&append.events) {
            rows.positions.push((place.first_position + offset).cast_signed());
            rows.stream_numbers.push(place.stream_number.cast_signed());
            rows.revisions.push((place.first_revision + offset).cast_signed());
            rows.event_ids.push(event.event_id);
            rows.names.push(&event.name);
            rows.schema_versions.push(i64::from(event.schema_version));
            rows.metadata.push(&event.metadata);
            rows.payloads.push(&event.payload);
        }
    }
    let count = rows.positions.len() as u64;
    let query = sqlx::query(INSERT)
        .bind(plan.ends.position.cast_signed())
        .bind(plan.ends.stream_number.cast_signed())
        .bind(before.position.cast_signed())
        .bind(rows.begun_numbers)
        .bind(rows.begun_names)
        .bind(rows.positions)
        .bind(rows.stream_numbers)
        .bind(rows.revisions)
        .bind(rows.event_ids)
        .bind(rows.names)
        .bind(rows.schema_versions)
        .bind(rows.metadata)
        .bind(rows.payloads);
    let inserted = query.execute(connection).await?.rows_affected();
    if inserted == count { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// Makes it durable and visible, and wakes the other nodes.
pub(super) async fn commit(connection: &mut PgConnection, ends: Ends) -> Result<(), sqlx::Error> {
    let sql = format!("notify {CHANNEL}, '{}'; commit", ends.position);
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await?;
    Ok(())
}

/// Ends the open transaction, and lets go of the lock.
pub(super) async fn rollback(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("rollback").execute(connection).await?;
    Ok(())
}

/// What the log holds under the ids of `appends`.
pub(super) async fn load<'a>(
    connection: &mut PgConnection,
    appends: impl Iterator<Item = &'a Append>,
) -> Result<Known, sqlx::Error> {
    let ids: Vec<Uuid> = appends.flat_map(|append| &append.events).map(|event| event.event_id).collect();
    if ids.is_empty() {
        return Ok(Known::default());
    }
    sqlx::query(BY_ID).bind(ids).fetch_all(connection).await?.iter().map(stored).collect()
}

fn stored(row: &PgRow) -> Result<(Uuid, Stored), sqlx::Error> {
    let schema_version = u32::try_from(row.try_get::<i64, _>(5)?);
    let stored = Stored {
        position: row.try_get::<i64, _>(1)?.cast_unsigned(),
        stream: row.try_get(2)?,
        revision: row.try_get::<i64, _>(3)?.cast_unsigned(),
        name: row.try_get(4)?,
        schema_version: schema_version.map_err(|error| sqlx::Error::Decode(error.into()))?,
        payload: row.try_get(6)?,
    };
    Ok((row.try_get(0)?, stored))
}

/// The columns of what is written.
#[derive(Default)]
struct Rows<'a> {
    begun_numbers: Vec<i64>,
    begun_names: Vec<&'a str>,
    positions: Vec<i64>,
    stream_numbers: Vec<i64>,
    revisions: Vec<i64>,
    event_ids: Vec<Uuid>,
    names: Vec<&'a str>,
    schema_versions: Vec<i64>,
    metadata: Vec<&'a str>,
    payloads: Vec<&'a str>,
}
