//! Repositories, installers and logs, as clients get them.

pub mod installers;
pub mod ops;
pub mod repositories;
pub mod transparency;
