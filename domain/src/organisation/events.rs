//! The facts of an organisation.

use serde::{Deserialize, Serialize};

use crate::names::OrganisationName;

/// What can have happened to an organisation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It exists from now on, under this name.
    Created {
        /// What it is called in URLs.
        name: OrganisationName,
    },
    /// This many of its releases are built at the same time.
    BuildSlotsSet {
        /// At least 1.
        slots: u16,
    },
}
