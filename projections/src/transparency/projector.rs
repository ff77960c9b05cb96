//! Adds each event to the server's log, and to its organisation's.

use std::{
    collections::{BTreeMap, HashMap},
    sync::PoisonError,
};

use domain::{
    canonical,
    event::{DecodeError, Event, decode},
    merkle::{Tile, leaf_hash},
    recorded::{RawEvent, Recorded, StreamId},
    tenancy::{Owner, owner},
};
use futures::future::BoxFuture;
use sqlx::SqliteConnection;

use super::{
    LogName, LogState, Transparency,
    edge::{Edge, Written},
    rows::{self, Entry},
};
use crate::projector::{ProjectionError, Projector};

const VERSION: u32 = 1;
/// Most streams whose owner is remembered: about 20 MB. Others are looked up.
const OWNERS_REMEMBERED_MAX: usize = 100_000;

/// Writes the logs' rows.
pub struct TransparencyProjector {
    read: Transparency,
    logs: HashMap<LogName, (i64, Edge)>,
    owners: HashMap<StreamId, LogName>,
    staged: Staged,
}

/// What a transaction has changed so far.
#[derive(Default)]
struct Staged {
    /// The logs that have grown, as they are now.
    logs: HashMap<LogName, (i64, Edge)>,
    tiles: BTreeMap<(i64, Tile), Written>,
    entries: Vec<Entry>,
    owners: BTreeMap<StreamId, LogName>,
}

impl TransparencyProjector {
    pub(super) fn new(read: Transparency) -> Self {
        Self { read, logs: HashMap::new(), owners: HashMap::new(), staged: Staged::default() }
    }

    async fn add(
        &mut self,
        rows: &mut SqliteConnection,
        stored: &Recorded<RawEvent>,
        event: Option<&Event>,
    ) -> Result<(), ProjectionError> {
        let leaf = leaf_hash(canonical::line(stored).as_bytes());
        let organisation = self.organisation(rows, stored, event).await?;
        let (_, server) = self.push(rows, LogName::Server, leaf, stored).await?;
        let organisation = match organisation {
            Some(log) => Some(self.push(rows, log, leaf, stored).await?),
            None => None,
        };
        self.staged.entries.push(Entry { event_id: stored.event_id.0, server, organisation });
        Ok(())
    }

    /// The log and the place in it that the entry got.
    async fn push(
        &mut self,
        rows: &mut SqliteConnection,
        name: LogName,
        leaf: domain::digest::Sha256,
        stored: &Recorded<RawEvent>,
    ) -> Result<(i64, u64), ProjectionError> {
        if !self.staged.logs.contains_key(&name) {
            let log = match self.logs.get(&name) {
                Some(log) => log.clone(),
                None => (rows::add_log(rows, name).await?, Edge::default()),
            };
            self.staged.logs.insert(name, log);
        }
        let Staged { logs, tiles, .. } = &mut self.staged;
        let (id, edge) = logs.get_mut(&name).expect("it was put there");
        let entry = edge.size();
        let mut written = BTreeMap::new();
        edge.push(leaf, stored.position, &mut written);
        tiles.extend(written.into_iter().map(|(tile, written)| ((*id, tile), written)));
        Ok((*id, entry))
    }

    /// Whose the event is, if it is an organisation's.
    async fn organisation(
        &mut self,
        rows: &mut SqliteConnection,
        stored: &Recorded<RawEvent>,
        event: Option<&Event>,
    ) -> Result<Option<LogName>, ProjectionError> {
        // Only the first event of a stream says whose it is.
        let unread;
        let event = match event {
            _ if stored.revision.0 != 1 => None,
            Some(event) => Some(event),
            None => {
                unread = begun_by(stored)?;
                unread.as_ref()
            }
        };
        match owner(&stored.stream, event) {
            Owner::Server => Ok(None),
            Owner::Organisation(organisation) => {
                let name = LogName::Organisation(organisation);
                if stored.revision.0 == 1 {
                    self.staged.owners.insert(stored.stream.clone(), name);
                }
                Ok(Some(name))
            }
            Owner::OwnerOf(stream) => {
                let known = self.staged.owners.get(&stream).or_else(|| self.owners.get(&stream));
                if let Some(name) = known {
                    return Ok(Some(*name));
                }
                let name = rows::owner(rows, &stream).await?;
                if let Some(name) = name {
                    self.remember(stream, name);
                }
                Ok(name)
            }
        }
    }

    fn remember(&mut self, stream: StreamId, name: LogName) {
        if self.owners.len() >= OWNERS_REMEMBERED_MAX {
            self.owners.clear();
        }
        self.owners.insert(stream, name);
    }

    async fn write(&mut self, rows: &mut SqliteConnection) -> Result<(), ProjectionError> {
        let Staged { logs, tiles, entries, owners } = &mut self.staged;
        for (id, edge) in logs.values() {
            tiles.extend(edge.unfinished().map(|(tile, written)| ((*id, tile), written)));
            rows::grow(rows, *id, edge.size()).await?;
        }
        rows::put_tiles(rows, tiles).await?;
        tiles.clear();
        entries.sort_unstable_by_key(|entry| entry.event_id);
        rows::add_entries(rows, entries).await?;
        entries.clear();
        let known = &self.logs;
        let owned = owners.iter().filter_map(|(stream, name)| {
            // The stream's first event is in its owner's log, so that there is one.
            let (log, _) = logs.get(name).or_else(|| known.get(name))?;
            Some((stream, *log))
        });
        rows::own(rows, &owned.collect::<Vec<_>>()).await?;
        Ok(())
    }
}

impl Projector for TransparencyProjector {
    fn name(&self) -> &'static str {
        super::TRANSPARENCY
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn tables(&self) -> &'static [&'static str] {
        &["transparency_log", "transparency_tile", "transparency_entry", "transparency_stream"]
    }

    fn schema(&self) -> &'static str {
        include_str!("../../../migrations/read_models/sqlite/transparency.sql")
    }

    fn load<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            let logs = rows::logs(rows).await?;
            let states = logs.iter().map(|(name, id, edge)| (*name, (*id, state(edge)))).collect();
            *self.read.logs.write().unwrap_or_else(PoisonError::into_inner) = states;
            self.logs = logs.into_iter().map(|(name, id, edge)| (name, (id, edge))).collect();
            Ok(())
        })
    }

    fn wants_stored(&self) -> bool {
        true
    }

    fn apply_stored<'a>(
        &'a mut self,
        rows: &'a mut SqliteConnection,
        stored: &'a Recorded<RawEvent>,
        event: Option<&'a Event>,
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(self.add(rows, stored, event))
    }

    fn finish<'a>(&'a mut self, rows: &'a mut SqliteConnection) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(self.write(rows))
    }

    fn committed(&mut self) {
        let Staged { logs, owners, .. } = std::mem::take(&mut self.staged);
        if logs.is_empty() {
            return;
        }
        let mut states = self.read.logs.write().unwrap_or_else(PoisonError::into_inner);
        states.extend(logs.iter().map(|(name, (id, edge))| (*name, (*id, state(edge)))));
        drop(states);
        self.logs.extend(logs);
        for (stream, log) in owners {
            self.remember(stream, log);
        }
        self.read.changed.send_modify(|changes| *changes += 1);
    }

    fn abandoned(&mut self) {
        // The cache may have been filled from rows that were rolled back.
        self.owners.clear();
        self.staged = Staged::default();
    }
}

/// What began a stream, if it can be read. A newer shape of a known name may say whose the stream is, and its tenant's
/// log would lack all of it.
fn begun_by(stored: &Recorded<RawEvent>) -> Result<Option<Event>, ProjectionError> {
    match decode(&stored.event) {
        Ok(event) => Ok(Some(event)),
        Err(error @ DecodeError::Newer { .. }) => Err(ProjectionError::Contradiction(error.to_string())),
        Err(DecodeError::Unknown { .. } | DecodeError::Malformed { .. }) => Ok(None),
    }
}

fn state(edge: &Edge) -> LogState {
    LogState { size: edge.size(), root: edge.root() }
}
