//! The kernel as workers are started on it.

use std::{path::Path, sync::Arc, time::Duration};

use event_log::event_store::EventStore;
use tokio::sync::watch;

use super::{OpenError, Progress, Status, Worker, run::Run, states::States};

/// How long changes may wait until they are written down together. After a crash so much is folded and done again.
const SAVE_EVERY: Duration = Duration::from_secs(2);

/// The log that workers follow, and the file that holds their states. Cheap to clone.
#[derive(Clone)]
pub struct Kernel {
    log: Arc<dyn EventStore>,
    states: States,
    save_every: Duration,
}

impl Kernel {
    /// Workers that follow `log` and keep their states in the SQLite file at `path`, which is made if it is missing or damaged.
    ///
    /// # Errors
    /// The file can neither be opened nor be made.
    pub async fn open(log: Arc<dyn EventStore>, path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Ok(Self { log, states: States::open(path.as_ref()).await?, save_every: SAVE_EVERY })
    }

    /// The same, writing states down as often as a test wants.
    #[cfg(test)]
    pub(super) fn saving_every(self, save_every: Duration) -> Self {
        Self { save_every, ..self }
    }

    /// Runs `worker`. The future ends only if the worker's wake-ups do; dropping it stops the worker where it is.
    pub fn run<W: Worker>(&self, worker: W) -> impl Future<Output = ()> + Send + 'static + use<W> {
        self.follow(worker).1
    }

    /// The same, and how far it is.
    pub fn follow<W: Worker>(&self, worker: W) -> (Progress, impl Future<Output = ()> + Send + 'static + use<W>) {
        let (status, progress) = watch::channel(Status::default());
        let run = Run::new(Arc::new(worker), self.log.clone(), self.states.clone(), self.save_every, status);
        (Progress(progress), run.run())
    }
}
