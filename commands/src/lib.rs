//! How things come to happen: the one writer of the log, and the machinery that turns a tag into signed packages.

pub mod blobs;
pub mod blocking;
pub mod building;
pub mod causes;
pub mod deliveries;
pub mod event_store;
pub mod execute;
pub mod github;
pub mod installers;
pub mod log_lines;
pub mod log_signer;
pub mod packages;
pub mod packaging;
pub mod personal;
pub mod publishing;
pub mod refused_triggers;
pub mod releases;
pub mod rolls;
pub mod secrets;
pub mod signing;
pub mod signing_keys;
pub mod source;
