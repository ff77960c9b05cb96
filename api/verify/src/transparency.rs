//! The transparency logs: the live ones have the leaves that follow from the log, and every signed checkpoint matches the events
//! before it.

use std::collections::{HashMap, VecDeque};

use domain::{
    checkpoint::{Checkpoint, LogName, Note},
    digest::Sha256,
    event::Event,
    ids::OrganisationId,
    merkle::{Accumulator, TILE_HASHES_MAX},
    recorded::{Position, RawEvent, Recorded, StreamId},
    repository::SignedIndex,
    tenancy::{Owner, owner},
};
use sqlx::{Row as _, SqliteConnection};

use super::{Finding, Place};

/// How many trees of a log are cached: more than the number of indexes signed at the same time, so that no tree is rebuilt.
const TREES_MAX: usize = 16;

/// The organisations' logs, built from the events read so far.
#[derive(Default)]
pub(super) struct TenantLogs {
    owners: HashMap<StreamId, OrganisationId>,
    logs: HashMap<OrganisationId, TenantLog>,
}

#[derive(Default)]
struct TenantLog {
    leaves: Vec<Sha256>,
    /// The trees of the newest checkpoints, in the order of their indexes.
    trees: VecDeque<Accumulator>,
    /// The position of each leaf.
    positions: Vec<Position>,
}

impl TenantLogs {
    pub(super) fn add(&mut self, stored: &Recorded<RawEvent>, event: Option<&Event>, leaf: Sha256) {
        let organisation = match owner(&stored.stream, event) {
            Owner::Server => return,
            Owner::Organisation(organisation) => {
                self.owners.insert(stored.stream.clone(), organisation);
                organisation
            }
            Owner::OwnerOf(stream) => match self.owners.get(&stream) {
                Some(organisation) => *organisation,
                None => return,
            },
        };
        let log = self.logs.entry(organisation).or_default();
        log.leaves.push(leaf);
        log.positions.push(stored.position);
    }

    /// The root of a log at `size` entries, and the position of the last one. `None` if it has fewer.
    pub(super) fn state(&self, log: LogName, size: u64) -> Option<(Sha256, Position)> {
        let LogName::Organisation(id) = log else { return None };
        let TenantLog { leaves, positions, .. } = self.logs.get(&id)?;
        let leaves = leaves.get(..usize::try_from(size).ok()?)?;
        let mut tree = Accumulator::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        Some((tree.root(), positions.get(leaves.len().checked_sub(1)?).copied()?))
    }

    /// What is wrong with the checkpoint in `index`, if it has one.
    pub(super) fn check(&mut self, stream: &StreamId, index: &SignedIndex) -> Option<String> {
        let note = index.stated.checkpoint.as_deref()?;
        let parsed: Result<Note, _> = note.parse();
        let checkpoint = parsed.ok().and_then(|note| note.text.parse::<Checkpoint>().ok());
        let Some(Checkpoint { origin, size, root }) = checkpoint else {
            return Some("it does not contain a valid checkpoint".to_owned());
        };
        let log = self.owners.get(stream).and_then(|owner| self.logs.get_mut(owner));
        let Some(log) = log else { return Some(format!("it has a checkpoint of {origin}, which has no entries")) };
        // Repositories are published at the same time: the first to request a checkpoint may be the last to record its index.
        let fitting = log.trees.iter().filter(|tree| tree.size() <= size);
        let mut tree = fitting.max_by_key(|tree| tree.size()).cloned().unwrap_or_default();
        let before = tree.size();
        let from = usize::try_from(before).unwrap_or(usize::MAX);
        let to = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(added) = log.leaves.get(from..to) else {
            let has = log.leaves.len();
            return Some(format!("its checkpoint has {size} entries of {origin}, but only {has} events precede it"));
        };
        added.iter().for_each(|leaf| tree.push(*leaf));
        let actual = tree.root();
        log.trees.push_back(tree);
        if log.trees.len() > TREES_MAX {
            log.trees.pop_front();
        }
        (actual != root).then(|| {
            let first = log.positions.get(from).copied().unwrap_or_default();
            let last = log.positions.get(to.saturating_sub(1)).copied().unwrap_or_default();
            format!(
                "it states the root {root} of the {size} entries of {origin}, and the events before it give {actual}: one of \
                 those at positions {first} to {last} is not the one that was recorded"
            )
        })
    }
}

/// The first entry of the server's log that differs between the live read models and `scratch`, which was built from the log.
///
/// # Errors
/// The rows cannot be read.
pub(super) async fn first_other_entry(rows: &mut SqliteConnection) -> Result<Option<Finding>, sqlx::Error> {
    let live = tiles(rows, "main").await?;
    let scratch = tiles(rows, "scratch").await?;
    let mut last = Position(0);
    for index in 0.. {
        let (live, scratch) = (live.get(&index), scratch.get(&index));
        if live.is_none() && scratch.is_none() {
            return Ok(None);
        }
        let (before, now) = (live.map_or(&[][..], |tile| &tile.0), scratch.map_or(&[][..], |tile| &tile.0));
        for entry in 0..before.len().max(now.len()) {
            let position = scratch.and_then(|tile| tile.1.get(entry)).copied();
            if before.get(entry) == now.get(entry) {
                last = position.unwrap_or(last);
                continue;
            }
            let number = index * TILE_HASHES_MAX + entry as u64;
            let what = match (before.get(entry), position) {
                (Some(_), Some(_)) => {
                    format!("the event differs from entry {number} of the server's transparency log")
                }
                (None, _) => {
                    format!("the server's transparency log has no entry {number} for this event")
                }
                (Some(_), None) => {
                    format!("the event of entry {number} of the server's transparency log, after this one, is missing")
                }
            };
            return Ok(Some(Finding::new(Place::at(position.unwrap_or(last)), what)));
        }
    }
    Ok(None)
}

type Tiles = HashMap<u64, (Vec<Sha256>, Vec<Position>)>;

async fn tiles(rows: &mut SqliteConnection, schema: &'static str) -> Result<Tiles, sqlx::Error> {
    let sql = format!(
        "select tile, hashes, positions from {schema}.transparency_tile where level = 0 \
         and log = (select id from {schema}.transparency_log where organisation is null)"
    );
    // The schema's name is a constant of the program.
    let found = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(rows).await?;
    let tile = |row: &sqlx::sqlite::SqliteRow| {
        let hashes = row.try_get::<&[u8], _>("hashes")?.as_chunks().0.iter().map(|hash| Sha256(*hash)).collect();
        let positions = row.try_get::<Option<&[u8]>, _>("positions")?.unwrap_or_default();
        let positions = positions.as_chunks().0.iter().map(|bytes| Position(u64::from_be_bytes(*bytes))).collect();
        Ok((row.try_get::<i64, _>("tile")?.cast_unsigned(), (hashes, positions)))
    };
    found.iter().map(tile).collect()
}
