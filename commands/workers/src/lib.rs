//! The worker kernel: everything that follows the log and acts on it runs here.
//!
//! A [`Worker`] says which events it follows, how they change its state, and what to do for each row of that state. The
//! kernel does the rest: it reads the log, keeps the state and the position in it on disk, runs the actions, tries again what
//! failed, and reports how far the worker has come. See decision 0035.
//!
//! The state holds what is still to do, one row for each thing. An action may run more than once: after a crash the last
//! rows and events are read again.

mod backoff;
mod items;
mod kernel;
mod meter;
mod progress;
mod run;
mod schedule;
mod states;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use domain::{event::Event, recorded::Recorded};
use event_log::event_store::{BoxError, Filter};
use futures::{StreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::watch, time::Instant};

pub use self::{
    backoff::Backoff,
    items::Items,
    kernel::Kernel,
    progress::{Progress, Status},
    states::OpenError,
};

/// What names a row of a worker's state.
pub trait Key: Clone + Ord + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<K: Clone + Ord + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static> Key for K {}

/// A row of a worker's state.
pub trait Item: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<V: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static> Item for V {}

/// A part of the service that acts on its own: on what the log says, on what read models say, or when a time has come.
pub trait Worker: Send + Sync + 'static {
    /// What there is something to do for: a release, a repository.
    type Key: Key;
    /// What is known of it.
    type Item: Item;

    /// Its name, what it follows, and how its actions run. The same at every call.
    fn spec(&self) -> Spec;

    /// Takes in an event that passed the filter. What it does to `items` depends on nothing but these and the event.
    ///
    /// A row that is inserted or changed here is acted on; one that is done is removed, so that the state stays small.
    fn fold(&self, _event: &Recorded<Event>, _items: &mut Items<Self::Key, Self::Item>) {}

    /// Looks at what the log does not tell: once when the end of the log was reached first, and whenever [`Self::wake`] says so.
    fn look(&self, _items: &mut Items<Self::Key, Self::Item>) {}

    /// Says when to look again. When the stream ends, the worker ends.
    fn wake(&self) -> BoxStream<'static, ()> {
        stream::pending().boxed()
    }

    /// Starts what is to be done for `key`, which has a row; `None` if that is nothing. May tidy up `items`.
    ///
    /// The action must be safe to repeat and to drop at any point. There is never more than one at a time for a key.
    fn act(self: Arc<Self>, key: &Self::Key, items: &mut Items<Self::Key, Self::Item>) -> Option<Action>;
}

/// What is done for one row.
pub type Action = BoxFuture<'static, Result<Next, ActionError>>;

/// What becomes of a row after its action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is done: the row is removed, unless it has changed meanwhile.
    Done,
    /// The row stays, and is acted on when it changes.
    Idle,
    /// The row stays, and is acted on when it changes, at this time at the latest.
    At(Instant),
}

/// An action failed, and is tried again later.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ActionError {
    what: String,
    source: BoxError,
}

impl ActionError {
    /// `what` says what could not be done, and for whom.
    #[must_use]
    pub fn new(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self { what: what.into(), source: source.into() }
    }
}

/// What a worker is called and how it runs.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its name, in metrics, log lines and the file of states.
    pub name: &'static str,
    /// The events that it folds. Without a filter it does not read the log, and nothing of it is kept on disk.
    pub follows: Option<Filter>,
    /// To be raised when `fold`, the keys or the items change their meaning: then the log is folded again from the beginning.
    pub fold_version: u32,
    /// Most actions that run at the same time.
    pub at_once_max: usize,
    /// How long to wait after a failure.
    pub retry: Backoff,
    /// Whether a running action is dropped when its row changes. Otherwise it ends first.
    pub stops_when_changed: bool,
}

impl Spec {
    /// A worker that follows the events of these names. Its actions run one after the other.
    #[must_use]
    pub fn following<S: Into<String>>(
        name: &'static str,
        fold_version: u32,
        event_names: impl IntoIterator<Item = S>,
    ) -> Self {
        Self { follows: Some(Filter::names(event_names)), fold_version, ..Self::looking(name) }
    }

    /// A worker that does not read the log: what it has to do is what [`Worker::look`] finds.
    #[must_use]
    pub fn looking(name: &'static str) -> Self {
        Self {
            name,
            follows: None,
            fold_version: 0,
            at_once_max: 1,
            retry: Backoff::default(),
            stops_when_changed: false,
        }
    }
}

/// Wakes whenever the watched value changes; ends with its sender.
pub fn on_change<T: Send + Sync + 'static>(changes: watch::Receiver<T>) -> BoxStream<'static, ()> {
    let next = |mut changes: watch::Receiver<T>| async move {
        changes.changed().await.ok()?;
        Some(((), changes))
    };
    stream::unfold(changes, next).boxed()
}
