//! What people see: read models projected from the log, disposable and rebuilt byte for byte.
//!
//! A [`runner::Runner`] follows the log through the [`feed::Feed`] port and gives each event to every projector:
//! [`credentials`] (who may enter), [`board`] (dashboards) and [`index`] (the APT and YUM indexes).

pub mod blob;
pub mod board;
pub mod bulk;
pub mod checkpoint;
pub mod credentials;
pub mod feed;
pub mod history;
mod kept;
pub mod projector;
pub mod read_models;
pub mod runner;
pub mod transparency;

#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
