//! One organisation's transparency log, read directly from the event log, without a running server.

use std::{collections::HashSet, sync::Arc};

use domain::{
    canonical,
    checkpoint::{LogName, LogState},
    digest::Sha256,
    event::decode,
    ids::OrganisationId,
    merkle::{Accumulator, leaf_hash},
    recorded::{Position, RawEvent, Recorded, StreamId},
    tenancy::{Owner, owner},
};
use event_log::event_store::{BoxError, EventStore, Events, Filter, ReadError};
use futures::future::BoxFuture;
use ports::trees::Trees;

/// The events of one organisation, in their order.
pub(super) struct TenantEntries<'a> {
    events: Events<'a>,
    organisation: OrganisationId,
    streams: HashSet<StreamId>,
}

impl<'a> TenantEntries<'a> {
    /// The events up to the position `until`, which must exist.
    pub(super) fn new(log: &'a dyn EventStore, organisation: OrganisationId, until: Position) -> Self {
        Self { events: Events::up_to(log, until, Filter::all()), organisation, streams: HashSet::new() }
    }

    /// The next event, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Recorded<RawEvent>>, ReadError> {
        while let Some(event) = self.events.next().await? {
            if self.is_its(&event) {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Follows the same rules as the projection of the transparency logs.
    fn is_its(&mut self, event: &Recorded<RawEvent>) -> bool {
        let is_first = event.revision.0 == 1;
        let decoded = is_first.then(|| decode(&event.event).ok()).flatten();
        match owner(&event.stream, decoded.as_ref()) {
            Owner::Server => false,
            Owner::OwnerOf(stream) => self.streams.contains(&stream),
            Owner::Organisation(of) => {
                let is_its = of == self.organisation;
                if is_its && is_first {
                    self.streams.insert(event.stream.clone());
                }
                is_its
            }
        }
    }
}

/// The Merkle tree over these events, for signing checkpoints.
pub(super) struct TenantTree {
    pub(super) log: Arc<dyn EventStore>,
    pub(super) organisation: OrganisationId,
    /// The state to be signed.
    pub(super) now: LogState,
}

impl Trees for TenantTree {
    fn now(&self, _: LogName) -> Option<LogState> {
        Some(self.now)
    }

    /// Reads the log again: the last signed state may be earlier or later than the current one.
    fn root_at(&self, _: LogName, size: u64) -> BoxFuture<'_, Result<Option<Sha256>, BoxError>> {
        Box::pin(async move {
            let head = self.log.head().await?;
            let mut entries = TenantEntries::new(&*self.log, self.organisation, head);
            let mut tree = Accumulator::default();
            while tree.size() < size {
                let Some(event) = entries.next().await? else { return Ok(None) };
                tree.push(leaf_hash(canonical::line(&event).as_bytes()));
            }
            Ok(Some(tree.root()))
        })
    }
}
