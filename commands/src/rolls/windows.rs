//! Closes grace windows when their time is over or everyone has moved, and deletes the sealed keys of closed ones.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    ids::RepositoryId,
    keyring::{Command, Keyring, WindowEnd},
};
use tokio::{sync::watch, time::timeout};
use tracing::{info, warn};

use super::{HandOverError, Rolls};
use crate::{
    causes::Causes,
    execute::{Context, ExecuteError},
};

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
        loop {
            wake.borrow_and_update();
            let pause = match self.settle().await {
                Ok(pause) => pause,
                Err(error) => {
                    warn!("cannot close a grace window: {}", Causes(&error));
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
    async fn settle(&self) -> Result<Duration, HandOverError> {
        for window in self.windows.closed() {
            self.delete_sealed(window).await?;
        }
        let now = self.rolls.executor.now();
        let mut pause = SLEEP_MAX;
        for window in self.windows.open() {
            if window.until <= now {
                self.close(window, WindowEnd::TimeOver).await?;
            } else {
                if window.every_machine_moved {
                    self.close(window, WindowEnd::EveryoneMoved).await?;
                }
                pause = pause.min((window.until - now).to_std().unwrap_or_default());
            }
        }
        Ok(pause)
    }

    async fn close(&self, window: OpenWindow, because: WindowEnd) -> Result<(), HandOverError> {
        let OpenWindow { repository, generation, .. } = window;
        let close = Command::CloseGrace { generation, because, now: self.rolls.executor.now() };
        let context = Context::of_worker(WORKER, None);
        match self.rolls.executor.execute::<Keyring>(repository.0, close, &context).await {
            Ok(closed) if closed.events.is_empty() => Ok(()),
            Ok(_) => {
                info!(repository.id = %repository, "closed the grace window of {repository}: {}", because.as_str());
                Ok(())
            }
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Refused(refusal)) => Err(HandOverError::Refused(refusal)),
        }
    }

    async fn delete_sealed(&self, window: ClosedWindow) -> Result<(), HandOverError> {
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
        let context = Context::of_worker(WORKER, None);
        match self.rolls.executor.execute::<Keyring>(repository.0, record, &context).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Log(error)) => Err(error.into()),
            Err(ExecuteError::Refused(refusal)) => Err(HandOverError::Refused(refusal)),
        }
    }
}
