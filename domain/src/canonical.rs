//! The canonical bytes of a recorded event: one line of JSON, the same on every event store.
//!
//! Exports are made of these lines, and the Merkle trees of their hashes. The position is not in them: it differs between
//! stores, and the order of the lines says the same.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    ids::EventId,
    recorded::{Metadata, Position, RawEvent, Recorded, Revision},
};

/// Longest line that is read: an append's bytes (1 MiB), every character of its payload escaped, and the envelope.
pub const LINE_MAX_BYTES: usize = 8 * 1024 * 1024;

/// The fields of a line, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a, P> {
    #[serde(borrow = "'a")]
    stream: std::borrow::Cow<'a, str>,
    revision: Revision,
    event_id: EventId,
    name: std::borrow::Cow<'a, str>,
    schema_version: u32,
    metadata: Metadata,
    payload: P,
}

/// The line is not the canonical form of an event.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLine {
    /// Over [`LINE_MAX_BYTES`].
    #[error("the line of the event is too long: expected at most {LINE_MAX_BYTES} bytes")]
    TooLong,
    /// It is not a JSON object with the fields of an event.
    #[error(
        "the line is not an event: expected JSON with stream, revision, event_id, name, schema_version, metadata and payload"
    )]
    Malformed(#[from] serde_json::Error),
    /// Its stream is not valid.
    #[error("the line is not an event: its field stream is not valid")]
    Stream(#[from] crate::recorded::InvalidStreamId),
    /// It has the meaning of a canonical line, in other bytes.
    #[error("the line is an event, but not in its canonical form: expected the bytes that `pkgdeploy export` writes")]
    NotCanonical,
}

/// The canonical line of `recorded`, without the newline that follows it in a file.
///
/// Two different events have two different lines: a payload that is one JSON object on one line is included as it is
/// stored, byte for byte; anything else, which this product never writes, as a JSON string.
///
/// # Panics
/// Never: an envelope is plain data.
#[must_use]
pub fn line(recorded: &Recorded<RawEvent>) -> String {
    let RawEvent { name, schema_version, payload } = &recorded.event;
    let raw = Some(payload).filter(|text| is_included_unchanged(text)).and_then(|text| serde_json::from_str(text).ok());
    let line = Line::<&RawValue> {
        stream: recorded.stream.as_str().into(),
        revision: recorded.revision,
        event_id: recorded.event_id,
        name: name.as_str().into(),
        schema_version: *schema_version,
        metadata: recorded.metadata.clone(),
        payload: raw.unwrap_or(RawValue::NULL),
    };
    let text = match raw {
        Some(_) => serde_json::to_string(&line),
        None => serde_json::to_string(&with_text(line, payload)),
    };
    text.expect("an envelope is plain data")
}

fn with_text<'a>(line: Line<'a, &RawValue>, payload: &'a str) -> Line<'a, &'a str> {
    let Line { stream, revision, event_id, name, schema_version, metadata, .. } = line;
    Line { stream, revision, event_id, name, schema_version, metadata, payload }
}

/// Whether it is one object from the first byte to the last, on one line, so that it cannot be confused with the
/// text around it.
fn is_included_unchanged(payload: &str) -> bool {
    payload.starts_with('{') && payload.ends_with('}') && !payload.contains(['\n', '\r'])
}

/// The event whose canonical line this is, at `position` of the log that it is read into.
///
/// # Errors
/// See [`InvalidLine`].
pub fn parse(text: &str, position: Position) -> Result<Recorded<RawEvent>, InvalidLine> {
    if text.len() > LINE_MAX_BYTES {
        return Err(InvalidLine::TooLong);
    }
    let line: Line<'_, &RawValue> = serde_json::from_str(text)?;
    let payload = line.payload.get();
    let payload = if payload.starts_with('"') { serde_json::from_str(payload)? } else { payload.to_owned() };
    let recorded = Recorded {
        position,
        stream: line.stream.parse()?,
        revision: line.revision,
        event_id: line.event_id,
        metadata: line.metadata,
        event: RawEvent { name: line.name.into_owned(), schema_version: line.schema_version, payload },
    };
    if self::line(&recorded) == text { Ok(recorded) } else { Err(InvalidLine::NotCanonical) }
}
