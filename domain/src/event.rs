//! Placeholder.

/// Any fact of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {}
