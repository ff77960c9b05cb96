//! Finds events by their ids.

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use crate::event_store::writing::{
    batch::Append,
    known::{Known, Stored},
};

const BY_ID: &str = "select event_id, position, stream.name, revision, event.name, schema_version, payload \
                     from event join stream using (stream_id) \
                     where event_id in (select unhex(value) from json_each(?))";

/// Looks up every id of `appends`.
pub(super) async fn load<'a>(
    connection: &mut SqliteConnection,
    appends: impl Iterator<Item = &'a Append>,
) -> Result<Known, sqlx::Error> {
    let ids: Vec<String> =
        appends.flat_map(|append| &append.events).map(|event| event.event_id.simple().to_string()).collect();
    if ids.is_empty() {
        return Ok(Known::default());
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
    stored.collect()
}
