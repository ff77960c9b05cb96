//! What may be asked of an organisation.

use super::{Event, Organisation};
use crate::names::OrganisationName;

/// Most build slots one organisation can have.
pub const BUILD_SLOTS_MAX: u16 = 64;

/// A wish to change an organisation.
#[derive(Debug, Clone)]
pub enum Command {
    /// Create it.
    Create {
        /// What it is called in URLs.
        name: OrganisationName,
    },
    /// Build this many of its releases at the same time.
    SetBuildSlots {
        /// 1 to [`BUILD_SLOTS_MAX`].
        slots: u16,
    },
}

/// Why an organisation stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is taken.
    #[error("an organisation called \"{0}\" exists already")]
    NameTaken(OrganisationName),
    /// It does not exist.
    #[error("there is no such organisation")]
    Unknown,
    /// Too few or too many.
    #[error("an organisation has 1 to {BUILD_SLOTS_MAX} build slots, not {0}")]
    BuildSlotsOutOfRange(u16),
}

pub(super) fn decide(organisation: &Organisation, command: Command) -> Result<Vec<Event>, Refusal> {
    match (organisation, command) {
        (Organisation::Unknown, Command::Create { name }) => Ok(vec![Event::Created { name }]),
        (Organisation::Created { name, .. }, Command::Create { .. }) => Err(Refusal::NameTaken(name.clone())),
        (Organisation::Unknown, Command::SetBuildSlots { .. }) => Err(Refusal::Unknown),
        (_, Command::SetBuildSlots { slots }) if !(1..=BUILD_SLOTS_MAX).contains(&slots) => {
            Err(Refusal::BuildSlotsOutOfRange(slots))
        }
        (Organisation::Created { build_slots, .. }, Command::SetBuildSlots { slots }) if *build_slots == slots => {
            Ok(vec![])
        }
        (Organisation::Created { .. }, Command::SetBuildSlots { slots }) => Ok(vec![Event::BuildSlotsSet { slots }]),
    }
}
