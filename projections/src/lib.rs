//! Read models, projected from the log: disposable, and rebuilt byte for byte.
//!
//! A [`runner::Runner`] follows the log through the [`LogReader`](ports::log_reader::LogReader) port and gives each event to every projector:
//! [`credentials`] (who may enter), [`dashboard`] (dashboards) and [`index`] (the APT and YUM indexes).

pub mod audit_index;
pub mod bulk;
pub mod checkpoint;
pub mod credentials;
pub mod dashboard;
pub mod projector;
pub mod read_models;
mod row_cache;
pub mod runner;
pub mod transparency;

#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
pub mod testing;
