//! Placeholder: building.
