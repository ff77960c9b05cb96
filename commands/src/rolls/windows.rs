//! Closes grace windows when their time is over or everyone has moved, and deletes the sealed keys of closed ones.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    ids::RepositoryId,
    keyring::{Command, Event, Keyring, WindowEnd},
};
use event_log::execute::{Context, ExecuteError, LogError};
use futures::{FutureExt as _, stream::BoxStream};
use ports::grace_windows::{ClosedWindow, OpenWindow, Windows};
use serde::{Deserialize, Serialize};
use tokio::{sync::Mutex, time::Instant};
use tracing::info;
use workers::{Action, ActionError, Items, Next, Spec, Worker, on_change};

use super::{HandoverError, Rolls, causes::KeyringCauses};

/// Longest sleep: the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);
/// The name of this worker in events.
const WORKER: &str = "grace";

/// The worker.
pub struct WindowCloser {
    /// Deletes sealed keys and runs commands.
    rolls: Rolls,
    /// What there is to do.
    windows: Arc<dyn Windows>,
    causes: Mutex<KeyringCauses>,
}

/// A window, as the read models have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// Its end is not recorded.
    Open {
        /// When older keys end.
        until: DateTime<Utc>,
        /// Every machine has used its new key.
        every_machine_moved: bool,
    },
    /// It closed, and its sealed keys are not deleted.
    Closed,
}

/// What is to be done is in the read models. Older keys do not live longer when it is late: who enters is judged by the time.
impl Worker for WindowCloser {
    type Key = (RepositoryId, u32);
    type Item = Window;

    fn spec(&self) -> Spec {
        Spec::looking(WORKER)
    }

    fn look(&self, items: &mut Items<Self::Key, Window>) {
        let mut windows = BTreeMap::new();
        for OpenWindow { repository, generation, until, every_machine_moved } in self.windows.open() {
            windows.insert((repository, generation), Window::Open { until, every_machine_moved });
        }
        for ClosedWindow { repository, generation } in self.windows.closed() {
            windows.insert((repository, generation), Window::Closed);
        }
        items.retain(|key, _| windows.contains_key(key));
        windows.into_iter().for_each(|(key, window)| items.insert(key, window));
        // A machine may have moved that the read models knew of before: the rules decide.
        items.touch_all();
    }

    fn wake(&self) -> BoxStream<'static, ()> {
        on_change(self.windows.wake())
    }

    fn act(self: Arc<Self>, key: &Self::Key, items: &mut Items<Self::Key, Window>) -> Option<Action> {
        let (key, window) = (*key, items.get(key)?.clone());
        let settling = async move {
            let failed = |cause| ActionError::new(format!("cannot close the grace window of {}", key.0), cause);
            self.settle(key, window).await.map_err(failed)
        };
        Some(settling.boxed())
    }
}

impl WindowCloser {
    /// Closes what `windows` say is over.
    #[must_use]
    pub fn new(rolls: Rolls, windows: Arc<dyn Windows>) -> Self {
        let causes = Mutex::new(KeyringCauses::new(rolls.executor.store().clone()));
        Self { rolls, windows, causes }
    }

    /// Does what is to be done now. The row goes when the read models show it.
    async fn settle(
        &self,
        (repository, generation): (RepositoryId, u32),
        window: Window,
    ) -> Result<Next, HandoverError> {
        let (until, every_machine_moved) = match window {
            Window::Closed => return self.delete_sealed(repository, generation).await.map(|()| Next::Idle),
            Window::Open { until, every_machine_moved } => (until, every_machine_moved),
        };
        let now = self.rolls.executor.now();
        if until <= now {
            return self.close(repository, generation, WindowEnd::TimeOver).await.map(|()| Next::Idle);
        }
        if every_machine_moved && self.everyone_moved(repository).await? {
            return self.close(repository, generation, WindowEnd::EveryoneMoved).await.map(|()| Next::Idle);
        }
        let left = (until - now).to_std().unwrap_or_default().min(SLEEP_MAX);
        Ok(Next::At(Instant::now() + left))
    }

    /// Asked before what led to it: so that is in the log by then.
    async fn everyone_moved(&self, repository: RepositoryId) -> Result<bool, LogError> {
        let now = self.rolls.executor.now();
        self.rolls.executor.inspect::<Keyring, _>(repository.0, |keyring, _| keyring.everyone_moved(now)).await
    }

    async fn close(&self, repository: RepositoryId, generation: u32, because: WindowEnd) -> Result<(), HandoverError> {
        let close = Command::CloseGrace { generation, because, now: self.rolls.executor.now() };
        let cause = self.causes.lock().await.of(repository, &Event::GraceClosed { generation, because }).await?;
        let context = Context::of_worker(WORKER, cause);
        match self.rolls.executor.execute::<Keyring>(repository.0, close, &context).await {
            Ok(closed) if closed.events.is_empty() => Ok(()),
            Ok(_) => {
                info!(repository.id = %repository, "closed the grace window of {repository}: {}", because.as_str());
                Ok(())
            }
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Refused(refusal)) => Err(HandoverError::Refused(refusal)),
        }
    }

    async fn delete_sealed(&self, repository: RepositoryId, generation: u32) -> Result<(), HandoverError> {
        let keys = self
            .rolls
            .executor
            .inspect::<Keyring, _>(repository.0, |keyring, _| {
                keyring.forgettable().find(|(of, _)| *of == generation).map(|(_, keys)| keys.to_vec())
            })
            .await?;
        let Some(keys) = keys else { return Ok(()) };
        self.rolls.delete(keys).await?;
        let record = Command::RecordSealedKeysDeleted { generation };
        let cause = self.causes.lock().await.of(repository, &Event::SealedKeysDeleted { generation }).await?;
        let context = Context::of_worker(WORKER, cause);
        match self.rolls.executor.execute::<Keyring>(repository.0, record, &context).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Refused(refusal)) => Err(HandoverError::Refused(refusal)),
        }
    }
}
