//! Placeholder: signing.
