//! Placeholder: event_store.
