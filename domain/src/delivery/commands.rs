//! Commands to change a delivery, and why they are refused.

use super::{Delivery, DeliveryGuid, Event, Outcome};
use crate::ids::ProjectId;

/// Longest kind of event that is recorded. GitHub's longest has 43 characters.
pub(crate) const HOOK_EVENT_MAX_CHARS: usize = 64;

/// A command to change a delivery.
#[derive(Debug, Clone)]
pub enum Command {
    /// Record it with its outcome. A repetition changes nothing: the first outcome stays.
    Receive {
        /// The project whose webhook it was sent to.
        project: ProjectId,
        /// What GitHub calls it.
        delivery: DeliveryGuid,
        /// What GitHub says it is about.
        hook_event: String,
        /// The numeric id of the code repository it is about.
        repository_id: Option<u64>,
        /// What follows from it.
        outcome: Outcome,
    },
}

/// Why a delivery is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No event of GitHub's is called so.
    #[error(
        "the kind of the webhook delivery is not valid: expected 1 to {HOOK_EVENT_MAX_CHARS} lower-case letters, digits and _"
    )]
    HookEventInvalid,
}

pub(super) fn decide(delivery: &Delivery, command: Command) -> Result<Vec<Event>, Refusal> {
    let Command::Receive { project, delivery: guid, hook_event, repository_id, outcome } = command;
    match delivery {
        _ if !valid_hook_event(&hook_event) => Err(Refusal::HookEventInvalid),
        Delivery::Unknown => Ok(vec![Event::Received { project, delivery: guid, hook_event, repository_id, outcome }]),
        Delivery::Received(_) => Ok(vec![]),
    }
}

/// Whether GitHub may call a kind of event so.
#[must_use]
pub fn valid_hook_event(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (1..=HOOK_EVENT_MAX_CHARS).contains(&text.len()) && text.bytes().all(plain)
}
