//! The tasks that run as long as a server does.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

/// A part of the server that runs as long as the server does has ended.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot go on without its {0}; the log says why it ended")]
pub struct WorkerEnded(&'static str);

/// The tasks that run as long as the server does. Dropping them ends them.
#[derive(Default)]
pub(crate) struct Workers {
    tasks: JoinSet<&'static str>,
    names: BTreeMap<tokio::task::Id, &'static str>,
}

impl Workers {
    /// Starts one, which is not to end.
    pub(crate) fn start(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(async move {
            work.await;
            name
        });
        self.names.insert(task.id(), name);
    }

    /// Returns when one of them ends, by itself or by a panic.
    pub(crate) async fn one_ended(&mut self) -> WorkerEnded {
        match self.tasks.join_next_with_id().await {
            Some(Ok((_, name))) => WorkerEnded(name),
            Some(Err(error)) => WorkerEnded(self.names.get(&error.id()).copied().unwrap_or("tasks")),
            None => std::future::pending().await,
        }
    }
}
