//! Encodes and decodes events as the log stores them: a name, a schema version and JSON.
//!
//! A released shape never changes meaning. When a shape must change, the schema version of its name goes up, and a step
//! in `upcasting/` turns the older JSON into the newer one; the golden files of `tests.rs` hold every shape ever
//! written.

use crate::{recorded::RawEvent, stream_kind::StreamKind};
use serde::{
    Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;

use super::{
    Event,
    upcasting::{self, Step},
};

/// A stored event that this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer version wrote it under a name of its own. It is kept, and skipped: no command of this version can have caused it.
    #[error(
        "event {name} of schema version {schema_version} was written by a newer version of pkgdeploy: use that version"
    )]
    Unknown {
        /// The name on the wire.
        name: String,
        /// Its schema version.
        schema_version: u32,
    },
    /// A newer version wrote it under a name that is known here. It is kept; a reader that needs events of that name must stop.
    #[error(
        "event {name} has schema version {schema_version}, and this version of pkgdeploy reads at most {newest}: use a newer version"
    )]
    Newer {
        /// The name on the wire.
        name: String,
        /// Its schema version.
        schema_version: u32,
        /// The newest that is read here.
        newest: u32,
    },
    /// The stored text is not what its name promises.
    #[error("the payload of event {name} is not valid")]
    Malformed {
        /// The name on the wire.
        name: String,
        /// What is wrong with the text.
        source: serde_json::Error,
    },
}

/// Encodes and decodes stored events. It has the steps that convert old shapes to new ones.
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    steps: &'static [Step],
}

impl Default for Codec {
    fn default() -> Self {
        Self::of(upcasting::RELEASED)
    }
}

impl Codec {
    /// A codec with these steps, in the order of their versions; for tests of changes that are not released.
    #[must_use]
    pub const fn of(steps: &'static [Step]) -> Self {
        Self { steps }
    }

    /// The stored form of an event: the fields of its variant alone; the name says which variant.
    ///
    /// # Panics
    /// Never: every event is made of strings, numbers, lists and maps with string keys.
    #[must_use]
    pub fn encode(&self, event: &Event) -> RawEvent {
        let name = event.name();
        let schema_version = upcasting::newest_version(self.steps, name);
        RawEvent { name: name.to_owned(), schema_version, payload: fields(event).to_string() }
    }

    /// The event in a stored record, of any schema version.
    ///
    /// # Errors
    /// `Unknown` and `Newer` for what a newer version wrote, `Malformed` for what no version can have written.
    pub fn decode(&self, raw: &RawEvent) -> Result<Event, DecodeError> {
        let RawEvent { name, schema_version, payload } = raw;
        if !super::NAMES.contains(&name.as_str()) {
            return Err(DecodeError::Unknown { name: name.clone(), schema_version: *schema_version });
        }
        let malformed = |source| DecodeError::Malformed { name: name.clone(), source };
        let newest = upcasting::newest_version(self.steps, name);
        match *schema_version {
            0 => Err(malformed(serde_json::Error::custom("schema versions begin with 1"))),
            version if version > newest => {
                Err(DecodeError::Newer { name: name.clone(), schema_version: version, newest })
            }
            version if version < newest => {
                let fields = serde_json::from_str(payload).map_err(malformed)?;
                let fields = upcasting::upcast(self.steps, name, version, fields);
                read_event(name, &Value::Object(fields).to_string()).map_err(malformed)
            }
            _ => read_event(name, payload).map_err(malformed),
        }
    }
}

/// The stored form of an event, as [`Codec::encode`] of this version gives it.
#[must_use]
pub fn encode(event: &Event) -> RawEvent {
    Codec::default().encode(event)
}

/// The event in a stored record, as [`Codec::decode`] of this version gives it.
///
/// # Errors
/// As there.
pub fn decode(raw: &RawEvent) -> Result<Event, DecodeError> {
    Codec::default().decode(raw)
}

fn fields(event: &Event) -> Value {
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
    match tagged {
        Value::Object(map) => map.into_iter().next().map_or(Value::Null, |(_, fields)| fields),
        _ => Value::Object(serde_json::Map::new()),
    }
}

fn to_value(event: &impl Serialize) -> Value {
    serde_json::to_value(event).expect("an event is plain data")
}

/// The event of a known `name` in its newest shape.
fn read_event(name: &str, payload: &str) -> Result<Event, serde_json::Error> {
    let (kind, variant) = name.split_once('.').unwrap_or((name, ""));
    match kind.parse().map_err(serde_json::Error::custom)? {
        StreamKind::Account => read(variant, payload).map(Event::Account),
        StreamKind::CiProof => read(variant, payload).map(Event::CiProof),
        StreamKind::Delivery => read(variant, payload).map(Event::Delivery),
        StreamKind::Organisation => read(variant, payload).map(Event::Organisation),
        StreamKind::Project => read(variant, payload).map(Event::Project),
        StreamKind::Release => read(variant, payload).map(Event::Release),
        StreamKind::Repository => read(variant, payload).map(Event::Repository),
        StreamKind::Keyring => read(variant, payload).map(Event::Keyring),
        StreamKind::SigningKey => read(variant, payload).map(Event::SigningKey),
    }
}

/// Reads `{"<variant>": <payload>}`, or `"<variant>"` for a variant without fields.
fn read<E: DeserializeOwned>(variant: &str, payload: &str) -> Result<E, serde_json::Error> {
    let text = if payload == "{}" { format!("\"{variant}\"") } else { format!("{{\"{variant}\":{payload}}}") };
    serde_json::from_str(&text)
}
