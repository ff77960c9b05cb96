//! The tasks that run as long as a server does.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A part of the server that runs as long as the server does has ended.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot run without its {0}, which ended unexpectedly: the server's log says why")]
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

    /// Waits for the end of `serving`, which answers requests until some time after `stop`. What ends before `stop` is missed; what
    /// ends after it is to end.
    ///
    /// # Errors
    /// One of them ended, by itself or by a panic.
    pub(crate) async fn while_serving(
        &mut self,
        serving: impl Future<Output = ()>,
        stop: CancellationToken,
    ) -> Result<(), WorkerEnded> {
        let missed = async {
            tokio::select! {
                biased;
                () = stop.cancelled() => std::future::pending().await,
                ended = self.one_ended() => ended,
            }
        };
        tokio::select! {
            () = serving => Ok(()),
            ended = missed => Err(ended),
        }
    }

    async fn one_ended(&mut self) -> WorkerEnded {
        match self.tasks.join_next_with_id().await {
            Some(Ok((_, name))) => WorkerEnded(name),
            Some(Err(error)) => WorkerEnded(self.names.get(&error.id()).copied().unwrap_or("tasks")),
            None => std::future::pending().await,
        }
    }
}
