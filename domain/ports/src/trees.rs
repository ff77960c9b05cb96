//! The trees over the transparency logs' entries.

use domain::{
    checkpoint::{LogName, LogState},
    digest::Sha256,
};
use futures::future::BoxFuture;

use crate::BoxError;

/// The trees over the logs' entries.
pub trait Trees: Send + Sync + 'static {
    /// The newest state of a log; none if it has no entry.
    fn now(&self, log: LogName) -> Option<LogState>;
    /// The root that the log had with `size` entries; none if it has fewer.
    fn root_at(&self, log: LogName, size: u64) -> BoxFuture<'_, Result<Option<Sha256>, BoxError>>;
}
