//! Deliveries: what GitHub's webhook sent. Each has its own stream, so that no delivery is processed twice.

mod commands;
mod events;
mod guid;
#[cfg(test)]
mod tests;

pub use self::{
    commands::{Command, Refusal, valid_hook_event},
    events::{Event, Ignored, Outcome},
    guid::{DeliveryGuid, InvalidDeliveryGuid},
};
use crate::{
    aggregate::Aggregate,
    ids::{self, DeliveryId, ProjectId},
    stream_kind::StreamKind,
};

/// The state of a delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It was never received.
    #[default]
    Unknown,
    /// It was received, with this outcome.
    Received(Outcome),
}

impl Delivery {
    /// Its outcome, if it was received.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Unknown => None,
            Self::Received(outcome) => Some(outcome),
        }
    }
}

impl DeliveryId {
    /// The delivery that GitHub calls `guid` and sent to `project`: the same for every redelivery, for ever.
    #[must_use]
    pub fn named(project: ProjectId, guid: &DeliveryGuid) -> Self {
        Self(ids::named("delivery", &[&project.to_string(), guid.as_str()]))
    }
}

impl Aggregate for Delivery {
    const KIND: StreamKind = StreamKind::Delivery;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        commands::decide(self, command)
    }

    fn evolve(&mut self, event: &Event) {
        let Event::Received { outcome, .. } = event;
        *self = Self::Received(outcome.clone());
    }
}
