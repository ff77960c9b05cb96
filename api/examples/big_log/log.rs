//! Appending in large batches, with the ids and revisions that the events would have got one by one.

use std::{collections::HashMap, sync::Arc};

use chrono::TimeDelta;
use domain::{
    digest::Sha256,
    event::{Event, encode},
    ids::{CommandId, EventId},
    recorded::{Actor, Metadata, Revision, StreamId},
};
use event_log::event_store::{EventStore, Expected, NewEvent};
use futures::future::try_join_all;
use tokio::task::unconstrained;
use uuid::Uuid;

use super::{Outcome, tick};

/// Appends that wait to be handed to the store together.
const WAITING_APPENDS_MAX: usize = 400;
/// Events of one stream that go into one append.
const APPENDED_TOGETHER_MAX: usize = 100;

/// The log as it grows.
pub(super) struct Log {
    store: Arc<dyn EventStore>,
    revisions: HashMap<StreamId, u64>,
    waiting: Vec<(StreamId, Expected, Vec<NewEvent>)>,
    ids: u64,
}

impl Log {
    pub(super) fn new(store: Arc<dyn EventStore>) -> Self {
        Self { store, revisions: HashMap::new(), waiting: Vec::new(), ids: 0 }
    }

    /// A fresh digest, the same in every run.
    pub(super) fn digest(&mut self) -> Sha256 {
        self.ids += 1;
        Sha256::of(&self.ids.to_be_bytes())
    }

    /// A fresh id, the same in every run.
    pub(super) fn id(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.digest().0[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// `events` follow from one command each; the first one's cause is `because`, a later one's the same.
    pub(super) fn push(
        &mut self,
        kind: &str,
        id: Uuid,
        events: Vec<Event>,
        actor: &Actor,
        because: Option<EventId>,
    ) -> Vec<EventId> {
        let stream = StreamId::new(kind.parse().expect("a kind of stream"), id);
        let revision = *self.revisions.entry(stream.clone()).or_default();
        let mut new = Vec::with_capacity(events.len());
        for (revision, event) in (revision..).zip(&events) {
            let command_id = CommandId(self.id());
            new.push(NewEvent {
                event_id: EventId::of_command(command_id, stream.as_str(), revision),
                event: encode(event),
                metadata: Metadata {
                    recorded_at: tick(TimeDelta::milliseconds(700)),
                    actor: actor.clone(),
                    command_id,
                    causation: because,
                    origin: None,
                },
            });
        }
        self.revisions.insert(stream.clone(), revision + events.len() as u64);
        let ids = new.iter().map(|event| event.event_id).collect();
        match self.waiting.last_mut() {
            Some((last, _, waiting)) if *last == stream && waiting.len() + new.len() <= APPENDED_TOGETHER_MAX => {
                waiting.extend(new);
            }
            _ => self.waiting.push((stream, Expected::Revision(Revision(revision)), new)),
        }
        ids
    }

    /// Counts an event that other code appended to the stream.
    pub(super) fn appended_by_another(&mut self, kind: &str, id: Uuid) {
        *self.revisions.entry(StreamId::new(kind.parse().expect("a kind of stream"), id)).or_default() += 1;
    }

    /// Hands over what waits if it is much.
    pub(super) async fn flush_some(&mut self) -> Outcome<()> {
        if self.waiting.len() >= WAITING_APPENDS_MAX { self.flush().await } else { Ok(()) }
    }

    /// Returns when everything is recorded. The store takes appends in the order in which they are handed over.
    pub(super) async fn flush(&mut self) -> Outcome<()> {
        let waiting = std::mem::take(&mut self.waiting);
        // Without tokio's budget, which would let a later append come before an earlier one.
        let appends = waiting
            .iter()
            .map(|(stream, expected, new)| unconstrained(self.store.append(stream, *expected, new.clone())));
        try_join_all(appends).await?;
        Ok(())
    }
}
