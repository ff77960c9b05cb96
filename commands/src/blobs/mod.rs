//! Placeholder: blobs.
