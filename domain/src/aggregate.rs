//! The trait of all aggregates: a state folded from events, and a function that turns a command into new events.

use serde::{Serialize, de::DeserializeOwned};

/// A consistency boundary: one stream of events, one decider.
pub trait Aggregate: Default + Send + Sync + 'static {
    /// The first part of the stream's name and of each event's name: `release` in `release-<id>`.
    const KIND: &'static str;
    /// What someone wants to happen.
    type Command: Clone + Send;
    /// What has happened.
    type Event: EventShape;
    /// Why a command is not allowed, in words for its sender.
    type Refusal: std::error::Error + Send + Sync + 'static;

    /// The facts that follow from `command`; none when they are already so.
    ///
    /// # Errors
    /// The reason why the rules forbid it.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// The state after one more fact. Never fails: a recorded fact is true.
    fn evolve(&mut self, event: &Self::Event);

    /// Roughly how many bytes of memory the state takes. Asked for after each event, so it must not walk through the state.
    fn weight_bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// What the log needs to know of an event's type.
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
