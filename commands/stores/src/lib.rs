//! What is kept beside the log: blobs, sealed secrets and personal data.

pub mod blobs;
pub mod blocking;
pub mod key_usage;
pub mod personal;
pub mod scratch;
pub mod secrets;
