//! Build slots: how many releases of an organisation, and of the whole server, are built at the same time.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use domain::{
    ids::{OrganisationId, ReleaseId},
    organisation::Organisation,
};
use event_log::execute::{Executor, LogError};
use tokio::sync::Notify;

/// Grants build slots, first come, first served within an organisation.
pub struct Slots {
    server_max: usize,
    queues: Mutex<Queues>,
    changed: Notify,
}

#[derive(Default)]
struct Queues {
    building: usize,
    organisations: BTreeMap<OrganisationId, Queue>,
}

#[derive(Default)]
struct Queue {
    building: usize,
    waiting: VecDeque<ReleaseId>,
}

/// A place in the line, or a slot once it is granted. Dropping it lets the next one in.
pub struct Slot {
    slots: Arc<Slots>,
    organisation: OrganisationId,
    release: ReleaseId,
    granted: bool,
}

impl Slots {
    /// At most `server_max` releases are built at the same time, of all organisations together.
    #[must_use]
    pub fn new(server_max: usize) -> Arc<Self> {
        Arc::new(Self { server_max: server_max.max(1), queues: Mutex::default(), changed: Notify::new() })
    }

    /// Waits until `release` may be built, and holds its slot until the answer is dropped.
    ///
    /// # Errors
    /// The organisation's number of slots cannot be read.
    pub async fn acquire(
        self: &Arc<Self>,
        executor: &Executor,
        organisation: OrganisationId,
        release: ReleaseId,
    ) -> Result<Slot, LogError> {
        self.lock().organisations.entry(organisation).or_default().waiting.push_back(release);
        let mut slot = Slot { slots: self.clone(), organisation, release, granted: false };
        loop {
            let changed = self.changed.notified();
            // The log is asked by the one whose turn it is, not by all who wait.
            if self.is_next(organisation, release) {
                let max = executor.inspect::<Organisation, _>(organisation.0, |o, _| o.build_slots()).await?;
                if self.grant(organisation, release, usize::from(max)) {
                    slot.granted = true;
                    self.changed.notify_waiters();
                    return Ok(slot);
                }
            }
            changed.await;
        }
    }

    /// Looks again: an organisation's number of slots has changed.
    pub(crate) fn look_again(&self) {
        self.changed.notify_waiters();
    }

    /// Whether `release` is the organisation's first in line, and the server has a free slot.
    fn is_next(&self, organisation: OrganisationId, release: ReleaseId) -> bool {
        let queues = self.lock();
        let front = queues.organisations.get(&organisation).and_then(|queue| queue.waiting.front());
        queues.building < self.server_max && front == Some(&release)
    }

    fn grant(&self, organisation: OrganisationId, release: ReleaseId, max: usize) -> bool {
        let mut queues = self.lock();
        let full = queues.building >= self.server_max;
        let Some(queue) = queues.organisations.get_mut(&organisation) else { return false };
        if full || queue.building >= max || queue.waiting.front() != Some(&release) {
            return false;
        }
        queue.waiting.pop_front();
        queue.building += 1;
        queues.building += 1;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut queues = self.slots.lock();
        if self.granted {
            queues.building -= 1;
        }
        if let Some(queue) = queues.organisations.get_mut(&self.organisation) {
            if self.granted {
                queue.building -= 1;
            } else {
                queue.waiting.retain(|release| *release != self.release);
            }
            if queue.building == 0 && queue.waiting.is_empty() {
                queues.organisations.remove(&self.organisation);
            }
        }
        drop(queues);
        self.slots.changed.notify_waiters();
    }
}
