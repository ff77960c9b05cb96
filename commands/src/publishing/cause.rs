//! Because of what something is signed: an index because of what it shows, or because who signs has changed.

use domain::{
    aggregate::Aggregate as _,
    event::{self, Event},
    ids::{EventId, RepositoryId, SigningKeyId},
    recorded::{RawEvent, Recorded, Revision, StreamId},
    repository::{self, Repository},
    signing_key::SigningKey,
};
use event_log::event_store::{EventStore, PAGE_EVENTS_MAX, ReadError};

/// The newest fact of the state that is to be signed; if that state is signed already, the newest one of the signing keys.
pub(super) async fn of_index(
    store: &dyn EventStore,
    repository: RepositoryId,
    covers: Revision,
) -> Result<Option<EventId>, ReadError> {
    let stream = StreamId::new(Repository::KIND, repository.0);
    let facts = store.read_stream(&stream, Revision(covers.0.saturating_sub(1)), 2).await?;
    match facts.as_slice() {
        [_, next] if is_signature(next) => of_keys(store).await,
        facts => Ok(facts.first().map(|newest| newest.event_id)),
    }
}

/// The newest fact of the signing keys.
pub(super) async fn of_keys(store: &dyn EventStore) -> Result<Option<EventId>, ReadError> {
    let stream = StreamId::new(SigningKey::KIND, SigningKeyId::service().0);
    let (mut newest, mut after) = (None, Revision(0));
    loop {
        let facts = store.read_stream(&stream, after, PAGE_EVENTS_MAX).await?;
        let Some(last) = facts.last() else { return Ok(newest) };
        (newest, after) = (Some(last.event_id), last.revision);
    }
}

fn is_signature(recorded: &Recorded<RawEvent>) -> bool {
    matches!(event::decode(&recorded.event), Ok(Event::Repository(repository::Event::IndexSigned(_))))
}
