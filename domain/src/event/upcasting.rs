//! How the shapes of events change: each change is one step from a schema version to the next, JSON to JSON.
//!
//! A step belongs to one event's name, never changes once it is released, and is total: what it cannot make sense of it leaves
//! as it is, and the codec then says that the event is malformed. Steps are chained, so that one written for version 1 need not
//! know of version 3. The log is never rewritten.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

/// The fields of a stored event.
pub type Fields = Map<String, Value>;

/// One change of one event's shape.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The event's name: `release.failed`.
    pub name: &'static str,
    /// The schema version that it reads; it gives the next one.
    pub from: u32,
    /// The newer fields of the older ones.
    pub upcast: fn(Fields) -> Fields,
}

/// Every change of a shape that was ever released, in order of their versions. None was necessary yet: what was added so far is
/// optional, and means what it meant before when it is missing.
pub(super) const RELEASED: &[Step] = &[];

/// The schema version that `steps` lead to for events of this name; 1 when its shape never changed.
pub(super) fn newest_version(steps: &[Step], name: &str) -> u32 {
    steps.iter().filter(|step| step.name == name).map(|step| step.from + 1).max().unwrap_or(1)
}

/// The fields of `name` in `version`, in their newest shape.
pub(super) fn upcast(steps: &[Step], name: &str, version: u32, fields: Fields) -> Fields {
    let later = steps.iter().filter(|step| step.name == name && step.from >= version);
    later.fold(fields, |fields, step| (step.upcast)(fields))
}
