//! Placeholder: publishing.
