//! Refused triggers, counted: a flood of bad requests becomes one event a minute, not one each.
//!
//! Counts that were not recorded when the process ends are lost: they are only information for people.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    error_chain::ErrorChain,
    ids::ProjectId,
    project::{Command, Project, TriggerRefused},
};
use event_log::execute::{Context, ExecuteError, Executor};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tracing::warn;

/// How often the refusals of one project for one reason are recorded at most.
pub(crate) const RECORD_EVERY: Duration = Duration::from_secs(60);
/// How many projects and reasons are counted at the same time; more are not counted.
pub(crate) const COUNTED_MAX: usize = 10_000;
/// The name under which they are recorded.
const WORKER: &str = "refused-triggers";

/// What was refused since it was recorded last. Cheap to clone.
#[derive(Clone, Default)]
pub struct RefusedTriggers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    counts: Mutex<HashMap<(ProjectId, TriggerRefused), Count>>,
    noted: Notify,
}

#[derive(Default)]
struct Count {
    refused: Option<Refused>,
    recorded_at: Option<Instant>,
}

/// So many, in this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Refused {
    count: u64,
    first_at: DateTime<Utc>,
    last_at: DateTime<Utc>,
}

impl Count {
    /// When it may be recorded again.
    fn due(&self) -> Option<Instant> {
        self.recorded_at.map(|at| at + RECORD_EVERY)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due().is_none_or(|due| due <= now)
    }
}

impl RefusedTriggers {
    /// Counts one. Never waits.
    pub fn note(&self, project: ProjectId, reason: TriggerRefused, at: DateTime<Utc>) {
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= COUNTED_MAX && !counts.contains_key(&(project, reason)) {
            return;
        }
        let count = counts.entry((project, reason)).or_default();
        let before = count.refused.unwrap_or(Refused { count: 0, first_at: at, last_at: at });
        count.refused = Some(Refused { count: before.count + 1, last_at: at, ..before });
        drop(counts);
        self.0.noted.notify_one();
    }

    /// Records counts for ever: the first of a project and reason at once, the next after [`RECORD_EVERY`].
    pub async fn record(self, executor: Arc<Executor>) {
        loop {
            for ((project, reason), refused) in self.take_due(Instant::now()) {
                let Refused { count, first_at, last_at } = refused;
                let command = Command::RecordTriggersRefused { reason, count, first_at, last_at };
                let context = Context::of_worker(WORKER, None);
                match executor.execute::<Project>(project.0, command, &context).await {
                    Ok(_) | Err(ExecuteError::Refused(_)) => {}
                    Err(ExecuteError::Log(cause)) => {
                        warn!(project.id = %project, count, error = %ErrorChain(&cause), "cannot record refused triggers");
                    }
                }
            }
            let due = self.next_due();
            tokio::select! {
                () = self.0.noted.notified() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
        }
    }

    fn take_due(&self, now: Instant) -> Vec<((ProjectId, TriggerRefused), Refused)> {
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.retain(|_, count| count.refused.is_some() || !count.is_due(now));
        let due = counts.iter_mut().filter(|(_, count)| count.is_due(now));
        due.filter_map(|(key, count)| {
            let refused = count.refused.take()?;
            count.recorded_at = Some(now);
            Some((*key, refused))
        })
        .collect()
    }

    /// When to look again; nothing if nothing waits and nothing has to be forgotten.
    fn next_due(&self) -> Option<Instant> {
        let counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = counts.values().filter(|count| count.refused.is_some());
        waiting.map(|count| count.due().unwrap_or_else(Instant::now)).min()
    }
}
