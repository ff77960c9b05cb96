//! The trait of all aggregates: a state folded from events, and a function that turns a command into new events.

use serde::{Serialize, de::DeserializeOwned};

use crate::stream_kind::StreamKind;

/// A consistency boundary: one stream of events, one decider.
pub trait Aggregate: Default + Send + Sync + 'static {
    /// The kind of the aggregate's streams: the first part of their names and of each event's name.
    const KIND: StreamKind;
    /// The commands of the aggregate.
    type Command: Clone + Send;
    /// What has happened.
    type Event: EventShape;
    /// Why a command is refused, as a message for its sender.
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// The events that follow from `command`; none if the state is already as wanted.
    ///
    /// # Errors
    /// The reason why the rules forbid it.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The state after one more event. Never fails: a recorded event is valid.
    fn evolve(&mut self, event: &Self::Event);

    /// Roughly how many bytes of memory the state takes. Asked for after each event, so it must not walk through the
    /// state.
    fn weight_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// The functions of an event's type that the log needs.
pub trait EventShape: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The name on the wire, `<kind>.<past_tense>`.
    fn name(&self) -> &'static str;
}

/// The state after all of `events`.
pub fn fold<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> A {
    let mut state = A::default();
    for event in events {
        state.evolve(&event);
    }
    state
}
