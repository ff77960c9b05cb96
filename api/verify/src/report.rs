//! The report of a check.

use std::{fmt, time::Duration};

use domain::{
    digest::Sha256,
    ids::EventId,
    recorded::{Position, RawEvent, Recorded, Revision, StreamId},
};
use serde::Serialize;

/// The maximum number of findings in a report. Further ones are only counted.
pub(crate) const FINDINGS_MAX: usize = 100;

/// A place in the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The position, or `None` for the whole log.
    pub position: Position,
    /// The event at the position, if it could be read.
    #[serde(flatten)]
    pub event: Option<EventName>,
}

/// The event at a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EventName {
    /// Its id.
    pub event_id: EventId,
    /// Its name.
    pub name: String,
    /// Its stream.
    pub stream: StreamId,
    /// Its revision in the stream.
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

    /// A position whose event is not available.
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

/// A problem that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong, with both values if two differ.
    pub what: String,
}

impl Finding {
    pub(super) fn new(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }
}

/// The result of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The last position that was checked.
    pub head: Position,
    /// The number of events up to it.
    pub events: u64,
    /// The Merkle root of their canonical lines (RFC 6962).
    pub merkle_root: Sha256,
    /// How many indexes were rendered again.
    pub publications: u64,
    /// How many signatures were verified.
    pub signatures: u64,
    /// How many blobs were hashed.
    pub blobs: u64,
    /// Their total size.
    pub blob_bytes: u64,
    /// How many tables of read models were compared, row by row.
    pub compared_tables: u64,
    /// Why read models were not compared. `None` if they were.
    pub not_compared: Option<String>,
    /// How many events per second all projectors processed.
    pub projected_events_a_second: u64,
    /// How long the check took.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// The problems found, in the log's order; at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// How many more problems were found.
    pub further_findings: u64,
}

fn seconds<S: serde::Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(elapsed.as_secs_f64())
}

impl Report {
    /// Whether no problem was found.
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
                writeln!(f, "\nfindings: {}", findings.len() as u64 + self.further_findings)?;
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
