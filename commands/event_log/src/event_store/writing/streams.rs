//! The writer's state of streams.

use std::collections::HashMap;

use domain::recorded::StreamId;

/// A stream as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::event_store) struct StreamState {
    /// Its number in the store; none yet for a stream without events.
    pub(in crate::event_store) number: Option<u64>,
    /// How many events it holds.
    pub(in crate::event_store) revision: u64,
}

/// The state of some streams; of every other one, that it does not exist.
#[derive(Default)]
pub(in crate::event_store) struct Streams(HashMap<StreamId, StreamState>);

impl Streams {
    pub(in crate::event_store) fn get(&self, stream: &StreamId) -> StreamState {
        self.0.get(stream).copied().unwrap_or(StreamState { number: None, revision: 0 })
    }

    pub(in crate::event_store) fn knows(&self, stream: &StreamId) -> bool {
        self.0.contains_key(stream)
    }

    pub(in crate::event_store) fn remember(&mut self, stream: StreamId, state: StreamState) {
        self.0.insert(stream, state);
    }

    pub(in crate::event_store) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::event_store) fn forget_all(&mut self) {
        self.0.clear();
    }
}
