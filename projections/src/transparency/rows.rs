//! The rows of the transparency logs.

use std::{collections::BTreeMap, sync::LazyLock};

use domain::{
    digest::Sha256,
    merkle::Tile,
    recorded::{Position, StreamId},
};
use sqlx::{Row as _, SqliteConnection, SqliteExecutor, SqlitePool, sqlite::SqliteRow};
use uuid::Uuid;

use super::{
    LogName,
    edge::{Edge, Written},
};
use crate::{
    bulk::Insert,
    read_models::{signed, unsigned},
};

/// Entries below a tile of leaves.
const TILE_ENTRIES: u64 = 256;

static ENTRIES: LazyLock<Insert> =
    LazyLock::new(|| Insert::new("transparency_entry", &["event_id", "server_entry", "log", "entry"]));
static TILES: LazyLock<Insert> =
    LazyLock::new(|| Insert::or_replace("transparency_tile", &["log", "level", "tile", "hashes", "positions"]));
static OWNERS: LazyLock<Insert> = LazyLock::new(|| Insert::or_replace("transparency_stream", &["stream", "log"]));

/// Where an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) event_id: Uuid,
    pub(super) server: u64,
    /// The log and the place in it.
    pub(super) organisation: Option<(i64, u64)>,
}

/// Every log with its tree.
pub(super) async fn logs(rows: &mut SqliteConnection) -> Result<Vec<(LogName, i64, Edge)>, sqlx::Error> {
    let mut logs = Vec::new();
    for row in sqlx::query("select id, organisation, size from transparency_log").fetch_all(&mut *rows).await? {
        let (id, size) = (row.try_get("id")?, unsigned(row.try_get("size")?));
        logs.push((name(&row)?, id, edge(&mut *rows, id, size).await?));
    }
    Ok(logs)
}

async fn edge(rows: &mut SqliteConnection, log: i64, size: u64) -> Result<Edge, sqlx::Error> {
    let mut last = Vec::new();
    let mut positions = Vec::new();
    for level in (0..8).take_while(|level| size >> (8 * level) > 0) {
        let tile = Tile { level, index: size >> (8 * (level + 1)) };
        match self::tile(&mut *rows, log, tile).await? {
            Some(written) => {
                last.push(written.hashes);
                positions = if level == 0 { written.positions } else { positions };
            }
            // The last one was filled and the next is not begun.
            None => last.push(vec![]),
        }
    }
    Ok(Edge::load(last, positions))
}

pub(super) async fn tile(rows: impl SqliteExecutor<'_>, log: i64, tile: Tile) -> Result<Option<Written>, sqlx::Error> {
    let row = sqlx::query("select hashes, positions from transparency_tile where log = ? and level = ? and tile = ?")
        .bind(log)
        .bind(tile.level)
        .bind(signed(tile.index))
        .fetch_optional(rows);
    let Some(row) = row.await? else { return Ok(None) };
    let hashes = row.try_get::<&[u8], _>("hashes")?.as_chunks().0.iter().map(|hash| Sha256(*hash)).collect();
    let positions = row.try_get::<Option<&[u8]>, _>("positions")?.unwrap_or_default();
    let positions = positions.as_chunks().0.iter().map(|bytes| Position(u64::from_be_bytes(*bytes))).collect();
    Ok(Some(Written { hashes, positions }))
}

pub(super) async fn put_tiles(
    rows: &mut SqliteConnection,
    tiles: &BTreeMap<(i64, Tile), Written>,
) -> Result<(), sqlx::Error> {
    TILES
        .write(rows, tiles.iter(), |statement, ((log, tile), written)| {
            let hashes: Vec<u8> = written.hashes.iter().flat_map(|hash| hash.0).collect();
            let positions: Vec<u8> = written.positions.iter().flat_map(|position| position.0.to_be_bytes()).collect();
            let positions = (tile.level == 0).then_some(positions);
            statement.bind(*log).bind(tile.level).bind(signed(tile.index)).bind(hashes).bind(positions)
        })
        .await
}

pub(super) async fn add_log(rows: &mut SqliteConnection, name: LogName) -> Result<i64, sqlx::Error> {
    let organisation = match name {
        LogName::Server => None,
        LogName::Organisation(id) => Some(id.to_string()),
    };
    let added = sqlx::query("insert into transparency_log (organisation, size) values (?, 0)").bind(organisation);
    Ok(added.execute(rows).await?.last_insert_rowid())
}

pub(super) async fn grow(rows: &mut SqliteConnection, log: i64, size: u64) -> Result<(), sqlx::Error> {
    sqlx::query("update transparency_log set size = ? where id = ?").bind(signed(size)).bind(log).execute(rows).await?;
    Ok(())
}

pub(super) async fn add_entries(rows: &mut SqliteConnection, entries: &[Entry]) -> Result<(), sqlx::Error> {
    ENTRIES
        .write(rows, entries.iter(), |statement, Entry { event_id, server, organisation }| {
            let (log, entry) = organisation.map(|(log, entry)| (log, signed(entry))).unzip();
            statement.bind(event_id.as_bytes().as_slice()).bind(signed(*server)).bind(log).bind(entry)
        })
        .await
}

pub(super) async fn entry(rows: impl SqliteExecutor<'_>, event_id: Uuid) -> Result<Option<Entry>, sqlx::Error> {
    let row = sqlx::query("select server_entry, log, entry from transparency_entry where event_id = ?")
        .bind(event_id.as_bytes().to_vec())
        .fetch_optional(rows);
    let Some(row) = row.await? else { return Ok(None) };
    let log: Option<i64> = row.try_get("log")?;
    let entry = row.try_get::<Option<i64>, _>("entry")?.map(unsigned);
    Ok(Some(Entry { event_id, server: unsigned(row.try_get("server_entry")?), organisation: log.zip(entry) }))
}

/// Where an event is in the event log: the server's tree has them all.
pub(super) async fn position(rows: &SqlitePool, event_id: Uuid) -> Result<Option<Position>, sqlx::Error> {
    let Some(Entry { server: entry, .. }) = self::entry(rows, event_id).await? else { return Ok(None) };
    let log = sqlx::query("select id from transparency_log where organisation is null").fetch_optional(rows);
    let Some(log) = log.await? else { return Ok(None) };
    let (index, place) = (entry / TILE_ENTRIES, (entry % TILE_ENTRIES) as usize);
    let tile = self::tile(rows, log.try_get("id")?, Tile { level: 0, index }).await?;
    Ok(tile.and_then(|tile| tile.positions.get(place).copied()))
}

/// The owner of the stream, if its first event names it.
pub(super) async fn owner(rows: &mut SqliteConnection, stream: &StreamId) -> Result<Option<LogName>, sqlx::Error> {
    let found = sqlx::query(
        "select organisation from transparency_stream
         join transparency_log on transparency_log.id = transparency_stream.log where stream = ?",
    );
    found.bind(stream.as_str()).fetch_optional(rows).await?.as_ref().map(name).transpose()
}

fn name(row: &SqliteRow) -> Result<LogName, sqlx::Error> {
    match row.try_get::<Option<&str>, _>("organisation")? {
        None => Ok(LogName::Server),
        Some(id) => id.parse().map(LogName::Organisation).map_err(|error| sqlx::Error::Decode(Box::new(error))),
    }
}

pub(super) async fn own(rows: &mut SqliteConnection, streams: &[(&StreamId, i64)]) -> Result<(), sqlx::Error> {
    OWNERS.write(rows, streams.iter(), |statement, (stream, log)| statement.bind(stream.as_str()).bind(*log)).await
}
