//! Numbers for subjects, actors, names and organisations: 64 bits of their text, so that no table of numbers is needed.
//!
//! Two different texts have the same number once in 10^19 pairs, so readers compare the content of the events found.

use domain::{
    event::Subject,
    ids::{EventId, OrganisationId},
    recorded::{Actor, StreamId},
};

/// FNV-1a: it spreads ids, which are random already, and short words well enough, and takes nanoseconds.
/// Source: draft-eastlake-fnv, 64-bit offset basis and prime.
struct Fnv(u64);

impl Fnv {
    fn of(kind: &str) -> Self {
        Self(0xcbf2_9ce4_8422_2325).and(kind.as_bytes()).and(&[0])
    }

    fn and(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    fn number(self) -> i64 {
        self.0.cast_signed()
    }
}

pub(super) fn of_subject(subject: &Subject) -> i64 {
    subject.with_bytes(|bytes| Fnv::of(subject.kind()).and(bytes)).number()
}

/// What an event caused is found under this.
pub(super) fn of_cause(event: EventId) -> i64 {
    Fnv::of("cause").and(event.0.as_bytes()).number()
}

pub(super) fn of_actor(actor: &Actor) -> i64 {
    Fnv::of("actor").and(actor.to_string().as_bytes()).number()
}

pub(super) fn of_name(name: &str) -> i64 {
    Fnv::of("name").and(name.as_bytes()).number()
}

pub(super) fn of_organisation(organisation: OrganisationId) -> i64 {
    Fnv::of("organisation").and(organisation.0.as_bytes()).number()
}

/// A stream that says whose later events are.
pub(super) fn of_stream(stream: &StreamId) -> i64 {
    match Subject::of_stream(stream) {
        Some(subject) => of_subject(&subject),
        None => Fnv::of("stream").and(stream.as_str().as_bytes()).number(),
    }
}
