//! An append in the form that is stored, measured against the limits that every backend shares.

use std::collections::HashSet;

use domain::recorded::StreamId;
use uuid::Uuid;

use super::{AppendError, Expected, Limit, NewEvent, StreamAppend};

/// Most events in one append.
pub const APPEND_EVENTS_MAX: usize = 1_000;
/// Most bytes in one append: names, payloads and metadata as they are stored. KurrentDB's limit.
pub const APPEND_BYTES_MAX: usize = 1024 * 1024;

/// A new event whose metadata is text already, so that the one writer need not encode it.
#[derive(Debug)]
pub struct EncodedEvent {
    /// Its identity.
    pub event_id: Uuid,
    /// What it is called, as `repository.created`.
    pub name: String,
    /// The version of its shape.
    pub schema_version: u32,
    /// Its metadata as JSON.
    pub metadata: String,
    /// The event as JSON.
    pub payload: String,
}

impl EncodedEvent {
    fn size_bytes(&self) -> usize {
        self.name.len() + self.metadata.len() + self.payload.len()
    }
}

/// One of several appends that are recorded in their order.
pub(super) struct EncodedAppend {
    pub(super) stream: StreamId,
    pub(super) expected: Expected,
    pub(super) events: Vec<EncodedEvent>,
    pub(super) size_bytes: usize,
}

/// The events of one append, without duplicates and within the limits; and their size in bytes.
///
/// # Errors
/// There are no events or too many, they are too large, or one of them is there twice.
pub fn encode(events: Vec<NewEvent>) -> Result<(Vec<EncodedEvent>, usize), AppendError> {
    if events.is_empty() {
        return Err(AppendError::Empty);
    }
    if events.len() > APPEND_EVENTS_MAX {
        return Err(AppendError::TooLarge { limit: Limit::Events });
    }
    let mut ids = HashSet::with_capacity(events.len());
    if let Some(twice) = events.iter().find(|event| !ids.insert(event.event_id)) {
        return Err(AppendError::IdReused { event_id: twice.event_id });
    }
    let encoded = events.into_iter().map(encode_one).collect::<Result<Vec<_>, _>>()?;
    let size_bytes = encoded.iter().map(EncodedEvent::size_bytes).sum();
    if size_bytes > APPEND_BYTES_MAX {
        return Err(AppendError::TooLarge { limit: Limit::Bytes });
    }
    Ok((encoded, size_bytes))
}

/// The appends that are to be recorded together: together within the limits of one.
pub(super) fn encode_all(appends: Vec<StreamAppend>) -> Result<Vec<EncodedAppend>, AppendError> {
    if appends.iter().map(|append| append.events.len()).sum::<usize>() > APPEND_EVENTS_MAX {
        return Err(AppendError::TooLarge { limit: Limit::Events });
    }
    let mut size_bytes = 0;
    let mut encoded = Vec::with_capacity(appends.len());
    for StreamAppend { stream, expected, events } in appends {
        let (events, bytes) = encode(events)?;
        size_bytes += bytes;
        encoded.push(EncodedAppend { stream, expected, events, size_bytes: bytes });
    }
    if size_bytes > APPEND_BYTES_MAX {
        return Err(AppendError::TooLarge { limit: Limit::Bytes });
    }
    Ok(encoded)
}

fn encode_one(new: NewEvent) -> Result<EncodedEvent, AppendError> {
    let metadata = serde_json::to_string(&new.metadata)
        .map_err(|source| AppendError::Unavailable { ambiguous: false, source: source.into() })?;
    Ok(EncodedEvent {
        event_id: new.event_id.0,
        name: new.event.name,
        schema_version: new.event.schema_version,
        metadata,
        payload: new.event.payload,
    })
}
