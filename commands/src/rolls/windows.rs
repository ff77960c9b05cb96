//! Closes grace windows when their time is over or everyone has moved, and deletes the sealed keys of closed ones.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    error_chain::ErrorChain,
    ids::RepositoryId,
    keyring::{Command, Event, Keyring, WindowEnd},
};
use event_log::execute::{Context, ExecuteError, LogError};
use tokio::{sync::watch, time::timeout};
use tracing::{info, warn};

use super::{HandoverError, Rolls, causes::KeyringCauses};

/// How long to wait after the log or the secret store failed.
const RETRY_PAUSE: Duration = Duration::from_secs(5);
/// Longest sleep: the clock may be set meanwhile.
const SLEEP_MAX: Duration = Duration::from_secs(3_600);
/// The name of this worker in events.
const WORKER: &str = "grace";

/// The windows that there are, from the read models.
pub trait Windows: Send + Sync + 'static {
    /// Those whose end is not recorded.
    fn open(&self) -> Vec<OpenWindow>;
    /// Those that closed, and whose sealed keys are not deleted.
    fn closed(&self) -> Vec<ClosedWindow>;
    /// Moves whenever one of the answers may have changed.
    fn wake(&self) -> watch::Receiver<u64>;
}

/// A window whose end is not recorded.
#[derive(Debug, Clone, Copy)]
pub struct OpenWindow {
    /// Whose keys.
    pub repository: RepositoryId,
    /// The newest generation.
    pub generation: u32,
    /// When older keys end.
    pub until: DateTime<Utc>,
    /// Every machine has used its new key.
    pub every_machine_moved: bool,
}

/// A window that closed, whose sealed keys are not deleted.
#[derive(Debug, Clone, Copy)]
pub struct ClosedWindow {
    /// Whose keys.
    pub repository: RepositoryId,
    /// The generation that began with it.
    pub generation: u32,
}

/// The worker.
pub struct WindowCloser {
    /// Deletes sealed keys and runs commands.
    pub rolls: Rolls,
    /// What there is to do.
    pub windows: Arc<dyn Windows>,
}

impl WindowCloser {
    /// Works until it is dropped. Older keys do not live longer when it is late: who enters is judged by the time.
    pub async fn run(self) {
        let mut wake = self.windows.wake();
        let mut causes = KeyringCauses::new(self.rolls.executor.store().clone());
        loop {
            wake.borrow_and_update();
            let pause = match self.settle(&mut causes).await {
                Ok(pause) => pause,
                Err(error) => {
                    warn!("cannot close a grace window: {}", ErrorChain(&error));
                    RETRY_PAUSE
                }
            };
            // Nothing changes the answers but what wakes us, and time.
            if let Ok(Err(_)) = timeout(pause, wake.changed()).await {
                return;
            }
        }
    }

    /// Does what is to be done now, and answers with how long nothing will be.
    async fn settle(&self, causes: &mut KeyringCauses) -> Result<Duration, HandoverError> {
        for window in self.windows.closed() {
            self.delete_sealed(window, causes).await?;
        }
        let now = self.rolls.executor.now();
        let mut pause = SLEEP_MAX;
        for window in self.windows.open() {
            if window.until <= now {
                self.close(window, WindowEnd::TimeOver, causes).await?;
            } else {
                if window.every_machine_moved && self.everyone_moved(window).await? {
                    self.close(window, WindowEnd::EveryoneMoved, causes).await?;
                }
                pause = pause.min((window.until - now).to_std().unwrap_or_default());
            }
        }
        Ok(pause)
    }

    /// Asked before what led to it: so that is in the log by then.
    async fn everyone_moved(&self, window: OpenWindow) -> Result<bool, LogError> {
        let now = self.rolls.executor.now();
        self.rolls.executor.inspect::<Keyring, _>(window.repository.0, |keyring, _| keyring.everyone_moved(now)).await
    }

    async fn close(
        &self,
        window: OpenWindow,
        because: WindowEnd,
        causes: &mut KeyringCauses,
    ) -> Result<(), HandoverError> {
        let OpenWindow { repository, generation, .. } = window;
        let close = Command::CloseGrace { generation, because, now: self.rolls.executor.now() };
        let cause = causes.of(repository, &Event::GraceClosed { generation, because }).await?;
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

    async fn delete_sealed(&self, window: ClosedWindow, causes: &mut KeyringCauses) -> Result<(), HandoverError> {
        let ClosedWindow { repository, generation } = window;
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
        let cause = causes.of(repository, &Event::SealedKeysDeleted { generation }).await?;
        let context = Context::of_worker(WORKER, cause);
        match self.rolls.executor.execute::<Keyring>(repository.0, record, &context).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Refused(refusal)) => Err(HandoverError::Refused(refusal)),
        }
    }
}
