//! What a check found.

use std::{fmt, time::Duration};

use domain::{
    digest::Sha256,
    ids::EventId,
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
};
use serde::Serialize;

/// Most findings that are kept; the first one says where to look, the others are counted.
pub const FINDINGS_MAX: usize = 100;

/// Where in the log something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// In the whole log.
    pub position: Position,
    /// The event there, if it could be read.
    #[serde(flatten)]
    pub event: Option<EventName>,
}

/// Which event that is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventName {
    /// Its identity.
    pub event_id: EventId,
    /// What it is called.
    pub name: String,
    /// Whose fact it is.
    pub stream: StreamId,
    /// Its place in the stream.
    pub revision: Revision,
}

impl Place {
    /// The place of an event.
    #[must_use]
    pub fn of(recorded: &Recorded<RawEvent>) -> Self {
        let event = EventName {
            event_id: recorded.event_id,
            name: recorded.event.name.clone(),
            stream: recorded.stream.clone(),
            revision: recorded.revision,
        };
        Self { position: recorded.position, event: Some(event) }
    }

    /// A position whose event is not at hand.
    #[must_use]
    pub fn at(position: Position) -> Self {
        Self { position, event: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "position {}", self.position)?;
        match &self.event {
            Some(EventName { event_id, name, stream, revision }) => {
                write!(f, ", {name} {event_id}, revision {revision} of {stream}")
            }
            None => Ok(()),
        }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The event in question.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong, with both values where two differ.
    pub what: String,
}

impl Finding {
    pub(super) fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }
}

/// What a whole check found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The last position that was looked at.
    pub head: Position,
    /// How many events there are up to it.
    pub events: u64,
    /// Of the canonical lines of all of them (RFC 6962).
    pub merkle_root: Sha256,
    /// Indexes that were rendered again.
    pub publications: u64,
    /// Signatures that were verified.
    pub signatures: u64,
    /// Blobs that were hashed.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Tables of read models that were compared, row by row.
    pub compared_tables: u64,
    /// Why read models were not compared; none if they were.
    pub not_compared: Option<String>,
    /// How fast events went through all projectors.
    pub projected_events_a_second: u64,
    /// How long it took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// What is wrong, in the log's order; at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub further_findings: u64,
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(elapsed.as_secs_f64())
}

impl Report {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn add(&mut self, found: impl Iterator<Item = Finding>) {
        self.findings.extend(found);
        self.findings.sort();
        self.findings.dedup();
        self.further_findings = self.findings.len().saturating_sub(FINDINGS_MAX) as u64;
        self.findings.truncate(FINDINGS_MAX);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("events", self.events.to_string()),
            ("last position", self.head.to_string()),
            ("Merkle root", self.merkle_root.to_string()),
            ("indexes rendered", self.publications.to_string()),
            ("signatures verified", self.signatures.to_string()),
            ("blobs hashed", format!("{} ({} bytes)", self.blobs, self.blob_bytes)),
            (
                "tables compared",
                match &self.not_compared {
                    None => self.compared_tables.to_string(),
                    Some(why) => format!("{}: {why}", self.compared_tables),
                },
            ),
            ("time", format!("{:.1} s", self.elapsed.as_secs_f64())),
            ("through projectors", format!("{} events/s", self.projected_events_a_second)),
        ];
        for (name, value) in rows {
            writeln!(f, "{name:<20} {value}")?;
        }
        match self.findings.as_slice() {
            [] if self.not_compared.is_some() => write!(f, "\nEverything that was compared is as it was recorded."),
            [] => write!(f, "\nEverything is as it was recorded."),
            findings => {
                writeln!(f, "\n{} findings, the first first:", findings.len() as u64 + self.further_findings)?;
                for Finding { place, what } in findings {
                    writeln!(f, "\n  {place}\n    {what}")?;
                }
                if self.further_findings > 0 {
                    writeln!(f, "\n  and {} more", self.further_findings)?;
                }
                Ok(())
            }
        }
    }
}
