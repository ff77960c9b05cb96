//! Which event of a keyring leads to the next one that a worker records, read from the log as far as it has come.

use std::{collections::HashMap, sync::Arc};

use domain::{
    aggregate::Aggregate as _,
    event,
    ids::{EventId, RepositoryId},
    keyring::{Causes, Event, Keyring},
    recorded::{Revision, StreamId},
};
use event_log::{
    event_store::{EventStore, PAGE_EVENTS_MAX},
    execute::LogError,
};

/// Most keyrings that are remembered, so that a stream is read once and not for each event. Beyond it, all are read again.
pub(super) const KEYRINGS_REMEMBERED_MAX: usize = 1_000;

/// What workers remember of the keyrings that they have recorded something of.
pub(super) struct KeyringCauses {
    log: Arc<dyn EventStore>,
    remembered: HashMap<RepositoryId, Remembered>,
}

#[derive(Default)]
struct Remembered {
    read: Revision,
    causes: Causes,
}

impl KeyringCauses {
    pub(super) fn new(log: Arc<dyn EventStore>) -> Self {
        Self { log, remembered: HashMap::new() }
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.remembered.len()
    }

    /// The event that leads to `next`, which is about to be recorded; none if time alone does.
    pub(super) async fn of(&mut self, repository: RepositoryId, next: &Event) -> Result<Option<EventId>, LogError> {
        if self.remembered.len() >= KEYRINGS_REMEMBERED_MAX && !self.remembered.contains_key(&repository) {
            self.remembered.clear();
        }
        let stream = StreamId::new(Keyring::KIND, repository.0);
        let known = self.remembered.entry(repository).or_default();
        loop {
            let events = self.log.read_stream(&stream, known.read, PAGE_EVENTS_MAX).await?;
            if events.is_empty() {
                return Ok(known.causes.of(next));
            }
            for recorded in events {
                let decoded = event::decode(&recorded.event)
                    .map_err(|source| LogError::Decode { stream: stream.clone(), source })?;
                if let Ok(event) = Event::try_from(decoded) {
                    known.causes.take(recorded.event_id, &event);
                }
                known.read = recorded.revision;
            }
        }
    }
}
