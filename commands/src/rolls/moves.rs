//! Machines that use their renewed key for the first time: noticed when access is checked, recorded here.

use std::sync::Arc;

use domain::{
    error_chain::ErrorChain,
    ids::{AccessKeyId, RepositoryId},
    keyring::{Command, Event, Keyring, Refusal},
};
use event_log::execute::{Context, ExecuteError, Executor};
use tokio::sync::mpsc;
use tracing::warn;

use super::causes::KeyringCauses;

/// Most moves that wait to be recorded. Beyond it they are dropped: a machine is noticed again at its next request.
pub(crate) const MOVES_WAITING_MAX: usize = 10_000;
/// The name of this worker in events.
const WORKER: &str = "moves";

/// Takes notice of moves, without ever making a request wait.
#[derive(Debug, Clone)]
pub struct Moves(mpsc::Sender<(RepositoryId, AccessKeyId)>);

/// The side that checks access, and the worker that records what it notices.
pub fn moves(executor: Arc<Executor>) -> (Moves, impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = mpsc::channel(MOVES_WAITING_MAX);
    (Moves(sender), record(executor, receiver))
}

impl Moves {
    /// The machine that has this key has used it.
    pub fn notice(&self, repository: RepositoryId, key: AccessKeyId) {
        // Full or closed: the machine is noticed again.
        let _ = self.0.try_send((repository, key));
    }
}

async fn record(executor: Arc<Executor>, mut noticed: mpsc::Receiver<(RepositoryId, AccessKeyId)>) {
    let mut causes = KeyringCauses::new(executor.store().clone());
    while let Some((repository, key)) = noticed.recv().await {
        if let Err(error) = record_one(&executor, &mut causes, repository, key).await {
            warn!(repository.id = %repository, "cannot record that a machine moved: {}", ErrorChain(&error));
        }
    }
}

async fn record_one(
    executor: &Executor,
    causes: &mut KeyringCauses,
    repository: RepositoryId,
    key: AccessKeyId,
) -> Result<(), ExecuteError<Refusal>> {
    let handed_over = causes.of(repository, &Event::MachineMoved { key }).await?;
    let context = Context::of_worker(WORKER, handed_over);
    executor.execute::<Keyring>(repository.0, Command::RecordMoved { key }, &context).await?;
    Ok(())
}
