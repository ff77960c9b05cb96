//! Distinguishes a repeated append from a new one by the ids that the log already has.

use std::collections::HashMap;

use domain::{
    ids::EventId,
    recorded::{Position, Revision},
};
use uuid::Uuid;

use super::batch::Append;
use crate::event_store::{AppendError, Appended, encoded::EncodedEvent};

/// The events of the log that carry one of some ids.
#[derive(Default)]
pub(in crate::event_store) struct Known(HashMap<Uuid, Stored>);

/// What the log holds under an id.
pub(in crate::event_store) struct Stored {
    pub(in crate::event_store) position: u64,
    pub(in crate::event_store) stream: String,
    pub(in crate::event_store) revision: u64,
    pub(in crate::event_store) name: String,
    pub(in crate::event_store) schema_version: u32,
    pub(in crate::event_store) payload: String,
}

impl FromIterator<(Uuid, Stored)> for Known {
    fn from_iter<I: IntoIterator<Item = (Uuid, Stored)>>(stored: I) -> Self {
        Self(stored.into_iter().collect())
    }
}

impl Known {
    pub(in crate::event_store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer to an append that was recorded before; nothing if it is new.
    ///
    /// The metadata may differ: a repetition is made later than the first try.
    pub(in crate::event_store) fn answer(&self, append: &Append) -> Option<Result<Appended, AppendError>> {
        let known = append.events.iter().find(|event| self.0.contains_key(&event.event_id))?;
        let reused = || AppendError::IdReused { event_id: EventId(known.event_id) };
        Some(self.repeated(append).ok_or_else(reused))
    }

    /// Answers the appends that were recorded before, and gives back the others.
    pub(in crate::event_store) fn settle(&self, appends: impl IntoIterator<Item = Append>) -> Vec<Append> {
        let mut new = Vec::new();
        for append in appends {
            match self.answer(&append) {
                Some(answer) => append.reply(answer),
                None => new.push(append),
            }
        }
        new
    }

    /// Answers appends whose revision has passed: either they were recorded before and ask again, or they lost a race.
    pub(in crate::event_store) fn settle_outdated(&self, outdated: Vec<(Append, Revision)>) {
        for (append, actual) in outdated {
            let answer = self.answer(&append).unwrap_or_else(|| Err(append.conflict(actual)));
            append.reply(answer);
        }
    }

    fn repeated(&self, append: &Append) -> Option<Appended> {
        let first = self.0.get(&append.events.first()?.event_id)?;
        let mut last = first;
        for (offset, event) in (0u64..).zip(&append.events) {
            last = self.0.get(&event.event_id)?;
            let same_place = last.stream == append.stream.as_str() && last.revision == first.revision + offset;
            if !same_place || !last.is(event) {
                return None;
            }
        }
        Some(Appended {
            first: Position(first.position),
            last: Position(last.position),
            revision: Revision(last.revision),
        })
    }
}

impl Stored {
    fn is(&self, event: &EncodedEvent) -> bool {
        self.name == event.name && self.schema_version == event.schema_version && self.payload == event.payload
    }
}
