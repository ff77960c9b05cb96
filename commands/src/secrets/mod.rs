//! Placeholder: secrets.
