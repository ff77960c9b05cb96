//! Durable appends a second, and replay, of the embedded event log.
//!
//! Driven by the environment, so that one harness can compare it with other stores: `BENCH_PHASE` is `append`
//! (`BENCH_CLIENTS` writers for `BENCH_SECS` seconds), `load` (`BENCH_EVENTS` events) or `replay` (read what `load`
//! wrote and rebuild state); the log is in `BENCH_DIR`, an event's payload has `BENCH_SIZE` bytes. A writer begins a
//! new stream after `BENCH_STREAM_EVENTS` events, 10 by default, as many as a release has.
//! Prints `events_per_s=… p50_us=… p99_us=…`.

use std::{
    collections::HashMap,
    env,
    error::Error,
    path::Path,
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::Utc;
use domain::{
    ids::{CommandId, EventId, TokenId},
    recorded::{Actor, Metadata, Position, RawEvent, Revision, StreamId},
    stream_kind::StreamKind,
};
use event_log::event_store::{
    APPEND_BYTES_MAX, APPEND_EVENTS_MAX, EventStore, Expected, Filter, LogReader, NewEvent, PAGE_EVENTS_MAX,
    sqlite::SqliteEventStore,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const LOAD_STREAMS: usize = 100;
/// Bytes that a `Counted` without a note takes, about.
const COUNTED_BYTES: usize = 30;

/// The payload: enough to rebuild a state from, padded to the size that was asked for.
#[derive(Serialize, Deserialize)]
struct Counted {
    count: u64,
    note: String,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let Ok(phase) = env::var("BENCH_PHASE") else {
        println!("set BENCH_PHASE to append, load or replay, and BENCH_DIR");
        return Ok(());
    };
    let store = Arc::new(SqliteEventStore::open(Path::new(&env::var("BENCH_DIR")?).join("events.db")).await?);
    match phase.as_str() {
        "append" => append(&store).await?,
        "load" => load(&store).await?,
        "replay" => replay(&store).await?,
        other => return Err(format!("BENCH_PHASE is {other}, expected append, load or replay").into()),
    }
    store.close().await;
    Ok(())
}

async fn append(store: &Arc<SqliteEventStore>) -> Outcome<()> {
    let clients: usize = number("BENCH_CLIENTS", 64)?;
    let (seconds, size, stream_events) =
        (number("BENCH_SECS", 5.0)?, number("BENCH_SIZE", 512)?, number("BENCH_STREAM_EVENTS", 10)?);
    let start = Instant::now();
    let until = start + Duration::from_secs_f64(seconds);
    let writers = (0..clients).map(|_| tokio::spawn(append_until(Arc::clone(store), size, stream_events, until)));
    let mut waits = Vec::new();
    for writer in try_join_all(writers).await? {
        waits.extend(writer?);
    }
    let taken = start.elapsed();
    waits.sort_unstable();
    println!(
        "events_per_s={:.0} p50_us={} p99_us={}",
        waits.len() as f64 / taken.as_secs_f64(),
        waits[waits.len() / 2].as_micros(),
        waits[waits.len() * 99 / 100].as_micros()
    );
    Ok(())
}

/// One writer with separate streams; returns how long each append took.
async fn append_until(
    store: Arc<SqliteEventStore>,
    size: usize,
    stream_events: u64,
    until: Instant,
) -> Outcome<Vec<Duration>> {
    let mut stream = StreamId::new(StreamKind::Release, Uuid::now_v7());
    let mut waits = Vec::new();
    while Instant::now() < until {
        let count = waits.len() as u64 % stream_events;
        if count == 0 {
            stream = StreamId::new(StreamKind::Release, Uuid::now_v7());
        }
        let events = vec![event(count, size)?];
        let start = Instant::now();
        store.append(&stream, Expected::Revision(Revision(count)), events).await?;
        waits.push(start.elapsed());
    }
    Ok(waits)
}

async fn load(store: &SqliteEventStore) -> Outcome<()> {
    let (events, size): (usize, usize) = (number("BENCH_EVENTS", 500_000)?, number("BENCH_SIZE", 512)?);
    let streams: Vec<StreamId> =
        (0..LOAD_STREAMS).map(|_| StreamId::new(StreamKind::Release, Uuid::now_v7())).collect();
    let each = APPEND_EVENTS_MAX.min(APPEND_BYTES_MAX / 2 / size.max(1)).max(1);
    let start = Instant::now();
    for (round, first) in (0..events).step_by(each).enumerate() {
        let batch = (first..events.min(first + each)).map(|count| event(count as u64, size)).collect::<Outcome<_>>()?;
        store.append(&streams[round % LOAD_STREAMS], Expected::Any, batch).await?;
    }
    println!("events_per_s={:.0}", events as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

async fn replay(store: &SqliteEventStore) -> Outcome<()> {
    let start = Instant::now();
    let mut counts = HashMap::<StreamId, u64>::new();
    let (mut events, mut after) = (0_usize, Position(0));
    loop {
        let page = store.read_all(after, &Filter::all(), PAGE_EVENTS_MAX).await?;
        for recorded in &page.events {
            let counted: Counted = serde_json::from_str(&recorded.event.payload)?;
            *counts.entry(recorded.stream.clone()).or_default() += counted.count;
        }
        events += page.events.len();
        after = page.next;
        if after == page.head {
            break;
        }
    }
    println!("events_per_s={:.0}", events as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

fn event(count: u64, size: usize) -> Outcome<NewEvent> {
    let note = "x".repeat(size.saturating_sub(COUNTED_BYTES));
    Ok(NewEvent {
        event_id: EventId(Uuid::now_v7()),
        event: RawEvent {
            name: "release.package_built".to_owned(),
            schema_version: 1,
            payload: serde_json::to_string(&Counted { count, note })?,
        },
        metadata: Metadata {
            recorded_at: Utc::now(),
            actor: Actor::ApiToken { token: TokenId(Uuid::nil()) },
            command_id: CommandId(Uuid::now_v7()),
            causation: None,
            origin: None,
        },
    })
}

fn number<N: FromStr<Err: Error + Send + Sync + 'static>>(name: &str, default: N) -> Outcome<N> {
    env::var(name).map_or(Ok(default), |text| Ok(text.parse()?))
}
