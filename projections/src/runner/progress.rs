//! The progress of projectors, and waiting for them.

use domain::recorded::Position;
use tokio::sync::watch;

/// The state of all projectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// One for each projector.
    pub projectors: Vec<ProjectorHealth>,
    /// What does not move at the moment, and why: it is tried again, unless the runner has ended.
    pub trouble: Option<String>,
}

/// The state of one projector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectorHealth {
    /// Its name.
    pub name: &'static str,
    /// Every event up to here shows in its answers.
    pub position: Position,
    /// Why it stopped for good, if it did: the event, and what is wrong with it.
    pub stopped: Option<String>,
    /// The event's position, if it stopped.
    pub stopped_at: Option<Position>,
}

impl Health {
    /// Is everything moving?
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.trouble.is_none() && self.projectors.iter().all(|projector| projector.stopped.is_none())
    }
}

/// What was waited for will not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// A projector stopped before it.
    #[error("projector {name}, which fills read models (tables built from the event log), has stopped: {why}")]
    Stopped {
        /// Which.
        name: &'static str,
        /// The event, and what is wrong with it.
        why: String,
    },
    /// The runner has ended.
    #[error("the projectors, which fill the read models (tables built from the event log), have ended")]
    Ended,
}

/// Follows the runner. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress(watch::Receiver<Health>);

impl Progress {
    pub(super) fn new(health: watch::Receiver<Health>) -> Self {
        Self(health)
    }

    /// The state of all projectors now.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut health = self.0.borrow().clone();
        if self.0.has_changed().is_err() {
            health.trouble.get_or_insert_with(|| WaitError::Ended.to_string());
        }
        health
    }

    /// Every event up to here shows in every projector's answers.
    #[must_use]
    pub fn position(&self) -> Position {
        self.0.borrow().projectors.iter().map(|projector| projector.position).min().unwrap_or_default()
    }

    /// Returns when the event at `position` shows in every projector's answers: read your own writes.
    ///
    /// # Errors
    /// It never will.
    pub async fn wait_for(&self, position: Position) -> Result<(), WaitError> {
        self.wait(position, |_| true).await
    }

    /// The same for the projector called `name` alone. An unknown name has nothing to wait for.
    ///
    /// # Errors
    /// It never will.
    pub async fn wait_for_projector(&self, name: &str, position: Position) -> Result<(), WaitError> {
        self.wait(position, |projector| projector.name == name).await
    }

    async fn wait(&self, position: Position, wanted: impl Fn(&ProjectorHealth) -> bool) -> Result<(), WaitError> {
        let mut health = self.0.clone();
        loop {
            let behind: Vec<ProjectorHealth> = {
                let health = health.borrow_and_update();
                health.projectors.iter().filter(|p| wanted(p) && p.position < position).cloned().collect()
            };
            if behind.is_empty() {
                return Ok(());
            }
            for ProjectorHealth { name, stopped, .. } in behind {
                if let Some(why) = stopped {
                    return Err(WaitError::Stopped { name, why });
                }
            }
            health.changed().await.map_err(|_| WaitError::Ended)?;
        }
    }
}
