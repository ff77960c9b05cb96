//! Converts events to and from the server's form.
//!
//! The payload is the server's data, byte for byte. What else this product records is one JSON object in the custom metadata:
//! the server's own time of recording is cut to seconds, and an event keeps its time when it moves between stores.

use bytes::Bytes;
use domain::{
    ids::EventId,
    recorded::{Metadata, Position, RawEvent, Recorded, Revision},
};
use event_log::event_store::{BoxError, EncodedEvent, ReadError};
use eventstore::{EventData, RecordedEvent};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What a server older than 22.6 gives as the position of an event that is read from its stream.
pub(super) const NO_POSITION: u64 = u64::MAX;

#[derive(Deserialize)]
struct CustomMetadata {
    schema_version: u32,
    metadata: Metadata,
}

/// The event as the server is given it.
pub(super) fn data(event: &EncodedEvent) -> EventData {
    let metadata = format!(r#"{{"schema_version":{},"metadata":{}}}"#, event.schema_version, event.metadata);
    // JSON is declared as such, so that the server's own tools show it, if that keeps its bytes.
    let json = RawValue::from_string(event.payload.clone()).ok().filter(|json| json.get() == event.payload);
    json.and_then(|json| EventData::json(&event.name, &json).ok())
        .unwrap_or_else(|| EventData::binary(&event.name, Bytes::from(event.payload.clone())))
        .id(event.event_id)
        .metadata(Bytes::from(metadata))
}

/// Whether the server recorded it for itself.
pub(super) fn is_of_the_system(event: &RecordedEvent) -> bool {
    event.stream_id.starts_with('$') || event.event_type.starts_with('$')
}

pub(super) fn position(event: &RecordedEvent) -> Position {
    Position(event.position.commit)
}

/// The event as this product knows it.
pub(super) fn recorded(event: RecordedEvent) -> Result<Recorded<RawEvent>, ReadError> {
    let position = position(&event);
    decoded(event).map_err(|source| ReadError::Damaged { position, source })
}

fn decoded(event: RecordedEvent) -> Result<Recorded<RawEvent>, BoxError> {
    if event.position.commit == NO_POSITION {
        return Err("EventStoreDB does not send the positions of events: it is too old".into());
    }
    let CustomMetadata { schema_version, metadata } = serde_json::from_slice(&event.custom_metadata)?;
    Ok(Recorded {
        position: position(&event),
        stream: event.stream_id.parse()?,
        revision: Revision(event.revision.saturating_add(1)),
        event_id: EventId(event.id),
        metadata,
        event: RawEvent {
            name: event.event_type,
            schema_version,
            payload: String::from_utf8(event.data.into()).map_err(|error| error.utf8_error())?,
        },
    })
}
