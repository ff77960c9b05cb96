//! Between facts and what the log stores: a name, a schema version and JSON.
//!
//! A released shape never changes meaning. When a shape must change, its schema version goes up, and an upcaster
//! here turns the older JSON into the newer one; the golden files of `tests.rs` hold every shape ever written.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Event;
use crate::recorded::RawEvent;

/// What this version writes for every event.
const SCHEMA_VERSION: u32 = 1;

/// A stored event that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer version wrote it. It is kept, and skipped by whoever does not need it.
    #[error("event {name} of schema version {schema_version} was written by a newer version")]
    Unknown {
        /// The name on the wire.
        name: String,
        /// Its schema version.
        schema_version: u32,
    },
    /// The stored text is not what its name promises.
    #[error("event {name} cannot be read")]
    Malformed {
        /// The name on the wire.
        name: String,
        /// What is wrong with the text.
        source: serde_json::Error,
    },
}

/// The stored form of a fact: the fields of its variant alone; the name says which variant.
///
/// # Panics
/// Never: every event is made of strings, numbers, lists and maps with string keys.
#[must_use]
pub fn encode(event: &Event) -> RawEvent {
    let tagged = match event {
        Event::Account(event) => to_value(event),
        Event::CiProof(event) => to_value(event),
        Event::Delivery(event) => to_value(event),
        Event::Organisation(event) => to_value(event),
        Event::Project(event) => to_value(event),
        Event::Release(event) => to_value(event),
        Event::Repository(event) => to_value(event),
        Event::Keyring(event) => to_value(event),
        Event::SigningKey(event) => to_value(event),
    };
    let fields = match tagged {
        Value::Object(map) => map.into_iter().next().map_or(Value::Null, |(_, fields)| fields),
        _ => Value::Object(serde_json::Map::new()),
    };
    RawEvent { name: event.name().to_owned(), schema_version: SCHEMA_VERSION, payload: fields.to_string() }
}

fn to_value(event: &impl Serialize) -> Value {
    serde_json::to_value(event).expect("an event is plain data")
}

/// The fact in a stored event.
///
/// # Errors
/// `Unknown` for what a newer version wrote, `Malformed` for what nobody can have written.
pub fn decode(raw: &RawEvent) -> Result<Event, DecodeError> {
    let RawEvent { name, schema_version, payload } = raw;
    let unknown = || DecodeError::Unknown { name: name.clone(), schema_version: *schema_version };
    if *schema_version > SCHEMA_VERSION || !super::NAMES.contains(&name.as_str()) {
        return Err(unknown());
    }
    let (kind, variant) = name.split_once('.').ok_or_else(unknown)?;
    let malformed = |source| DecodeError::Malformed { name: name.clone(), source };
    match kind {
        "account" => read(variant, payload).map(Event::Account),
        "ci-proof" => read(variant, payload).map(Event::CiProof),
        "delivery" => read(variant, payload).map(Event::Delivery),
        "organisation" => read(variant, payload).map(Event::Organisation),
        "project" => read(variant, payload).map(Event::Project),
        "release" => read(variant, payload).map(Event::Release),
        "repository" => read(variant, payload).map(Event::Repository),
        "keyring" => read(variant, payload).map(Event::Keyring),
        "signing-key" => read(variant, payload).map(Event::SigningKey),
        _ => return Err(unknown()),
    }
    .map_err(malformed)
}

/// Reads `{"<variant>": <payload>}`, or `"<variant>"` for a variant without fields.
fn read<E: DeserializeOwned>(variant: &str, payload: &str) -> Result<E, serde_json::Error> {
    let text = if payload == "{}" { format!("\"{variant}\"") } else { format!("{{\"{variant}\":{payload}}}") };
    serde_json::from_str(&text)
}
