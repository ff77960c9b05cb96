//! Machines that use their renewed key for the first time: noticed at the door, recorded here.

use std::sync::Arc;

use domain::{
    ids::{AccessKeyId, RepositoryId},
    keyring::{Command, Keyring},
};
use tokio::sync::mpsc;
use tracing::warn;

use crate::{
    causes::Causes,
    execute::{Context, Executor},
};

/// Most moves that wait to be recorded. Beyond it they are dropped: a machine is noticed again at its next request.
pub const MOVES_WAITING_MAX: usize = 10_000;
/// The name of this worker in events.
const WORKER: &str = "moves";

/// Takes notice of moves, without ever making a request wait.
#[derive(Debug, Clone)]
pub struct Moves(mpsc::Sender<(RepositoryId, AccessKeyId)>);

/// The door's side, and the worker that records what it notices.
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
    while let Some((repository, key)) = noticed.recv().await {
        let context = Context::of_worker(WORKER, None);
        let recorded = executor.execute::<Keyring>(repository.0, Command::RecordMoved { key }, &context).await;
        if let Err(error) = recorded {
            warn!(repository.id = %repository, "cannot record that a machine moved: {}", Causes(&error));
        }
    }
}
