//! The stores beside the log: blobs, sealed secrets, personal data and key usage.

pub mod blobs;
pub mod blocking;
pub mod key_usage;
pub mod personal;
pub mod scratch;
pub mod secrets;
