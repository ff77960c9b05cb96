//! A cache of event ids, to distinguish a repeated append from a new one.
//!
//! The server recognises a repetition only after the same revision. What a caller may repeat in any way is recognised here:
//! within a stream always, since it is read before it is appended to without a revision; across streams as long as the id is
//! remembered.

#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use domain::recorded::{RawEvent, Recorded, StreamId};
use moka::{policy::EvictionPolicy, sync::Cache};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Most ids that are remembered by their streams, about 50 MB; streams that were not used for longest are forgotten first.
const STREAM_IDS_MAX: u64 = 1_000_000;
/// Most ids whose streams are remembered, about 15 MB.
const OWNED_IDS_MAX: u64 = 100_000;

/// What is known of a stream: a beginning of it, perhaps all.
#[derive(Debug, Default)]
pub(super) struct Known {
    revisions: HashMap<Uuid, u64>,
    revision: u64,
    is_read: bool,
}

impl Known {
    /// How many events are known. There may be more.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether the stream was read.
    pub(super) fn is_read(&self) -> bool {
        self.is_read
    }

    pub(super) fn revision_of(&self, id: Uuid) -> Option<u64> {
        self.revisions.get(&id).copied()
    }

    /// Adds what comes after the known part; skips what is known, and ignores what does not follow.
    pub(super) fn learn(&mut self, events: impl IntoIterator<Item = (u64, Uuid)>) {
        self.is_read = true;
        for (revision, id) in events {
            if revision == self.revision + 1 {
                self.revision = revision;
                self.revisions.insert(id, revision);
            }
        }
    }
}

/// What this node has seen of the log while it appended and read.
pub(super) struct Memory {
    streams: Cache<StreamId, Arc<Mutex<Known>>>,
    owners: Cache<Uuid, StreamId>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let weight = |_: &StreamId, known: &Arc<Mutex<Known>>| {
            let ids = known.try_lock().map_or(1, |known| known.revision + 1);
            u32::try_from(ids).unwrap_or(u32::MAX)
        };
        let streams = Cache::builder().eviction_policy(EvictionPolicy::lru()).weigher(weight);
        let owners = Cache::builder().eviction_policy(EvictionPolicy::lru()).max_capacity(OWNED_IDS_MAX);
        Self { streams: streams.max_capacity(STREAM_IDS_MAX).build(), owners: owners.build() }
    }

    /// What is known of `stream`. An append to it holds the lock, so that this node's appends do not race each other.
    pub(super) fn stream(&self, stream: &StreamId) -> Arc<Mutex<Known>> {
        self.streams.get_with_by_ref(stream, Arc::default)
    }

    /// Says that more is known of `stream` than before.
    pub(super) fn has_grown(&self, stream: &StreamId, known: Arc<Mutex<Known>>) {
        self.streams.insert(stream.clone(), known);
    }

    pub(super) fn remember_owner(&self, stream: &StreamId, ids: impl IntoIterator<Item = Uuid>) {
        for id in ids {
            self.owners.insert(id, stream.clone());
        }
    }

    /// Whether another stream holds the id.
    pub(super) fn is_of_another(&self, stream: &StreamId, id: Uuid) -> bool {
        self.owners.get(&id).is_some_and(|owner| owner != *stream)
    }

    /// Remembers events that were read for another purpose, unless an append to the stream is in progress.
    pub(super) fn overhear(&self, stream: &StreamId, events: &[Recorded<RawEvent>]) {
        let Some(first) = events.first() else { return };
        let slot = self.stream(stream);
        let Ok(mut known) = slot.try_lock() else { return };
        let before = known.revision;
        if first.revision.0 > before + 1 {
            return;
        }
        known.learn(events.iter().map(|event| (event.revision.0, event.event_id.0)));
        let has_grown = known.revision > before;
        drop(known);
        if has_grown {
            self.has_grown(stream, slot);
        }
    }
}
