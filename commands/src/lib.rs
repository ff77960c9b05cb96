//! How things come to happen: the one writer of the log, and the machinery that turns a tag into signed packages.

pub mod deliveries;
pub mod github;
pub mod installers;
pub mod packages;
pub mod publishing;
pub mod refused_triggers;
pub mod releases;
pub mod rolls;
pub mod signing_keys;
