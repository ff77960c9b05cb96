//! The domain: events, the rules for commands, and the types with the product's terms.
//!
//! Pure functions only. Time and random values arrive as arguments; `clippy.toml` bans the rest.

pub mod account;
pub mod aggregate;
pub mod canonical;
pub mod checkpoint;
pub mod ci_proof;
pub mod config;
pub mod delivery;
pub mod digest;
pub mod error_chain;
pub mod event;
pub mod feed;
pub mod fingerprint;
pub mod ids;
pub mod keyring;
pub mod merkle;
pub mod names;
pub mod organisation;
pub mod package;
pub mod personal;
pub mod project;
pub mod recorded;
pub mod release;
pub mod repository;
pub mod signing_key;
pub mod size;
pub mod stream_kind;
pub mod tenancy;
pub mod token;
pub mod version;
mod weight;

#[cfg(test)]
mod testing;
