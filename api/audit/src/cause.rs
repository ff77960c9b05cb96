//! Causes and effects: from an event back to the first cause, and on to what followed.

use domain::{
    event::{self, Event},
    ids::EventId,
    keyring,
    recorded::{RawEvent, Recorded, Revision},
    repository,
};
use projections::audit_index::{Page, Wanted};

use super::{AuditError, Auditor, Entry};

/// The maximum length of a chain of causes. Typical chains have four or five events.
const LINKS_MAX: usize = 32;

impl Auditor {
    /// The causes of the event, the first cause first and the event itself last.
    ///
    /// # Errors
    /// `Unknown` if there is no such event; the log or the read models cannot be read.
    pub async fn chain(&self, id: EventId) -> Result<Vec<Entry>, AuditError> {
        let event = self.event(id).await?.ok_or_else(|| AuditError::Unknown(format!("event {id}")))?;
        self.chain_of(event).await
    }

    pub(super) async fn chain_of(&self, event: Recorded<RawEvent>) -> Result<Vec<Entry>, AuditError> {
        let mut links = vec![event];
        while let [.., last] = links.as_slice()
            && links.len() < LINKS_MAX
            && let Some(cause) = self.cause(last).await?
        {
            links.push(cause);
        }
        links.reverse();
        self.entries(&links).await
    }

    /// The events that followed from this one, oldest first.
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn followed(&self, id: EventId, first: usize) -> Result<Vec<Entry>, AuditError> {
        let wanted = Wanted { caused_by: Some(id), ..Wanted::default() };
        Ok(self.page(&wanted, Page { after: None, newest_first: false, limit: first }).await?.events)
    }

    /// The event that caused this one: as recorded, or derived from the payload, since older logs do not record causes.
    ///
    /// # Errors
    /// The log or the read models cannot be read.
    pub async fn cause(&self, recorded: &Recorded<RawEvent>) -> Result<Option<Recorded<RawEvent>>, AuditError> {
        if let Some(cause) = recorded.metadata.causation {
            return self.event(cause).await;
        }
        match event::decode(&recorded.event) {
            Ok(Event::Repository(repository::Event::IndexSigned(index))) => {
                let before = Revision(index.covers.0.saturating_sub(1));
                Ok(self.log.read_stream(&recorded.stream, before, 1).await?.pop())
            }
            Ok(Event::Keyring(event)) => self.before_in_keyring(recorded, &event).await,
            _ => Ok(None),
        }
    }

    async fn before_in_keyring(
        &self,
        recorded: &Recorded<RawEvent>,
        event: &keyring::Event,
    ) -> Result<Option<Recorded<RawEvent>>, AuditError> {
        use keyring::Event::{GraceClosed, KeyRenewed, MachineMoved, SealedKeysDeleted};
        if !matches!(event, GraceClosed { .. } | KeyRenewed { .. } | MachineMoved { .. } | SealedKeysDeleted { .. }) {
            return Ok(None);
        }
        let mut causes = keyring::Causes::default();
        self.each_of(&recorded.stream, Revision(0), |earlier| {
            if earlier.revision >= recorded.revision {
                return false;
            }
            if let Ok(Event::Keyring(said)) = event::decode(&earlier.event) {
                causes.take(earlier.event_id, &said);
            }
            true
        })
        .await?;
        match causes.of(event) {
            Some(id) => self.event(id).await,
            None => Ok(None),
        }
    }
}
