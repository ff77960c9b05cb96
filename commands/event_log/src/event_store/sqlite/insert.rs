//! One transaction for a whole batch: a single statement text, whatever the number of its rows.
//!
//! A call through sqlx costs 10–20 µs, a row 2–4 µs. So begin, insert and commit travel together, and the insert exists
//! in sizes that are powers of two: rows that are not bound are null and filtered out.

use std::sync::{Arc, LazyLock};

use sqlx::{Arguments, AssertSqlSafe, SqliteConnection, error::BoxDynError, sqlite::SqliteArguments};

use crate::event_store::writing::batch::{Append, BATCH_EVENTS_MAX, Place, Plan};

const COLUMNS: usize = 8;
const SIZES: usize = BATCH_EVENTS_MAX.ilog2() as usize + 1;

static TRANSACTIONS: LazyLock<[Arc<str>; SIZES]> =
    LazyLock::new(|| std::array::from_fn(|exponent| transaction(1 << exponent)));

/// sqlx hands the arguments to the statements in their order: the list of new streams first, then the events' columns.
fn transaction(rows: usize) -> Arc<str> {
    let values = vec!["(?,?,?,?,?,?,?,?)"; rows].join(",");
    format!(
        "begin immediate; \
         insert into stream (stream_id, name) select value ->> 0, value ->> 1 from json_each(?); \
         insert into event (position, stream_id, revision, event_id, name, schema_version, metadata, payload) \
         select * from (values {values}) where column1 is not null; \
         commit"
    )
    .into()
}

/// Records what was accepted, or leaves an open transaction behind and an error.
pub(super) async fn commit(connection: &mut SqliteConnection, plan: &Plan) -> Result<(), sqlx::Error> {
    let rows = plan.accepted.iter().map(|(append, _)| append.events.len()).sum::<usize>();
    let mut arguments = SqliteArguments::default();
    arguments.reserve(1 + rows * COLUMNS, 0);
    arguments.add(new_streams(plan)).map_err(sqlx::Error::Encode)?;
    for (append, place) in &plan.accepted {
        bind(&mut arguments, append, *place).map_err(sqlx::Error::Encode)?;
    }
    let size = rows.next_power_of_two().ilog2() as usize;
    let sql = Arc::clone(&TRANSACTIONS[size]);
    sqlx::query_with(AssertSqlSafe(sql), arguments).execute(connection).await?;
    Ok(())
}

fn new_streams(plan: &Plan) -> String {
    let streams = plan.accepted.iter().filter(|(_, place)| place.first_revision == 1);
    let rows = streams.map(|(append, place)| serde_json::json!([place.stream_number, append.stream.as_str()]));
    serde_json::Value::from_iter(rows).to_string()
}

fn bind(arguments: &mut SqliteArguments, append: &Append, place: Place) -> Result<(), BoxDynError> {
    for (offset, event) in (0u64..).zip(&append.events) {
        arguments.add((place.first_position + offset).cast_signed())?;
        arguments.add(place.stream_number.cast_signed())?;
        arguments.add((place.first_revision + offset).cast_signed())?;
        arguments.add(event.event_id.as_bytes().as_slice())?;
        arguments.add(event.name.as_str())?;
        arguments.add(event.schema_version)?;
        arguments.add(event.metadata.as_str())?;
        arguments.add(event.payload.as_str())?;
    }
    Ok(())
}
